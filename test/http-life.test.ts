import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setImmediate as tick } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { openPort } from '../src/http/server.ts'
import type { Fetch } from '../src/upstream/attempt.ts'
import {
  CUSTOMER_ID,
  callTool,
  customerAnswer,
  getCustomer,
  OWN_KEY,
  send,
  startHttp,
  stopAll,
} from './support/http.ts'

afterEach(stopAll)

/** A Metronome that answers nobody until it is told to. */
function createSlowUpstream() {
  const answers: (() => void)[] = []
  const asked: (() => void)[] = []
  const seen = { calls: 0, aborted: 0 }
  const fetch: Fetch = (_, init) =>
    new Promise((resolve, reject) => {
      seen.calls += 1
      answers.push(() => resolve(customerAnswer('Acme')))
      init?.signal?.addEventListener('abort', () => {
        seen.aborted += 1
        reject(init.signal?.reason)
      })
      for (const tell of asked.splice(0)) tell()
    })
  const whenAsked = async (calls: number) => {
    while (seen.calls < calls) await new Promise<void>((resolve) => asked.push(resolve))
  }
  return { fetch, seen, whenAsked, answerAll: () => answers.splice(0).map((answer) => answer()) }
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await tick()
}

const isListening = (url: string): Promise<boolean> =>
  send(url, { method: 'GET', path: '/healthz' }).then(
    () => true,
    () => false,
  )

const archive = callTool('archive-customer', { id: CUSTOMER_ID })

describe('a caller that leaves', () => {
  test('cancels its call to Metronome', async () => {
    const { fetch, seen, whenAsked } = createSlowUpstream()
    const { url } = await startHttp(fetch)
    const leaving = new AbortController()
    const answer = send(url, { body: getCustomer(), signal: leaving.signal })
    await whenAsked(1)
    leaving.abort()
    await expect(answer).rejects.toThrow()
    await until(() => seen.aborted === 1)
  })

  test('during a write leaves a line with its Idempotency-Key', async () => {
    const { fetch, whenAsked } = createSlowUpstream()
    const { url, log } = await startHttp(fetch)
    const leaving = new AbortController()
    const answer = send(url, { body: archive, signal: leaving.signal })
    await whenAsked(1)
    leaving.abort()
    await expect(answer).rejects.toThrow()
    await until(() => log.some((line) => /^warn write-cancelled .*idempotency-key=\S+ outcome=unknown/.test(line)))
  })
})

describe('at the end', () => {
  test('/readyz turns 503 first, and calls under way get their answers with Connection: close', async () => {
    const { fetch, whenAsked, answerAll } = createSlowUpstream()
    const server = await startHttp(fetch, { drainMs: 4_000 })
    const slow = send(server.url, { body: getCustomer(), headers: { connection: 'keep-alive' } })
    await whenAsked(1)
    const exited = server.stop()
    const ready = await send(server.url, { method: 'GET', path: '/readyz' })
    expect(ready).toMatchObject({ status: 503, text: 'draining\n' })
    expect(await send(server.url, { method: 'GET', path: '/healthz' })).toMatchObject({ status: 200 })
    while (await isListening(server.url)) await tick()
    answerAll()
    expect(await slow).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(await exited).toBe(0)
    await expect(send(server.url, { method: 'GET', path: '/healthz' })).rejects.toThrow('ECONNREFUSED')
  })

  test('a write that is cut off is answered with its word, and a read is told to come again', async () => {
    const { fetch, whenAsked } = createSlowUpstream()
    const server = await startHttp(fetch)
    const [write, read] = [send(server.url, { body: archive }), send(server.url, { body: getCustomer() })]
    await whenAsked(2)
    expect(await server.stop()).toBe(0)
    expect((await write).text).toContain('Outcome: unknown.')
    expect((await read).text).toContain('Call again.')
    expect(server.log.filter((line) => line.includes('write-cancelled'))).toHaveLength(1)
  })

  test('a write that was refused and waits to be repeated is told that it was not done', async () => {
    let attempts = 0
    const server = await startHttp(async () => {
      attempts += 1
      return Response.json({ message: 'slow down' }, { status: 429, headers: { 'retry-after': '4' } })
    })
    const write = send(server.url, { body: archive })
    await until(() => attempts === 1)
    await tick()
    expect(await server.stop()).toBe(0)
    expect((await write).text).toMatch(/answered 429: .*slow down.* Outcome: not_applied\./)
    expect(server.log.join('\n')).not.toContain('write-cancelled')
  })
})

describe('limits', () => {
  test('50 calls are under way, 1,000 wait, and the next is 429 with Retry-After', async () => {
    const { fetch, seen, answerAll } = createSlowUpstream()
    const { url } = await startHttp(fetch, {}, OWN_KEY, 60_000)
    const batch = (size: number) => JSON.stringify(Array.from({ length: size }, (_, id) => JSON.parse(getCustomer(id))))
    const waiting = Array.from({ length: 11 }, (_, index) => send(url, { body: batch(index < 10 ? 100 : 50) }))
    const gauge = async () => (await send(url, { method: 'GET', path: '/metrics' })).text
    while (!(await gauge()).includes('metronome_calls_waiting 1000')) await tick()
    expect(seen.calls).toBe(50)
    const refused = await send(url, { body: getCustomer() })
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    expect(await send(url, { method: 'GET', path: '/readyz' })).toMatchObject({ status: 200 })
    const answering = Promise.all(waiting)
    let answered = false
    void answering.finally(() => {
      answered = true
    })
    while (!answered) {
      answerAll()
      await tick()
    }
    expect((await answering).every(({ status, text }) => status === 200 && !text.includes('isError'))).toBe(true)
    expect(await gauge()).toContain('metronome_http_refused_total{check="queue",status="429"} 1')
  })

  test('a batch that no longer fits is told so call by call, and nothing of it is sent', async () => {
    const { fetch, whenAsked } = createSlowUpstream()
    const { url } = await startHttp(fetch, {}, OWN_KEY, 60_000)
    const many = (size: number) =>
      JSON.stringify(Array.from({ length: size }, (_, id) => ({ ...JSON.parse(archive), id })))
    const waiting = Array.from({ length: 10 }, () => send(url, { body: many(100) }).catch(() => {}))
    await whenAsked(50)
    while (!(await send(url, { method: 'GET', path: '/metrics' })).text.includes('metronome_calls_waiting 950'))
      await tick()
    const last = send(url, { body: many(100) })
    while (!(await send(url, { method: 'GET', path: '/metrics' })).text.includes('outcome="busy"} 50')) await tick()
    await stopAll()
    const results: { result: { content: { text: string }[] } }[] = JSON.parse((await last).text)
    const texts = results.map(({ result }) => result.content[0]?.text ?? '')
    expect(texts.filter((text) => /too many calls.*Outcome: not_applied\./.test(text))).toHaveLength(50)
    expect(texts.filter((text) => /is stopping, nothing was sent.*Outcome: not_applied\./.test(text))).toHaveLength(50)
    await Promise.all(waiting)
  })

  test('a call that gets no turn ends within its budget too, and says that nothing was sent', async () => {
    const { fetch, seen } = createSlowUpstream()
    const timeoutMs = 2_000
    const { url } = await startHttp(fetch, {}, OWN_KEY, timeoutMs)
    const reads = Array.from({ length: 50 }, (_, id) => JSON.parse(getCustomer(id)))
    const startedAt = performance.now()
    const under = send(url, { body: JSON.stringify(reads) })
    while (seen.calls < 50) await tick()
    const { text } = await send(url, { body: archive })
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs)
    expect(text).toMatch(/none of them ended in time, nothing was sent.*Outcome: not_applied\./)
    await under
    expect(seen.calls).toBe(50)
  })

  test('without a token a limit of requests counts by address, and 0 is none', async () => {
    const { url } = await startHttp(async () => customerAnswer('Acme'), { rateLimit: 2 })
    const statuses = []
    for (let index = 0; index < 3; index++) statuses.push((await send(url, { body: getCustomer() })).status)
    expect(statuses).toEqual([200, 200, 429])
    expect(await send(url, { method: 'GET', path: '/healthz' })).toMatchObject({ status: 200 })
  })

  test('with passthrough every key has a limit of its own', async () => {
    const { url } = await startHttp(async () => customerAnswer('Acme'), { rateLimit: 1, passthrough: true })
    const ask = async (key: string) =>
      (await send(url, { body: getCustomer(), headers: { authorization: `Bearer ${key}` } })).status
    expect([await ask('metronome-key-1'), await ask('metronome-key-1'), await ask('metronome-key-2')]).toEqual([
      200, 429, 200,
    ])
  })
})

describe('slow senders', () => {
  const guard = async () => new Response('ok')
  const open = () =>
    openPort({ host: '127.0.0.1', port: 0, guard, onError() {}, timeouts: { headersMs: 50, requestMs: 60 } })

  test.each([
    ['nothing', ''],
    ['half a request line', 'POST /m'],
    ['headers without end', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nX: '],
    ['a body that does not come', 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{'],
  ])('that send %s are cut off', async (_, text) => {
    const port = await open()
    const socket = connect(Number(new URL(port.url).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.write(text)
    socket.resume()
    await once(socket, 'close')
    await port.drain(0, undefined)
  })
})

test('an address that is taken is named in one line', async () => {
  const { url } = await startHttp(async () => customerAnswer('Acme'))
  const port = Number(new URL(url).port)
  await expect(startHttp(async () => customerAnswer('Acme'), { port })).rejects.toThrow(
    `127.0.0.1:${port} is in use already; stop what listens there, or choose another port.`,
  )
})

test('an address that is not ours is named in one line', async () => {
  await expect(startHttp(async () => customerAnswer('Acme'), { host: '192.0.2.1' })).rejects.toThrow(
    /^192\.0\.2\.1:0 cannot be listened on \(\w+\); choose another host or port\.$/,
  )
})

// Only Linux tells how much memory another process holds.
test.runIf(existsSync('/proc/self/status'))(
  '1,000 abandoned connections leave no more than 60 MiB behind',
  async () => {
    const server = spawn('node', ['bin/metronome-customers-mcp.js', '--http', '--port', '0', '--sandbox'])
    try {
      const url = await readUrl(server.stderr)
      const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024
      const abandon = (count: number) =>
        Promise.all(Array.from({ length: count }, (_, index) => abandonOne(url, index)))
      await abandon(20)
      const before = memory()
      for (let round = 0; round < 10; round++) await abandon(100)
      expect(await send(url, { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' }) })).toMatchObject({
        status: 200,
      })
      expect(memory() - before).toBeLessThan(60)
    } finally {
      server.kill('SIGKILL')
    }
  },
)

async function readUrl(stderr: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const chunk of stderr) {
    text += chunk
    const url = /url=(http:\/\/[^/]+)/.exec(text)?.[1]
    if (url) return url
  }
  throw new Error(`no address in ${text}`)
}

/** Leaves in the middle: of the headers, of the body, or before the answer. */
async function abandonOne(url: string, index: number): Promise<void> {
  const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  const body = getCustomer(index)
  const head = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: */*\r\nContent-Length: ${body.length}\r\n\r\n`
  const texts = [head.slice(0, 60), head + body.slice(0, 20), head + body]
  socket.write(texts[index % texts.length] ?? '')
  socket.destroy()
  await once(socket, 'close')
}
