import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, describe, expect, test } from 'vitest'
import { createPassthroughCallers } from '../src/callers.ts'
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

const upstream = async () => customerAnswer('Acme')
const read = async (url: string, body: object | string, headers = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const answer = await send(url, { body: text, headers })
  return { status: answer.status, json: answer.text === '' ? undefined : JSON.parse(answer.text) }
}
const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' })

test('a client of the SDK connects, lists the 15 tools and calls one', async () => {
  const { url } = await startHttp(upstream)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  expect((await client.listTools()).tools).toHaveLength(15)
  const result = await client.callTool({ name: 'get-customer', arguments: { customer_id: CUSTOMER_ID } })
  expect(result.structuredContent).toMatchObject({ data: { name: 'Acme' } })
  await client.close()
})

test('notifications and answers are taken with 202 and nothing else', async () => {
  const { url } = await startHttp(upstream)
  const notification = { jsonrpc: '2.0', method: 'notifications/initialized' }
  expect(await read(url, notification)).toEqual({ status: 202, json: undefined })
  expect(await read(url, [notification, { jsonrpc: '2.0', id: 1, result: {} }])).toEqual({
    status: 202,
    json: undefined,
  })
})

test.each(['GET', 'DELETE', 'PUT'])('%s is 405: there are no sessions and no streams', async (method) => {
  const { url } = await startHttp(upstream)
  const answer = await send(url, { method, headers: { accept: 'text/event-stream', 'mcp-session-id': 'x' } })
  expect(answer).toMatchObject({ status: 405, headers: { allow: 'POST' } })
})

test('a call that wishes to be a task is answered like any other, since no tasks are declared', async () => {
  const { url } = await startHttp(upstream)
  const params = { name: 'get-customer', arguments: { customer_id: CUSTOMER_ID }, task: { ttl: 1000 } }
  const { json } = await read(url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  expect(json).toMatchObject({ id: 1, result: { structuredContent: { data: { name: 'Acme' } } } })
})

test('no answer hands out a session', async () => {
  const { url } = await startHttp(upstream)
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const answer = await send(url, { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }) })
  expect(JSON.parse(answer.text).result.protocolVersion).toBe('2025-11-25')
  expect(answer.headers).not.toHaveProperty('mcp-session-id')
})

describe('MCP-Protocol-Version', () => {
  test.each(['2025-03-26', '2025-06-18', '2025-11-25'])('%s is served', async (version) => {
    const { url } = await startHttp(upstream)
    expect(await read(url, ping(1), { 'mcp-protocol-version': version })).toMatchObject({
      status: 200,
      json: { result: {} },
    })
  })

  test.each(['1999-01-01', 'x', ''])('%j is refused with the versions that there are', async (version) => {
    const { url } = await startHttp(upstream)
    const { status, json } = await read(url, ping(1), { 'mcp-protocol-version': version })
    expect(status).toBe(400)
    expect(json.error).toEqual({ code: -32000, message: expect.stringContaining('2025-11-25') })
  })
})

describe('batches', () => {
  const batch = (size: number) => Array.from({ length: size }, (_, id) => ping(id))

  test('are answered as one, with cancellations passed over', async () => {
    const { url } = await startHttp(upstream)
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
    const { json } = await read(url, [JSON.parse(getCustomer(1)), cancel, ping(2)])
    expect(json.map(({ id }: { id: number }) => id).sort()).toEqual([1, 2])
  })

  test.each([
    ['100 messages', batch(100), {}, 200],
    ['101 messages', batch(101), {}, 400],
    ['no message', [], {}, 400],
    ['something that is no message', [ping(1), 7], {}, 400],
    ['initialize among others', [ping(1), { jsonrpc: '2.0', id: 2, method: 'initialize', params: {} }], {}, 400],
    ['a revision without batches', batch(2), { 'mcp-protocol-version': '2025-06-18' }, 400],
  ])('with %s are answered %s', async (_, body, headers, status) => {
    const { url } = await startHttp(upstream)
    expect(await read(url, body, headers)).toMatchObject({ status })
  })
})

test('a message that is no JSON-RPC is refused without a word about the inside', async () => {
  const { url } = await startHttp(upstream)
  for (const body of ['7', '"x"', 'null', '{}', '{"jsonrpc":"1.0","id":1,"method":"ping"}'])
    expect(await read(url, body)).toEqual({
      status: 400,
      json: { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'The body is no JSON-RPC 2.0 message.' } },
    })
})

test('a malformed handshake is refused by what it lacks', async () => {
  const { url } = await startHttp(upstream)
  const answer = await read(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })
  expect(answer).toMatchObject({
    status: 400,
    json: { error: { code: -32602, message: expect.stringMatching(/^initialize needs/) } },
  })
})

describe('passthrough', () => {
  const echoKey = async (_: unknown, init: RequestInit | undefined) =>
    customerAnswer(`customer of ${new Headers(init?.headers).get('authorization')?.slice(-3)}`)

  test('50 clients with the same ids at once each get the answer to their own key', async () => {
    const waiting: (() => void)[] = []
    const { url } = await startHttp(
      async (input, init) => {
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          // Nobody is answered before all have asked, and the last is answered first.
          if (waiting.length === 50) for (const answer of waiting.reverse()) answer()
        })
        return echoKey(input, init)
      },
      { passthrough: true },
    )
    const names = Array.from({ length: 50 }, (_, index) => String(index).padStart(3, '0'))
    const answers = await Promise.all(
      names.map((name) => read(url, getCustomer(1), { authorization: `Bearer metronome-key-${name}` })),
    )
    expect(answers.map(({ json }) => json.result.structuredContent.data.name)).toEqual(
      names.map((name) => `customer of ${name}`),
    )
  })

  test.each([
    ['no bearer', undefined],
    ['a bearer too short for a key', 'Bearer short'],
    ['a bearer that is no ASCII', 'Bearer k\u00e9y-with-accent'],
  ])('%s is refused; the key of the process is no fallback', async (_, authorization) => {
    let calls = 0
    const { url } = await startHttp(
      async () => {
        calls += 1
        return customerAnswer('Acme')
      },
      { passthrough: true },
    )
    expect(await send(url, { body: getCustomer(), headers: { authorization } })).toMatchObject({ status: 401 })
    expect(calls).toBe(0)
  })

  test("a caller's key that Metronome sends back stands in no answer and no log line", async () => {
    const { url, log } = await startHttp(
      async (_, init) =>
        Response.json({ message: `bad ${new Headers(init?.headers).get('authorization')}` }, { status: 403 }),
      { passthrough: true },
    )
    const key = 'metronome"key\\with-marks'
    const { text } = await send(url, { body: getCustomer(), headers: { authorization: `Bearer ${key}` } })
    expect(text).toContain('[redacted]')
    for (const written of [text, log.join('\n')])
      for (const part of ['with-marks', OWN_KEY]) expect(written).not.toContain(part)
  })

  test("a caller's key is hidden for as long as its request lasts, and not kept after that", () => {
    const callers = createPassthroughCallers((text) => text)
    const [first, second] = [callers.admit('metronome-key-1'), callers.admit('metronome-key-1')]
    first.leave()
    expect(callers.redact('broke with metronome-key-1')).toBe('broke with [redacted]')
    second.leave()
    expect(callers.redact('broke with metronome-key-1')).toBe('broke with metronome-key-1')
  })
})

test("the process's own key stands in no answer", async () => {
  const { url } = await startHttp(async () => customerAnswer(`echo ${OWN_KEY}`))
  const { text } = await send(url, { body: getCustomer() })
  expect(text).toContain('echo [redacted]')
  expect(text).not.toContain(OWN_KEY)
})

describe('traceparent', () => {
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const other = '00-11111111111111111111111111111111-2222222222222222-00'

  test.each([
    ['from the header', parent, undefined, parent],
    ['from _meta', undefined, parent, parent],
    ['from _meta rather than the header', other, parent, parent],
    ['of another shape', 'x', undefined, null],
    ['with an empty trace', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, undefined, null],
    ['absent', undefined, undefined, null],
  ])('%s', async (_, header, meta, expected) => {
    const seen: (string | null)[] = []
    const { url } = await startHttp(async (_input, init) => {
      seen.push(new Headers(init?.headers).get('traceparent'))
      return customerAnswer('Acme')
    })
    const body = callTool(
      'get-customer',
      { customer_id: CUSTOMER_ID },
      1,
      meta === undefined ? meta : { traceparent: meta },
    )
    await send(url, { body, headers: { traceparent: header } })
    expect(seen).toEqual([expected])
  })
})
