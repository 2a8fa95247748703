import { describe, expect, test } from 'vitest'
import {
  CUSTOMER_ID,
  callTool,
  createStateless,
  customer,
  failure,
  headersOf,
  META,
  readResponse,
  request,
  VERSION_KEY,
} from '../support/stateless.ts'

const server = createStateless(async () => Response.json(customer))

describe('the headers of a request over HTTP', () => {
  const call = callTool('get-customer', { customer_id: CUSTOMER_ID })
  const right = headersOf(call)

  test.each<[string, Record<string, string>]>([
    ['spaces around a value', { ...right, 'mcp-name': '  get-customer\t' }],
    [
      'names in any case',
      { 'MCP-PROTOCOL-VERSION': '2026-07-28', 'MCP-METHOD': 'tools/call', 'MCP-NAME': 'get-customer' },
    ],
    ['a name in base64', { ...right, 'mcp-name': `=?base64?${btoa('get-customer')}?=` }],
  ])('accepts %s', async (_, headers) => {
    expect((await server.post(call, headers)).status).toBe(200)
  })

  test.each<[string, string, Record<string, string | undefined>]>([
    ['a missing version', 'MCP-Protocol-Version', { 'mcp-protocol-version': undefined }],
    ['another version than the body', 'MCP-Protocol-Version', { 'mcp-protocol-version': '2025-11-25' }],
    ['a missing method', 'Mcp-Method', { 'mcp-method': undefined }],
    ['another method than the body', 'Mcp-Method', { 'mcp-method': 'tools/list' }],
    ['a method in another case', 'Mcp-Method', { 'mcp-method': 'TOOLS/CALL' }],
    ['a method in base64', 'Mcp-Method', { 'mcp-method': `=?base64?${btoa('tools/call')}?=` }],
    ['a missing name', 'Mcp-Name', { 'mcp-name': undefined }],
    ['another tool than the body', 'Mcp-Name', { 'mcp-name': 'archive-customer' }],
    ['two names', 'Mcp-Name', { 'mcp-name': 'get-customer, get-customer' }],
    ['invalid base64', 'Mcp-Name', { 'mcp-name': '=?base64?Z2V0LWN1c3RvbWVy_?=' }],
    ['base64 that is not UTF-8', 'Mcp-Name', { 'mcp-name': '=?base64?/w==?=' }],
  ])('rejects %s before anything is called', async (_, header, change) => {
    let calls = 0
    const counting = createStateless(async () => {
      calls += 1
      return Response.json(customer)
    })
    const headers = Object.fromEntries(
      Object.entries({ ...right, ...change }).filter(([, value]) => value !== undefined),
    )
    const { body, status } = await readResponse(await counting.post(call, headers as Record<string, string>)) // filtered
    expect(body).toEqual(failure(-32020, `Header mismatch: ${header} is missing or differs from the body`))
    expect(status).toBe(400)
    expect(calls).toBe(0)
  })

  test('checks headers before the version', async () => {
    const message = request('server/discover', { _meta: { ...META, [VERSION_KEY]: '2027-03-01' } })
    const { body } = await readResponse(
      await server.post(message, { ...headersOf(message), 'mcp-protocol-version': '2026-07-28' }),
    )
    expect(body).toMatchObject({ error: { code: -32020 } })
  })
})

describe('a body over HTTP that is not a request', () => {
  test('accepts a notification without a response, and without headers of its own', async () => {
    const message = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { _meta: META, requestId: 1 } }
    const response = await server.post(message, {})
    expect([response.status, await response.text()]).toEqual([202, ''])
  })

  test.each<[string, unknown]>([
    ['a batch', [request('tools/list')]],
    ['a response', { jsonrpc: '2.0', id: 1, result: {} }],
    ['another JSON-RPC', { ...request('tools/list'), jsonrpc: '1.0' }],
    ['an id that is null', { ...request('tools/list'), id: null }],
    ['params that are an array', { ...request('tools/list'), params: [] }],
    ['a string', 'tools/list'],
    ['null', null],
  ])('rejects %s as an invalid request', async (_, body) => {
    const response = await readResponse(await server.post(body, { 'mcp-protocol-version': '2026-07-28' }))
    expect(response).toMatchObject({ status: 400, body: { jsonrpc: '2.0', error: { code: -32600 } } })
  })
})
