import { describe, expect, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { NAME, VERSION } from '../../src/version.ts'
import {
  askOverStdio,
  CAPABILITIES_KEY,
  CUSTOMER_ID,
  callTool,
  createStateless,
  customer,
  failure,
  META,
  type Message,
  readResponse,
  request,
  VERSION_KEY,
} from '../support/stateless.ts'

const SERVER_META = {
  'io.modelcontextprotocol/serverInfo': { name: NAME, title: 'Metronome customers', version: VERSION },
}

const server = createStateless(async () => Response.json(customer))
const discoverWith = (meta: unknown) => request('server/discover', { _meta: meta })

describe.each([
  ['HTTP', async (message: Message) => readResponse(await server.post(message))],
  ['stdio', async (message: Message) => ({ body: await askOverStdio(server, message), status: undefined })],
])('over %s', (transport, ask) => {
  const isHttp = transport === 'HTTP'

  test('server/discover returns revision, capabilities, instructions and caching hints', async () => {
    const { body, status } = await ask(request('server/discover'))
    expect(body).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {
        resultType: 'complete',
        supportedVersions: ['2026-07-28'],
        capabilities: { tools: {} },
        instructions: expect.stringContaining('list-customers'),
        ttlMs: 300_000,
        cacheScope: 'public',
        _meta: SERVER_META,
      },
    })
    if (isHttp) expect(status).toBe(200)
  })

  test('tools/list returns the same tools as earlier revisions, with caching hints', async () => {
    const { body } = await ask(request('tools/list'))
    const legacy = await askOverStdio(server, { jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const { tools } = legacy.result as { tools: unknown[] } // the result of the SDK's server
    expect(tools).toHaveLength(operations.length)
    expect(body).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { resultType: 'complete', tools, ttlMs: 300_000, cacheScope: 'public', _meta: SERVER_META },
    })
  })

  test('tools/call returns the structured content and its text', async () => {
    const { body } = await ask(callTool('get-customer', { customer_id: CUSTOMER_ID }))
    expect(body).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: {
        resultType: 'complete',
        content: [{ type: 'text', text: JSON.stringify(customer) }],
        structuredContent: customer,
        _meta: SERVER_META,
      },
    })
  })

  test('invalid arguments give a tool result that the model can read, not a protocol error', async () => {
    const { body, status } = await ask(callTool('get-customer', { customer_id: 'bad' }))
    expect(body.result).toMatchObject({ resultType: 'complete', isError: true })
    if (isHttp) expect(status).toBe(200)
  })

  test.each<[string, Message, number, Message]>([
    [
      'rejects a request without _meta',
      discoverWith(undefined),
      400,
      failure(-32602, expect.stringContaining(VERSION_KEY)),
    ],
    [
      'rejects a request without a version',
      discoverWith({ [CAPABILITIES_KEY]: {} }),
      400,
      failure(-32602, expect.stringContaining(VERSION_KEY)),
    ],
    [
      'rejects a version that is not a string',
      discoverWith({ ...META, [VERSION_KEY]: null }),
      400,
      failure(-32602, expect.stringContaining(VERSION_KEY)),
    ],
    [
      'rejects a request without client capabilities',
      discoverWith({ [VERSION_KEY]: '2026-07-28' }),
      400,
      failure(-32602, expect.stringContaining(CAPABILITIES_KEY)),
    ],
    [
      'rejects capabilities that are not an object',
      discoverWith({ ...META, [CAPABILITIES_KEY]: [] }),
      400,
      failure(-32602, expect.stringContaining(CAPABILITIES_KEY)),
    ],
    [
      'rejects an unknown version with the supported ones, before it checks anything else',
      discoverWith({ [VERSION_KEY]: '2027-03-01' }),
      400,
      failure(-32022, 'Unsupported protocol version', { supported: ['2026-07-28'], requested: '2027-03-01' }),
    ],
    [
      'rejects an earlier version in _meta',
      discoverWith({ ...META, [VERSION_KEY]: '2025-11-25' }),
      400,
      failure(-32022, 'Unsupported protocol version', { supported: ['2026-07-28'], requested: '2025-11-25' }),
    ],
    [
      'returns a protocol error for an unknown tool',
      callTool('no-such\u202etool'),
      200,
      failure(-32602, 'Unknown tool: no-such\\u{202e}tool'),
    ],
    [
      'does not take an inherited property for a tool',
      callTool('constructor'),
      200,
      failure(-32602, 'Unknown tool: constructor'),
    ],
    ['rejects a call without a name', callTool(undefined), 200, failure(-32602, expect.stringContaining('name'))],
    [
      'rejects arguments that are not an object',
      callTool('get-customer', [CUSTOMER_ID]),
      200,
      failure(-32602, expect.stringContaining('arguments')),
    ],
    [
      'rejects a cursor, since there is one page',
      request('tools/list', { cursor: 'x' }),
      200,
      failure(-32602, 'Unknown cursor: there is one page of tools'),
    ],
    ...[
      'initialize',
      'ping',
      'logging/setLevel',
      'resources/read',
      'prompts/list',
      'subscriptions/listen',
      'toString',
    ].map((method): [string, Message, number, Message] => [
      `does not know the method ${method}`,
      request(method),
      404,
      failure(-32601, 'Method not found'),
    ]),
  ])('%s', async (_, message, status, expected) => {
    const response = await ask(message)
    expect(response.body).toEqual(expected)
    if (isHttp) expect(response.status).toBe(status)
  })
})
