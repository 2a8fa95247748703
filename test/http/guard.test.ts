import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { CHECKS, createTokenCheck } from '../../src/http/guard.ts'
import { hostNameOf } from '../../src/http/urls.ts'
import {
  buildApp,
  formatRequest,
  openSocket,
  type Sent,
  send,
  startListeners,
  stopListeners,
  type TestRoute,
} from '../support/listeners.ts'

afterEach(stopListeners)

const TOKEN = 'correct-horse-battery-staple-0123456789'

const items: TestRoute = {
  handlers: {
    GET: async ({ url }) => Response.json({ path: new URL(url).pathname }),
    POST: async (_, { json }) => Response.json({ json }),
  },
  usesUpstream: true,
}
const calls: TestRoute = { handlers: { POST: async (_, { bearer = null }) => Response.json({ bearer }) } }
const page: TestRoute = { handlers: { GET: async () => Response.json({}) }, public: true }
const broken: TestRoute = {
  handlers: {
    GET: async () => {
      throw new Error('broken')
    },
  },
}
const routes = { '/items': items, '/calls': calls, '/page': page, '/broken': broken }

const post = (sent: Sent = {}): Sent => ({
  method: 'POST',
  body: '{}',
  ...sent,
  headers: { 'content-type': 'application/json', ...sent.headers },
})

const KIB = 1024
const MIB = 1024 * KIB
const MAX_BODY = 512 * KIB

/** The table of docs/http.md: each check with its status. */
function readDocumented(): [check: string, status: number][] {
  const rows = readFileSync('docs/http.md', 'utf8').matchAll(/^\| `([a-z-]+)` +\| (\d{3})\b/gm)
  return Array.from(rows, ([, check = '', status]) => [check, Number(status)])
}

/** Opens connections that announce so many bytes together and send none, and waits until all have been read. */
async function announceBodies(port: number, bytes: number): Promise<Socket[]> {
  const count = Math.ceil(bytes / MAX_BODY)
  const sockets = await Promise.all(Array.from({ length: count }, () => openSocket(port)))
  for (const [index, socket] of sockets.entries()) {
    const length = index < count - 1 ? MAX_BODY : bytes - (count - 1) * MAX_BODY
    const headers = { 'content-length': String(length), expect: '100-continue', authorization: `Bearer ${TOKEN}` }
    socket.write(formatRequest(post({ headers, body: '' })))
    await once(socket, 'data')
  }
  return sockets
}

describe('the order of the checks', () => {
  test('is the one of docs/http.md', () => {
    expect(readDocumented().map(([check]) => check)).toEqual([...CHECKS.map(({ name }) => name), 'parse'])
  })

  test('shows when a request that fails all of them is corrected step by step', async () => {
    let isSaturated = true
    const { port, rejected } = await startListeners(routes, {
      isAllowedBearer: createTokenCheck([TOKEN]),
      isSaturated: () => isSaturated,
    })
    const huge = ' '.repeat(MAX_BODY + 1)
    let announced: Socket[] = []
    const headers: Record<string, string | undefined> = {
      host: 'evil.example',
      origin: 'http://evil.example:1',
      'sec-fetch-site': 'same-site',
      'content-type': 'text/plain',
      'content-encoding': 'gzip',
      accept: 'text/html',
    }
    const sent = { method: 'PUT', target: '/../nowhere', headers, body: huge }
    const steps: [check: string, status: number, message: string, correct: () => unknown][] = [
      ['host', 403, 'Host not allowed. Use localhost.', () => Object.assign(headers, { host: 'localhost' })],
      ['origin', 403, 'Origin not allowed.', () => Object.assign(headers, { origin: undefined })],
      [
        'sec-fetch-site',
        403,
        'Requests from pages of other origins are not allowed.',
        () => Object.assign(headers, { 'sec-fetch-site': 'none' }),
      ],
      [
        'target',
        400,
        'The request target must be an absolute path without dot segments.',
        () => Object.assign(sent, { target: '/nowhere' }),
      ],
      ['path', 404, 'Not found. Try /items.', () => Object.assign(sent, { target: '/items' })],
      ['token', 401, 'Missing bearer token.', () => Object.assign(headers, { authorization: 'Bearer wrong' })],
      ['token', 401, 'Invalid bearer token.', () => Object.assign(headers, { authorization: `Bearer ${TOKEN}` })],
      ['method', 405, 'Method not allowed; use GET or POST.', () => Object.assign(sent, { method: 'POST' })],
      [
        'content-type',
        415,
        'Content-Type must be application/json.',
        () => Object.assign(headers, { 'content-type': 'application/json' }),
      ],
      [
        'content-encoding',
        415,
        'Content-Encoding is not supported; send the body uncompressed.',
        () => Object.assign(headers, { 'content-encoding': 'identity' }),
      ],
      ['accept', 406, 'Accept must allow application/json.', () => Object.assign(headers, { accept: '*/*' })],
      ['size', 413, 'The body is larger than 512 KiB.', () => Object.assign(sent, { body: '{' })],
      [
        'queue',
        429,
        'Too many calls are waiting; retry in 1 second.',
        async () => {
          isSaturated = false
          announced = await announceBodies(port, 32 * MIB)
        },
      ],
      [
        'bytes-in-flight',
        429,
        'The bodies of the requests in flight are too large together; retry in 1 second.',
        () => Promise.all(announced.map(leave)),
      ],
      ['parse', 400, 'The body is not valid JSON in UTF-8.', () => Object.assign(sent, { body: '{}' })],
    ]
    for (const [, status, message, correct] of steps) {
      const response = await send(port, sent)
      expect({ status: response.status, body: response.body }).toEqual({ status, body: JSON.stringify({ message }) })
      await correct()
    }
    expect(await send(port, sent)).toMatchObject({ status: 200, body: '{"json":{}}' })
    expect(rejected).toEqual(steps.map(([check, status]) => [check, status]))
    expect(rejected.filter(([check], index) => check !== rejected[index - 1]?.[0])).toEqual(readDocumented())
  })
})

describe('HEAD', () => {
  test.each(['/items', '/page', '/healthz', '/readyz', '/metrics', '/nowhere', '/broken', '/calls'])(
    'of %s has the status and headers of GET and no body',
    async (target) => {
      const { port } = await startListeners(routes)
      const [get, head] = [await send(port, { target }), await send(port, { method: 'HEAD', target })]
      const plain = ({ status, headers }: typeof get) => ({ status, ...Object.fromEntries(headers), date: '' })
      expect(plain(head)).toEqual(plain(get))
      expect(get.body).not.toBe('')
      expect(head.body).toBe('')
    },
  )

  test.each([
    ['/items', 'PUT', 'GET, HEAD, POST'],
    ['/page', 'POST', 'GET, HEAD'],
    ['/healthz', 'POST', 'GET, HEAD'],
    ['/calls', 'HEAD', 'POST'],
    ['/calls', 'OPTIONS', 'POST'],
  ])('%s lists its methods in Allow when the method is %s', async (target, method, allow) => {
    const { port } = await startListeners(routes)
    const response = await send(port, { method, target })
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  })
})

describe('the request target', () => {
  test.each([
    ['/items', 200],
    ['/items/', 200],
    ['/items/?limit=1', 200],
    ['/items?next=/../..', 200],
    ['/healthz/', 200],
    ['/items//', 404],
    ['/', 404],
    ['//items', 404],
    ['/items.', 404],
    ['/...', 404],
    ['/./items', 400],
    ['/page/../items', 400],
    ['/page/%2e%2E/items', 400],
    ['/page/.%2e/items', 400],
    ['/page/%2e', 400],
    ['/items/..', 400],
    ['/page\\..\\items', 400],
    ['/items#top', 400],
    ['*', 400],
    ['http://localhost/items', 400],
    ['http://evil.example/items', 400],
    ['http://localhost@evil.example:99999/items', 400],
  ])('%s gets %i', async (target, status) => {
    const { port, rejected } = await startListeners(routes)
    // OPTIONS is the only method that allows `*`.
    const response = await send(port, { method: target === '*' ? 'OPTIONS' : 'GET', target })
    expect(response.status).toBe(status)
    expect(rejected).toEqual(status === 200 ? [] : [[status === 400 ? 'target' : 'path', status]])
  })
})

describe('Host', () => {
  test.each([
    'localhost',
    'localhost.',
    'LOCALHOST.:9090',
    'LOCALHOST:1',
    '127.0.0.1:9090',
    '127.9.9.9',
    '[::1]',
    '[::1]:9090',
    'api.example.com',
    'API.example.com:443',
    'api.example.com.',
    'API.example.com.:443',
    '[2001:db8::1]:80',
  ])('%s is allowed', async (host) => {
    const { port } = await startListeners(routes, { allowedHosts: ['api.example.com', '[2001:db8::1]'] })
    expect(await send(port, { headers: { host } })).toMatchObject({ status: 200 })
  })

  test.each([
    '',
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '169.254.169.254',
    '0.0.0.0',
    '127.1',
    '0x7f000001',
    '[::ffff:127.0.0.1]',
    '[0:0:0:0:0:0:0:1]',
    'ｌｏｃａｌｈｏｓｔ',
    '%6cocalhost',
    'user@localhost',
    'localhost:pass@evil.example',
    'localhost:99999',
    'localhost:',
    'localhost..',
    '.localhost',
    '127.0.0.1.',
    '[::1].',
    'evil.example.',
    'localhost/items',
    'localhost\\x',
    'local host',
    ['localhost', 'evil.example'],
  ])('%s is rejected with 403 and counted', async (host) => {
    const { port, rejected } = await startListeners(routes)
    for (const target of ['/items', '/healthz', '/metrics', '/nowhere', 'http://localhost/items'])
      expect(await send(port, { target, headers: { host } })).toMatchObject({ status: 403 })
    expect(rejected).toEqual(Array(5).fill(['host', 403]))
  })

  const address = Object.values(networkInterfaces())
    .flat()
    .find((found) => found?.family === 'IPv4' && !found.internal)?.address

  test.runIf(address)('that is the local IP address of the connection is allowed, with Origin and token', async () => {
    const { port } = await startListeners(routes, { host: '0.0.0.0', isAllowedBearer: createTokenCheck([TOKEN]) })
    const status = async (sent: Sent, to = address) => (await send(port, sent, to)).status
    const host = `${address}:${port}`
    expect(await status({ target: '/readyz', headers: { host } })).toBe(200)
    expect(await status({ headers: { host } })).toBe(401)
    const authorization = `Bearer ${TOKEN}`
    expect(await status({ headers: { host, authorization } })).toBe(200)
    expect(await status({ headers: { host, authorization, origin: `http://${host}` } })).toBe(200)
    expect(await status({ headers: { host, authorization, origin: 'http://localhost' } })).toBe(403)
    // The connection comes to another address.
    expect(await status({ headers: { host } }, '127.0.0.1')).toBe(403)
  })

  test.each([
    ['10.0.0.11', '10.0.0.11'],
    ['::ffff:10.0.0.11', '10.0.0.11'],
    ['2001:db8::1', '[2001:db8::1]'],
    ['::1', '[::1]'],
    ['', ''],
  ])('of the local address %j is %j', (local, name) => {
    expect(hostNameOf(local)).toBe(name)
  })
})

describe('a page of another site', () => {
  test.each([
    ['http://localhost:9090', 'localhost:9090', undefined, 200],
    ['http://127.0.0.1:9090', 'localhost:9090', undefined, 200],
    ['http://localhost:3000', 'localhost:9090', undefined, 403],
    ['https://localhost:9090', 'localhost:9090', undefined, 403],
    ['http://localhost.:9090', 'localhost:9090', undefined, 200],
    ['http://localhost:9090', '127.0.0.1:9090', undefined, 200],
    ['http://localhost.:3000', 'localhost.:9090', undefined, 403],
    ['http://localhost..:9090', 'localhost:9090', undefined, 403],
    ['https://api.example.com', 'api.example.com.', 'https', 200],
    ['https://api.example.com.', 'api.example.com', 'https', 200],
    ['https://evil.example.', 'api.example.com.', 'https', 403],
    ['null', 'localhost:9090', undefined, 403],
    ['http://localhost:9090@evil.example', 'localhost:9090', undefined, 403],
    ['https://api.example.com', 'api.example.com', 'https', 200],
    ['https://api.example.com', 'api.example.com', undefined, 403],
    ['http://localhost', 'api.example.com', 'https', 403],
  ])('with Origin %s at Host %s behind %s gets %i', async (origin, host, proto, status) => {
    const { port } = await startListeners(routes, { allowedHosts: ['api.example.com'] })
    const response = await send(port, { headers: { origin, host, 'x-forwarded-proto': proto } })
    expect(response.status).toBe(status)
    expect(Array.from(response.headers.keys()).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test.each([
    ['same-origin', 200],
    ['none', 200],
    ['cross-site', 403],
    ['same-site', 403],
    ['CROSS-SITE', 403],
    ['Same-Origin', 403],
    ['None', 403],
    ['', 403],
    ['none, none', 403],
    ['future-value', 403],
  ])('with Sec-Fetch-Site %s gets %i on every route', async (site, status) => {
    const { port } = await startListeners(routes)
    for (const target of ['/items', '/page', '/healthz', '/metrics'])
      expect(await send(port, { target, headers: { 'sec-fetch-site': site } })).toMatchObject({ status })
  })
})

describe('every response', () => {
  test.each<[number, Sent]>([
    [200, {}],
    [200, { target: '/healthz' }],
    [400, post({ body: '{' })],
    [403, { headers: { host: '[::ffff:127.0.0.1]' } }],
    [404, { target: '/nowhere' }],
    [413, post({ body: ' '.repeat(MAX_BODY + 1) })],
    [500, { target: '/broken' }],
  ])('with status %i forbids sniffing and use by other origins', async (status, sent) => {
    const { port } = await startListeners(routes)
    const response = await send(port, sent)
    expect(response.status).toBe(status)
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('cross-origin-resource-policy')).toBe('same-origin')
  })
})

describe('Accept', () => {
  test.each([
    [undefined, 200],
    ['', 200],
    ['application/json', 200],
    ['application/json, text/event-stream', 200],
    ['text/event-stream;q=0.5, APPLICATION/JSON', 200],
    ['application/json;charset=utf-8', 200],
    ['application/*', 200],
    ['*/*', 200],
    ['text/html, */*;q=0.1', 200],
    ['*/*;q=0, application/json', 200],
    ['text/html', 406],
    ['text/event-stream', 406],
    ['text/*', 406],
    ['application/json;q=0', 406],
    ['application/json;q=0.000, */*', 406],
    ['*/*;q=0', 406],
  ])('%s gets %i', async (accept, status) => {
    const { port } = await startListeners(routes)
    expect(await send(port, post({ headers: { accept } }))).toMatchObject({ status })
    expect(await send(port, { headers: { accept } })).toMatchObject({ status })
  })

  test('does not matter to /healthz, /readyz and /metrics', async () => {
    const { port } = await startListeners(routes)
    for (const target of ['/healthz', '/readyz', '/metrics'])
      expect(await send(port, { target, headers: { accept: 'image/png' } })).toMatchObject({ status: 200 })
  })
})

describe('the bearer token', () => {
  test('is one of the tokens, on every route that is not public', async () => {
    const { port } = await startListeners(routes, { isAllowedBearer: createTokenCheck([TOKEN, 'other-token']) })
    for (const token of [TOKEN, 'other-token']) {
      const response = await send(port, post({ target: '/calls', headers: { authorization: `bearer  ${token}` } }))
      expect(response).toMatchObject({ status: 200, body: JSON.stringify({ bearer: token }) })
    }
    for (const target of ['/items', '/calls', '/metrics'])
      expect(await send(port, { target })).toMatchObject({ status: 401 })
    for (const target of ['/page', '/healthz', '/readyz'])
      expect(await send(port, { target })).toMatchObject({ status: 200 })
  })

  test.each<[string, string | readonly string[] | undefined, string]>([
    ['missing', undefined, 'Bearer'],
    ['of another scheme', `Basic ${TOKEN}`, 'Bearer'],
    ['empty', 'Bearer ', 'Bearer'],
    ['one of two words', `Bearer x ${TOKEN}`, 'Bearer'],
    ['sent twice', [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`], 'Bearer'],
    ['too short', `Bearer ${TOKEN.slice(0, -1)}`, 'Bearer error="invalid_token"'],
    ['too long', `Bearer ${TOKEN}x`, 'Bearer error="invalid_token"'],
    ['in another case', `Bearer ${TOKEN.toUpperCase()}`, 'Bearer error="invalid_token"'],
  ])('that is %s is rejected with 401', async (_, authorization, challenge) => {
    const { port } = await startListeners(routes, { isAllowedBearer: createTokenCheck([TOKEN]) })
    const response = await send(port, { target: `/items?access_token=${TOKEN}`, headers: { authorization } })
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, challenge])
    expect(response.body).not.toContain(TOKEN)
  })
})

test('a saturated queue rejects only routes that use the upstream', async () => {
  const { port } = await startListeners(routes, { isSaturated: () => true })
  const response = await send(port)
  expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
  for (const target of ['/page', '/healthz', '/metrics'])
    expect(await send(port, { target })).toMatchObject({ status: 200 })
})

describe('a body', () => {
  const chunked = (body: string) =>
    post({ headers: { 'transfer-encoding': 'chunked' }, body: `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` })

  test('of 512 KiB is read, one byte more gets 413, with and without Content-Length', async () => {
    const { port, rejected } = await startListeners(routes)
    const [largest, tooLarge] = [' '.repeat(MAX_BODY - 1) + 1, ' '.repeat(MAX_BODY) + 1]
    expect(await send(port, post({ body: largest }))).toMatchObject({ status: 200 })
    expect(await send(port, chunked(largest))).toMatchObject({
      status: 200,
      body: expect.stringContaining('{"json":1}'),
    })
    expect(await send(port, post({ body: tooLarge }))).toMatchObject({ status: 413 })
    expect(await send(port, chunked(tooLarge))).toMatchObject({ status: 413 })
    expect(rejected).toEqual(Array(2).fill(['size', 413]))
  })

  test.each(['', '{', 'null x', '\u0000'])('%j gets 400', async (body) => {
    const { port, rejected } = await startListeners(routes)
    expect(await send(port, post({ body, headers: { 'content-length': String(body.length) } }))).toMatchObject({
      status: 400,
    })
    expect(rejected).toEqual([['parse', 400]])
  })

  test('over the limit is not read: the connection closes after the response', async () => {
    const { port } = await startListeners(routes)
    const socket = await openSocket(port)
    socket.write(formatRequest(post({ headers: { 'content-length': String(MAX_BODY + 1) }, body: '' })))
    let text = ''
    for await (const chunk of socket) text += chunk
    expect(text).toMatch(/^HTTP\/1\.1 413 .*\r\nconnection: close\r\n/is)
  })

  test.each([
    ['gzip', 415],
    ['GZIP', 415],
    ['br', 415],
    ['deflate', 415],
    ['identity, gzip', 415],
    ['unknown', 415],
    [undefined, 200],
    ['', 200],
    ['identity', 200],
    ['Identity, identity', 200],
  ])('with Content-Encoding %j gets %i', async (coding, status) => {
    const { port } = await startListeners(routes)
    const response = await send(port, post({ headers: { 'content-encoding': coding } }))
    expect([response.status, response.headers.get('accept-encoding')]).toEqual([
      status,
      status === 415 ? 'identity' : null,
    ])
  })

  test('is JSON by its Content-Type alone', async () => {
    const { port } = await startListeners(routes)
    const status = async (type: string | undefined) =>
      (await send(port, post({ headers: { 'content-type': type } }))).status
    for (const type of ['application/json', 'Application/JSON; charset=utf-8']) expect(await status(type)).toBe(200)
    for (const type of [undefined, 'text/plain', 'text/plain; x=application/json', 'application/json, text/plain'])
      expect(await status(type)).toBe(415)
  })
})

/** Leaves, and waits until the server has seen it. */
async function leave(socket: Socket): Promise<void> {
  socket.resume().end()
  await once(socket, 'close')
}

describe('the bodies in flight', () => {
  const chunk = (bytes: number) => `${bytes.toString(16)}\r\n${' '.repeat(bytes)}\r\n`
  const chunkedHead = formatRequest(post({ headers: { 'transfer-encoding': 'chunked' }, body: '' }))

  test('may have 32 MiB together on all ports; beyond that a body gets 429, and a request without one is served', async () => {
    const { port, listeners, rejected } = await startListeners(routes)
    const { url } = await listeners.open({ host: '127.0.0.1', port: 0, app: buildApp(routes) })
    const otherPort = Number(new URL(url).port)
    const sockets = [...(await announceBodies(port, 20 * MIB)), ...(await announceBodies(otherPort, 12 * MIB - 1_000))]
    for (const [to, body, status] of [
      [port, '{}'.padEnd(1_000), 200],
      [port, '{}'.padEnd(1_001), 429],
      [otherPort, '{}'.padEnd(1_001), 429],
    ] as const) {
      const response = await send(to, post({ body }))
      expect([response.status, response.headers.get('retry-after')]).toEqual([status, status === 429 ? '1' : null])
    }
    expect(await send(port, { target: '/healthz' })).toMatchObject({ status: 200 })
    expect(rejected).toEqual(Array(2).fill(['bytes-in-flight', 429]))
    await Promise.all(sockets.map(leave))
    expect(await send(port, post({ body: '{}'.padEnd(1_001) }))).toMatchObject({ status: 200 })
  })

  test('count more when they have many values in few bytes', async () => {
    const { port, rejected } = await startListeners(routes)
    const sockets = await announceBodies(port, 31.5 * MIB)
    const dense = `[${Array(5_000).fill('{}').join()}]`
    expect(await send(port, post({ body: `"${'x'.repeat(dense.length)}"` }))).toMatchObject({ status: 200 })
    const response = await send(port, post({ body: dense }))
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '1'])
    expect(rejected).toEqual([['bytes-in-flight', 429]])
    await Promise.all(sockets.map(leave))
    expect(await send(port, post({ body: dense }))).toMatchObject({ status: 200 })
  })

  test('no longer count when their responses are sent or their requests were rejected', async () => {
    const { port } = await startListeners(routes)
    const body = `${' '.repeat(MAX_BODY - 2)}{}`
    for (let count = 0; count < 70; count++) {
      expect(await send(port, post({ body }))).toMatchObject({ status: 200 })
      expect(await send(port, post({ body, headers: { accept: 'text/html' } }))).toMatchObject({ status: 406 })
    }
  })

  test('count as they are read when they are chunked', async () => {
    const { port, rejected } = await startListeners(routes)
    const sockets = await announceBodies(port, 32 * MIB - 2_000)
    const socket = await openSocket(port)
    socket.write(chunkedHead + chunk(1_000))
    // The server has read the chunk when there is no more space for this.
    while ((await send(port, post({ body: '{}'.padEnd(1_001) }))).status !== 429) {}
    expect(await send(port, post({ body: '{}'.padEnd(1_000) }))).toMatchObject({ status: 200 })
    socket.write(chunk(1_001))
    expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 429 /)
    expect(rejected.at(-1)).toEqual(['bytes-in-flight', 429])
    await leave(socket)
    expect(await send(port, post({ body: '{}'.padEnd(2_000) }))).toMatchObject({ status: 200 })
    await Promise.all(sockets.map(leave))
  })

  test('are handled one after the other, each in its own iteration of the event loop', async () => {
    let iteration = 0
    let isDone = false
    const seen: number[] = []
    const handlers: TestRoute['handlers'] = {
      POST: async () => {
        seen.push(iteration)
        return new Response()
      },
    }
    const { port } = await startListeners({ '/items': { handlers } })
    const count = () => {
      iteration += 1
      if (!isDone) setImmediate(count)
    }
    count()
    const body = '1'.padStart(20 * KIB)
    const socket = await openSocket(port)
    // They arrive together.
    socket.write(formatRequest(post({ body })).repeat(20))
    await vi.waitUntil(() => seen.length === 20)
    isDone = true
    expect(new Set(seen).size).toBe(20)
  })
})

describe('Expect: 100-continue', () => {
  const expecting = (headers: Record<string, string>) =>
    formatRequest(post({ headers: { expect: '100-continue', 'content-length': '2', ...headers }, body: '' }))

  test('is answered with 100 when the checks have passed, and then the body is read', async () => {
    const { port } = await startListeners(routes)
    const socket = await openSocket(port)
    socket.write(expecting({ connection: 'close' }))
    expect(String(await once(socket, 'data'))).toBe('HTTP/1.1 100 Continue\r\n\r\n')
    socket.write('{}')
    let text = ''
    for await (const chunk of socket) text += chunk
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\{"json":\{\}\}/s)
  })

  test.each<[number, Record<string, string>]>([
    [401, { authorization: 'Bearer wrong' }],
    [413, { 'content-length': String(MAX_BODY + 1) }],
    [415, { 'content-encoding': 'gzip' }],
    [403, { host: 'evil.example' }],
  ])('is answered with %i alone when a check fails, and the connection closes', async (status, headers) => {
    const { port } = await startListeners(routes, { isAllowedBearer: createTokenCheck([TOKEN]) })
    const socket = await openSocket(port)
    socket.write(expecting({ authorization: `Bearer ${TOKEN}`, ...headers }))
    let text = ''
    for await (const chunk of socket) text += chunk
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\nconnection: close\\r\\n`, 'is'))
  })
})
