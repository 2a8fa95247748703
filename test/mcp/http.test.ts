import { once } from 'node:events'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { createAuthenticator } from '../../src/cli/serve-http.ts'
import type { Fetch } from '../../src/metronome/fetch.ts'
import { createRedactor } from '../../src/sanitize.ts'
import { CONTRACT } from '../contract.ts'
import { configureNumber, INEXACT_NUMBERS } from '../support/arguments.ts'
import { KEY } from '../support/harness.ts'
import { CUSTOMER_ID, callTool, customerResponse, getCustomer, send, startMcp } from '../support/http.ts'
import { stopListeners } from '../support/listeners.ts'
import * as stateless from '../support/stateless.ts'

afterEach(stopListeners)

const upstream = async () => customerResponse('Acme')
const read = async (url: string, body: object | string, headers = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await send(url, { body: text, headers })
  return { status: response.status, json: response.text === '' ? undefined : JSON.parse(response.text) }
}
const ping = (id: number) => ({ jsonrpc: '2.0', id, method: 'ping' })

test('a client of the SDK connects, lists the tools and calls one', async () => {
  const { url } = await startMcp(upstream)
  const client = new Client({ name: 'test', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)))
  expect((await client.listTools()).tools).toHaveLength(CONTRACT.length)
  const result = await client.callTool({ name: 'get-customer', arguments: { customer_id: CUSTOMER_ID } })
  expect(result.structuredContent).toMatchObject({ data: { name: 'Acme' } })
  await client.close()
})

test('notifications and responses get 202 and nothing else', async () => {
  const { url } = await startMcp(upstream)
  const notification = { jsonrpc: '2.0', method: 'notifications/initialized' }
  expect(await read(url, notification)).toEqual({ status: 202, json: undefined })
  expect(await read(url, [notification, { jsonrpc: '2.0', id: 1, result: {} }])).toEqual({
    status: 202,
    json: undefined,
  })
})

test.each(['GET', 'DELETE', 'PUT'])('%s is 405: there are no sessions and no streams', async (method) => {
  const { url } = await startMcp(upstream)
  const response = await send(url, { method, headers: { accept: 'text/event-stream', 'mcp-session-id': 'x' } })
  expect(response).toMatchObject({ status: 405, headers: { allow: 'POST' } })
})

test('a call that asks for a task gets a normal result, since tasks are not declared', async () => {
  const { url } = await startMcp(upstream)
  const params = { name: 'get-customer', arguments: { customer_id: CUSTOMER_ID }, task: { ttl: 1000 } }
  const { json } = await read(url, { jsonrpc: '2.0', id: 1, method: 'tools/call', params })
  expect(json).toMatchObject({ id: 1, result: { structuredContent: { data: { name: 'Acme' } } } })
})

test.each(INEXACT_NUMBERS)('the number %s in arguments, which JavaScript would alter, is rejected', async (number) => {
  const { url } = await startMcp(upstream)
  const params = `{"name":"set-billing-provider-configurations-customer","arguments":${configureNumber(number)}}`
  const { json } = await read(url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`)
  expect(JSON.stringify(json)).toContain('data[0].configuration.a[0] exceeds the range of exact numbers')
})

test('no response starts a session', async () => {
  const { url } = await startMcp(upstream)
  const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } }
  const response = await send(url, { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }) })
  expect(JSON.parse(response.text).result.protocolVersion).toBe('2025-11-25')
  expect(response.headers).not.toHaveProperty('mcp-session-id')
})

describe('MCP-Protocol-Version', () => {
  test.each(['2025-03-26', '2025-06-18', '2025-11-25'])('%s is supported', async (version) => {
    const { url } = await startMcp(upstream)
    expect(await read(url, ping(1), { 'mcp-protocol-version': version })).toMatchObject({
      status: 200,
      json: { result: {} },
    })
  })

  test.each(['1999-01-01', 'x', ''])('%j is rejected with the supported versions', async (version) => {
    const { url } = await startMcp(upstream)
    const { status, json } = await read(url, ping(1), { 'mcp-protocol-version': version })
    expect(status).toBe(400)
    expect(json.error).toEqual({ code: -32000, message: expect.stringContaining('2025-11-25') })
  })
})

describe('batches', () => {
  const batch = (size: number) => Array.from({ length: size }, (_, id) => ping(id))

  test('get one response, without one for a cancellation', async () => {
    const { url } = await startMcp(upstream)
    const cancel = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
    const { json } = await read(url, [JSON.parse(getCustomer(1)), cancel, ping(2)])
    expect(json.map(({ id }: { id: number }) => id).sort()).toEqual([1, 2])
  })

  test.each([
    ['10 messages', 200, batch(10), {}],
    ['11 messages', 400, batch(11), {}],
    ['no messages', 400, [], {}],
    ['an item that is not a message', 400, [ping(1), 7], {}],
    ['initialize among others', 400, [ping(1), { jsonrpc: '2.0', id: 2, method: 'initialize', params: {} }], {}],
    ['a revision without batches', 400, batch(2), { 'mcp-protocol-version': '2025-06-18' }],
  ])('with %s get %i', async (_, status, body, headers) => {
    const { url } = await startMcp(upstream)
    expect(await read(url, body, headers)).toMatchObject({ status })
  })
})

test('a body that is not JSON-RPC is rejected without internal details', async () => {
  const { url } = await startMcp(upstream)
  for (const body of ['7', '"x"', 'null', '{}', '{"jsonrpc":"1.0","id":1,"method":"ping"}'])
    expect(await read(url, body)).toEqual({
      status: 400,
      json: {
        jsonrpc: '2.0',
        id: null,
        error: { code: -32600, message: 'The body is not a valid JSON-RPC 2.0 message.' },
      },
    })
})

test('a malformed initialize is rejected with what is missing', async () => {
  const { url } = await startMcp(upstream)
  const response = await read(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params: {} })
  expect(response).toMatchObject({
    status: 400,
    json: { error: { code: -32602, message: expect.stringMatching(/^initialize /) } },
  })
})

test('of an initialize only what is used is checked: the SDK would collect an issue for every wrong icon', async () => {
  const { url } = await startMcp(upstream)
  const icons = Array.from({ length: 10_000 }, () => 0)
  const experimental = Object.fromEntries(icons.map((value, index) => [`x${index}`, value]))
  const client = { clientInfo: { name: 'test', version: '1', icons }, capabilities: { experimental } }
  const params = { protocolVersion: '2025-11-25', ...client }
  const response = await read(url, { jsonrpc: '2.0', id: 1, method: 'initialize', params })
  expect(response).toMatchObject({ status: 200, json: { result: { protocolVersion: '2025-11-25' } } })
})

describe('passthrough', () => {
  const echoKey = async (_: unknown, init: RequestInit | undefined) =>
    customerResponse(`customer of ${new Headers(init?.headers).get('authorization')?.slice(-3)}`)

  test('50 clients with the same ids at once each get the response to their own key', async () => {
    const waiting: (() => void)[] = []
    const { url } = await startMcp(
      async (input, init) => {
        await new Promise<void>((resolve) => {
          waiting.push(resolve)
          // Nobody gets a response before all have sent a request, and the last gets it first.
          if (waiting.length === 50) for (const respond of waiting.reverse()) respond()
        })
        return echoKey(input, init)
      },
      { passthrough: true },
    )
    const names = Array.from({ length: 50 }, (_, index) => String(index).padStart(3, '0'))
    const responses = await Promise.all(
      names.map((name) => read(url, getCustomer(1), { authorization: `Bearer metronome-key-${name}` })),
    )
    expect(responses.map(({ json }) => json.result.structuredContent.data.name)).toEqual(
      names.map((name) => `customer of ${name}`),
    )
  })

  test.each([
    ['no bearer', undefined],
    ['a bearer too short for a key', 'Bearer short'],
    ['a bearer outside ASCII', 'Bearer k\u00e9y-with-accent'],
  ])('%s is rejected; the key of the process is no fallback', async (_, authorization) => {
    let calls = 0
    const { url } = await startMcp(
      async () => {
        calls += 1
        return customerResponse('Acme')
      },
      { passthrough: true },
    )
    expect(await send(url, { body: getCustomer(), headers: { authorization } })).toMatchObject({ status: 401 })
    expect(calls).toBe(0)
  })

  test("a client's key that Metronome echoes appears in no response and no log line", async () => {
    const { url, logLines } = await startMcp(
      async (_, init) =>
        Response.json({ message: `bad ${new Headers(init?.headers).get('authorization')}` }, { status: 403 }),
      { passthrough: true },
    )
    const key = 'metronome"key\\with-marks'
    const { text } = await send(url, { body: getCustomer(), headers: { authorization: `Bearer ${key}` } })
    expect(text).toContain('[redacted]')
    for (const written of [text, logLines.join('\n')])
      for (const part of ['with-marks', KEY]) expect(written).not.toContain(part)
  })

  test("redacts a client's key together with those of the process", () => {
    const ofProcess = createRedactor(['key-of-the-process', 'token-of-the-process'])
    const authenticate = createAuthenticator('key-of-the-process', ofProcess, true)('http')
    const { redact } = authenticate({ bearer: 'key-of-a-client', peer: '', userAgent: undefined })
    expect(redact('key-of-the-process token-of-the-process key-of-a-client')).toBe('[redacted] [redacted] [redacted]')
  })
})

test('the key of the process appears in no response', async () => {
  const { url } = await startMcp(async () => customerResponse(`echo ${KEY}`))
  const { text } = await send(url, { body: getCustomer() })
  expect(text).toContain('echo [redacted]')
  expect(text).not.toContain(KEY)
})

test.each<[string, string, Record<string, string>]>([
  ['earlier revisions', callTool(KEY, {}), {}],
  ['the stateless revision', JSON.stringify(stateless.callTool(KEY)), stateless.headersOf(stateless.callTool(KEY))],
])('a response of %s does not repeat the key of the process from the request', async (_, body, headers) => {
  const { url } = await startMcp(upstream)
  const { text } = await send(url, { body, headers })
  expect(text).toContain('Unknown tool: [redacted]')
  expect(text).not.toContain(KEY)
})

describe('traceparent', () => {
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const other = '00-11111111111111111111111111111111-2222222222222222-00'

  test.each([
    ['from the header', parent, undefined, parent],
    ['from _meta', undefined, parent, parent],
    ['from _meta rather than the header', other, parent, parent],
    ['malformed', 'x', undefined, null],
    ['with an all-zero trace id', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, undefined, null],
    ['absent', undefined, undefined, null],
  ])('%s', async (_, header, meta, expected) => {
    const seen: (string | null)[] = []
    const { url } = await startMcp(async (_input, init) => {
      seen.push(new Headers(init?.headers).get('traceparent'))
      return customerResponse('Acme')
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

describe('a client that disconnects', () => {
  test('cancels its call to Metronome', async () => {
    const { fetch, called, aborted } = createHangingFetch()
    const { url } = await startMcp(fetch)
    const disconnect = new AbortController()
    const response = send(url, { body: getCustomer(), signal: disconnect.signal })
    await called
    disconnect.abort()
    await expect(response).rejects.toThrow()
    await aborted
  })

  test('during a write leaves a log line with its Idempotency-Key', async () => {
    const { fetch, called } = createHangingFetch()
    const { url, logLines } = await startMcp(fetch)
    const disconnect = new AbortController()
    const response = send(url, { body: callTool('archive-customer', { id: CUSTOMER_ID }), signal: disconnect.signal })
    await called
    disconnect.abort()
    await expect(response).rejects.toThrow()
    await vi.waitFor(() =>
      expect(logLines.join('\n')).toMatch(/^warn write-outcome-unknown .*"idempotency-key":"[^"]+"/m),
    )
  })
})

/** A Metronome that never responds. */
function createHangingFetch() {
  const events = new EventTarget()
  const fetch: Fetch = (_, { signal }) =>
    new Promise((_resolve, reject) => {
      events.dispatchEvent(new Event('called'))
      signal?.addEventListener('abort', () => {
        events.dispatchEvent(new Event('aborted'))
        reject(signal.reason)
      })
    })
  return { fetch, called: once(events, 'called'), aborted: once(events, 'aborted') }
}
