import { afterEach, describe, expect, test } from 'vitest'
import { CHECKS } from '../src/http/guard.ts'
import { customerAnswer, getCustomer, type Sent, send, startHttp, stopAll, TOKEN } from './support/http.ts'

afterEach(stopAll)

const upstream = async () => customerAnswer('Acme')

test('the checks run in the documented order', () => {
  expect(Object.keys(CHECKS)).toEqual([
    'host',
    'origin',
    'path',
    'token',
    'rate',
    'method',
    'type',
    'accept',
    'queue',
    'size',
  ])
})

test('a request that is wrong in everything is told the first fault, and the next when that one is gone', async () => {
  const { url } = await startHttp(upstream, { token: TOKEN, rateLimit: 8 })
  let sent: Sent = {
    method: 'PUT',
    path: '/nowhere',
    headers: {
      host: 'evil.example',
      origin: 'http://evil.example:1',
      'content-type': 'text/plain',
      accept: 'text/html',
    },
    body: '{',
  }
  const huge = ' '.repeat(1024 * 1024 + 1)
  const says: Record<number, string> = {
    404: 'There is nothing at this path. MCP is served at /mcp.',
    405: 'Only POST is served here.',
    406: 'Accept must list application/json and text/event-stream.',
    415: 'Content-Type must be application/json.',
  }
  const steps: [status: number, header: string | undefined, repair: (sent: Sent) => Sent][] = [
    [403, undefined, (it) => ({ ...it, headers: { ...it.headers, host: 'localhost' } })],
    [403, undefined, (it) => ({ ...it, headers: { ...it.headers, origin: undefined } })],
    [404, undefined, (it) => ({ ...it, path: '/mcp' })],
    [401, 'www-authenticate', (it) => ({ ...it, headers: { ...it.headers, authorization: `Bearer ${TOKEN}` } })],
    [405, 'allow', (it) => ({ ...it, method: 'POST' })],
    [415, undefined, (it) => ({ ...it, headers: { ...it.headers, 'content-type': 'application/json' } })],
    [406, undefined, (it) => ({ ...it, headers: { ...it.headers, accept: '*/*' }, body: huge })],
    [413, undefined, (it) => ({ ...it, body: '{' })],
    [400, undefined, (it) => ({ ...it, body: getCustomer() })],
    [200, undefined, (it) => it],
  ]
  for (const [status, header, repair] of steps) {
    const answer = await send(url, sent)
    expect(answer.status).toBe(status)
    if (header) expect(answer.headers[header]).toBeTruthy()
    if (status !== 200)
      expect(JSON.parse(answer.text)).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } })
    if (status !== 200) expect(JSON.parse(answer.text).error).not.toHaveProperty('data')
    if (says[status]) expect(JSON.parse(answer.text).error.message).toBe(says[status])
    sent = repair(sent)
  }
  await send(url, sent)
  await send(url, sent)
  const limited = await send(url, { ...sent, method: 'PUT' })
  expect(limited.status).toBe(429)
  expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0)
})

describe('DNS rebinding', () => {
  test.each([
    ['localhost', 200],
    ['LOCALHOST:1', 200],
    ['127.0.0.1:9090', 200],
    ['127.9.9.9', 200],
    ['[::1]:9090', 200],
    ['mcp.example.com', 200],
    ['MCP.example.com:443', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['mcp.example.com.evil.example', 403],
    ['169.254.169.254', 403],
    ['0.0.0.0', 403],
  ])('Host %s is answered %i', async (host, status) => {
    const { url } = await startHttp(upstream, { allowedHosts: ['mcp.example.com'] })
    expect(await send(url, { headers: { host }, body: getCustomer() })).toMatchObject({ status })
  })

  test.each(['/mcp', '/healthz', '/readyz', '/metrics', '/nowhere'])(
    '%s is guarded by Host and Origin',
    async (path) => {
      const { url } = await startHttp(upstream)
      expect(await send(url, { method: 'GET', path, headers: { host: 'evil.example' } })).toMatchObject({ status: 403 })
      expect(await send(url, { method: 'GET', path, headers: { origin: 'http://evil.example' } })).toMatchObject({
        status: 403,
      })
    },
  )
})

describe('pages of other origins', () => {
  test.each([
    ['http://localhost:9090', 'localhost:9090', undefined, 200],
    ['http://127.0.0.1:9090', 'localhost:9090', undefined, 200],
    ['http://localhost:3000', 'localhost:9090', undefined, 403],
    ['https://localhost:9090', 'localhost:9090', undefined, 403],
    ['null', 'localhost:9090', undefined, 403],
    ['', 'localhost:9090', undefined, 403],
    ['file://', 'localhost:9090', undefined, 403],
    ['http://evil.example', 'localhost:9090', undefined, 403],
    ['http://localhost:9090@evil.example', 'localhost:9090', undefined, 403],
    ['https://mcp.example.com', 'mcp.example.com', 'https', 200],
    ['https://mcp.example.com', 'mcp.example.com', undefined, 403],
    ['https://other.example.com', 'mcp.example.com', 'https', 403],
    ['http://localhost', 'mcp.example.com', 'https', 403],
  ])('Origin %j at Host %s behind %s is answered %i', async (origin, host, proto, status) => {
    const { url } = await startHttp(upstream, { allowedHosts: ['mcp.example.com'] })
    const answer = await send(url, { headers: { origin, host, 'x-forwarded-proto': proto }, body: getCustomer() })
    expect(answer.status).toBe(status)
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control'))).toEqual([])
  })

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'text/plain; x=application/json',
    undefined,
  ])('a form without preflight (%s) calls nothing', async (type) => {
    let calls = 0
    const { url } = await startHttp(async () => {
      calls += 1
      return customerAnswer('Acme')
    })
    expect(await send(url, { headers: { 'content-type': type }, body: getCustomer() })).toMatchObject({ status: 415 })
    expect(calls).toBe(0)
  })

  test('a preflight is not granted', async () => {
    const { url } = await startHttp(upstream)
    const headers = { origin: url, 'access-control-request-method': 'POST' }
    expect(await send(url, { method: 'OPTIONS', headers })).toMatchObject({ status: 405, headers: { allow: 'POST' } })
  })
})

describe('the token', () => {
  test.each([
    ['absent', undefined],
    ['of another scheme', `Basic ${TOKEN}`],
    ['empty', 'Bearer '],
    ['a prefix', `Bearer ${TOKEN.slice(0, -1)}`],
    ['longer', `Bearer ${TOKEN}x`],
    ['in another case', `Bearer ${TOKEN.toUpperCase()}`],
    ['among others', `Bearer x ${TOKEN}`],
  ])('that is %s is refused with the scheme to use', async (_, authorization) => {
    const { url } = await startHttp(upstream, { token: TOKEN })
    const answer = await send(url, { headers: { authorization }, body: getCustomer() })
    expect(answer).toMatchObject({ status: 401 })
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="metronome"/)
    expect(answer.text).not.toContain(TOKEN)
  })

  test('is never taken from the query', async () => {
    const { url } = await startHttp(upstream, { token: TOKEN })
    for (const name of ['access_token', 'token', 'authorization'])
      expect(await send(url, { path: `/mcp?${name}=${TOKEN}`, body: getCustomer() })).toMatchObject({ status: 401 })
  })

  test.each(['Bearer', 'bearer', 'BEARER'])('comes in with the scheme written %s', async (scheme) => {
    const { url } = await startHttp(upstream, { token: TOKEN })
    const headers = { authorization: `${scheme} ${TOKEN}` }
    expect(await send(url, { headers, body: getCustomer() })).toMatchObject({ status: 200 })
  })

  test('guessing brings nothing but 401, and ends at the rate limit only for callers who are in', async () => {
    const { url } = await startHttp(upstream, { token: TOKEN, rateLimit: 5 })
    const guesses = Array.from({ length: 40 }, (_, index) => `Bearer ${'a'.repeat(39)}${index % 10}`)
    const answers = await Promise.all(guesses.map((authorization) => send(url, { headers: { authorization } })))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
    const headers = { authorization: `Bearer ${TOKEN}` }
    expect(await send(url, { headers, body: getCustomer() })).toMatchObject({ status: 200 })
  })
})

describe('Accept', () => {
  test.each([
    ['application/json, text/event-stream', 200],
    ['text/event-stream;q=0.5, APPLICATION/JSON', 200],
    ['*/*', 200],
    ['application/*, text/*', 200],
    ['application/json', 406],
    ['text/event-stream', 406],
    ['application/json;q=0, text/event-stream', 406],
    ['text/html', 406],
    [undefined, 406],
  ])('%s is answered %i', async (accept, status) => {
    const { url } = await startHttp(upstream)
    expect(await send(url, { headers: { accept }, body: getCustomer() })).toMatchObject({ status })
  })
})

describe('bodies', () => {
  test('of 1 MiB pass, one byte more does not, announced or not', async () => {
    const { url } = await startHttp(upstream)
    const padded = (size: number) => getCustomer().padEnd(size)
    const chunked = { 'transfer-encoding': 'chunked' }
    expect(await send(url, { body: padded(1024 * 1024) })).toMatchObject({ status: 200 })
    expect(await send(url, { body: padded(1024 * 1024), headers: chunked })).toMatchObject({ status: 200 })
    expect(await send(url, { body: padded(1024 * 1024 + 1) })).toMatchObject({ status: 413 })
    expect(await send(url, { body: padded(1024 * 1024 + 1), headers: chunked })).toMatchObject({ status: 413 })
  })

  test.each(['', '{', 'null x', '\u0000'])('that are no JSON (%j) are refused', async (body) => {
    const { url } = await startHttp(upstream)
    const answer = await send(url, { body })
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.text).error.code).toBe(-32700)
  })
})
