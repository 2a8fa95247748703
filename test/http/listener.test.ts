import { once } from 'node:events'
import { setImmediate as tick } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import {
  buildApp,
  formatRequest,
  openSocket,
  send,
  startListeners,
  stopListeners,
  type TestRoute,
} from '../support/listeners.ts'

afterEach(stopListeners)

/** A route that responds when it is told to. */
function createSlowRoute() {
  const signals: AbortSignal[] = []
  const pending: (() => void)[] = []
  const route: TestRoute = {
    handlers: {
      POST: (_, { signal }) => {
        signals.push(signal)
        return new Promise((resolve) => pending.push(() => resolve(new Response('done'))))
      },
    },
  }
  return { route, signals, respondToAll: () => pending.splice(0).map((respond) => respond()) }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await tick()
}

const isAccepting = (port: number) =>
  openSocket(port).then(
    (socket) => socket.destroy(),
    () => undefined,
  )

const post = { method: 'POST', target: '/slow', headers: { 'content-type': 'application/json' }, body: '{}' }

describe('a client that closes its connection', () => {
  test.each([
    ['destroys', 1],
    ['destroys', 8],
    ['ends', 1],
    ['ends', 8],
  ])('and %s its socket aborts all %i requests on it', async (how, count) => {
    const { route, signals, respondToAll } = createSlowRoute()
    let interrupts = 0
    const { port, listeners, errors } = await startListeners(
      { '/slow': route },
      {
        interrupt() {
          interrupts += 1
        },
      },
    )
    const socket = await openSocket(port)
    const other = send(port, post)
    socket.write(formatRequest(post).repeat(count))
    await until(() => signals.length === count + 1)
    if (how === 'destroys') socket.destroy()
    else socket.end()
    await until(() => signals.filter(({ aborted }) => aborted).length === count)
    respondToAll()
    // The other connection was not touched.
    expect(await other).toMatchObject({ status: 200, body: 'done' })
    expect(signals.filter(({ aborted }) => aborted)).toHaveLength(count)
    await listeners.drain(400)
    expect({ interrupts, errors }).toEqual({ interrupts: 0, errors: [] })
  })

  test('in the middle of a body causes no error', async () => {
    const { route, signals } = createSlowRoute()
    const { port, listeners, rejected, errors } = await startListeners({ '/slow': route })
    const socket = await openSocket(port)
    socket.write(formatRequest({ ...post, headers: { ...post.headers, 'content-length': '10' } }))
    // The server has read the request above when it responds to a later one.
    await send(port, { target: '/healthz' })
    socket.destroy()
    await listeners.drain(400)
    expect({ signals, rejected, errors }).toEqual({ signals: [], rejected: [], errors: [] })
  })
})

test('pipelined requests get their responses in order, and none is aborted', async () => {
  const { route, signals, respondToAll } = createSlowRoute()
  const { port } = await startListeners({ '/slow': route })
  const socket = await openSocket(port)
  const last = { ...post, headers: { ...post.headers, connection: 'close' } }
  socket.write(formatRequest(post).repeat(11) + formatRequest(last))
  await until(() => signals.length === 12)
  respondToAll()
  let text = ''
  for await (const chunk of socket) text += chunk
  expect(text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(12)
  expect(signals.some(({ aborted }) => aborted)).toBe(false)
})

describe('drain', () => {
  test('turns /readyz 503 first, then finishes requests in flight with Connection: close', async () => {
    const { route, signals, respondToAll } = createSlowRoute()
    const { port, listeners } = await startListeners({ '/slow': route })
    const slow = openSocket(port)
    ;(await slow).write(formatRequest(post))
    await until(() => signals.length === 1)
    const drained = listeners.drain(4_000)
    expect(await send(port, { target: '/readyz' })).toMatchObject({ status: 503, body: 'draining\n' })
    expect(await send(port, { target: '/healthz' })).toMatchObject({ status: 200 })
    while (await isAccepting(port)) await tick()
    respondToAll()
    let text = ''
    for await (const chunk of await slow) text += chunk
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n.*connection: close\r\n.*done$/is)
    await drained
  })

  test('serves requests on idle connections that were open before, with Connection: close', async () => {
    const { route, signals, respondToAll } = createSlowRoute()
    const { port, listeners } = await startListeners({ '/slow': route })
    const [slow, idle] = [await openSocket(port), await openSocket(port)]
    slow.write(formatRequest(post))
    const health = formatRequest({ target: '/healthz' })
    idle.write(health)
    expect(String(await once(idle, 'data'))).toMatch(/connection: keep-alive/i)
    await until(() => signals.length === 1)
    const drained = listeners.drain(4_000)
    while (await isAccepting(port)) await tick()
    idle.write(health)
    let text = ''
    for await (const chunk of idle) text += chunk
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n.*ok\n$/is)
    respondToAll()
    slow.resume()
    await drained
  })

  test('interrupts the requests that take longer, and sends their responses', async () => {
    const { route, signals, respondToAll } = createSlowRoute()
    const { port, listeners } = await startListeners({ '/slow': route }, { interrupt: respondToAll })
    const slow = send(port, post)
    await until(() => signals.length === 1)
    await listeners.drain(40)
    expect(await slow).toMatchObject({ status: 200, body: 'done' })
  })

  test('closes the connections whose requests ignore the interrupt', async () => {
    const { route, signals } = createSlowRoute()
    const { port, listeners } = await startListeners({ '/slow': route })
    const socket = await openSocket(port)
    socket.write(formatRequest(post))
    await until(() => signals.length === 1)
    const closed = once(socket.resume(), 'close')
    await listeners.drain(0)
    await closed
    await until(() => signals.every(({ aborted }) => aborted))
  })
})

describe('open', () => {
  test('names an address in use and closes the ports opened before', async () => {
    const { port, listeners } = await startListeners({})
    await expect(listeners.open({ host: '127.0.0.1', port, app: buildApp({}) })).rejects.toThrow(
      `127.0.0.1:${port} is in use already; stop what listens there, or choose another port.`,
    )
    await expect(send(port)).rejects.toThrow('ECONNREFUSED')
  })

  test('names an address that is not local', async () => {
    await expect(startListeners({}, { host: '192.0.2.1' })).rejects.toThrow(
      /^192\.0\.2\.1:0 cannot be listened on \(\w+\); choose another host or port\.$/,
    )
  })
})

test('/readyz is 503 with the reason while the process is not ready', async () => {
  let reason: string | undefined = 'no key'
  const { port } = await startListeners({}, { notReadyReason: () => reason })
  expect(await send(port, { target: '/readyz' })).toMatchObject({ status: 503, body: 'no key\n' })
  reason = undefined
  expect(await send(port, { target: '/readyz' })).toMatchObject({ status: 200, body: 'ready\n' })
})

test('an error of a handler is reported and gets 500', async () => {
  const error = new Error('secret detail')
  const { port, errors } = await startListeners({
    '/items': {
      handlers: {
        GET: async () => {
          throw error
        },
      },
    },
  })
  expect(await send(port)).toMatchObject({ status: 500, body: '{"message":"Internal server error."}' })
  expect(errors).toEqual([error])
})

describe('a slow client', () => {
  test.each([
    ['nothing', ''],
    ['half a request line', 'POST /s'],
    ['endless headers', 'POST /slow HTTP/1.1\r\nHost: localhost\r\nX: '],
    ['half a body', formatRequest({ ...post, headers: { ...post.headers, 'content-length': '10' } })],
  ])('that sends %s is disconnected', async (_, text) => {
    const { route } = createSlowRoute()
    const { port, errors } = await startListeners({ '/slow': route }, { timeouts: { headersMs: 50, requestMs: 60 } })
    const socket = await openSocket(port)
    socket.write(text)
    await once(socket.resume(), 'close')
    expect(errors).toEqual([])
  })
})
