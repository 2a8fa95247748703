import { describe, expect, test } from 'vitest'
import { NAME, VERSION } from '../src/version.ts'
import {
  askOverStdio,
  CAPABILITIES_KEY,
  CUSTOMER_ID,
  callTool,
  createFace,
  customer,
  failure,
  META,
  type Message,
  readAnswer,
  request,
  VERSION_KEY,
} from './support/modern.ts'

const SERVER_META = {
  'io.modelcontextprotocol/serverInfo': { name: NAME, title: 'Metronome customers', version: VERSION },
}

const face = createFace(async () => Response.json(customer))
const discoverWith = (meta: unknown) => request('server/discover', { _meta: meta })

describe.each([
  ['HTTP', async (message: Message) => readAnswer(await face.post(message))],
  ['stdio', async (message: Message) => ({ body: await askOverStdio(face, message), status: undefined })],
])('over %s', (transport, ask) => {
  const isHttp = transport === 'HTTP'

  test('server/discover names the revision, the capabilities, the instructions and how long they hold', async () => {
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

  test('tools/list answers the same 15 tools as an earlier revision, and how long they hold', async () => {
    const { body } = await ask(request('tools/list'))
    const legacy = await askOverStdio(face, { jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const { tools } = legacy.result as { tools: unknown[] } // what the SDK's server answers
    expect(tools).toHaveLength(15)
    expect(body).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { resultType: 'complete', tools, ttlMs: 300_000, cacheScope: 'public', _meta: SERVER_META },
    })
  })

  test('tools/call answers with the structured content and its text', async () => {
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

  test('arguments that do not fit are a result that the model can read, not a protocol error', async () => {
    const { body, status } = await ask(callTool('get-customer', { customer_id: 'bad' }))
    expect(body.result).toMatchObject({ resultType: 'complete', isError: true })
    if (isHttp) expect(status).toBe(200)
  })

  test.each<[string, Message, number, Message]>([
    [
      'a request without _meta is refused',
      discoverWith(undefined),
      400,
      failure(-32602, expect.stringContaining(VERSION_KEY)),
    ],
    [
      'a request without a version is refused',
      discoverWith({ [CAPABILITIES_KEY]: {} }),
      400,
      failure(-32602, expect.stringContaining(VERSION_KEY)),
    ],
    [
      'a version that is no string is refused',
      discoverWith({ ...META, [VERSION_KEY]: null }),
      400,
      failure(-32602, expect.stringContaining(VERSION_KEY)),
    ],
    [
      'a request without client capabilities is refused',
      discoverWith({ [VERSION_KEY]: '2026-07-28' }),
      400,
      failure(-32602, expect.stringContaining(CAPABILITIES_KEY)),
    ],
    [
      'capabilities that are no object are refused',
      discoverWith({ ...META, [CAPABILITIES_KEY]: [] }),
      400,
      failure(-32602, expect.stringContaining(CAPABILITIES_KEY)),
    ],
    [
      'an unknown version is answered with the versions there are, whatever else its requests must carry',
      discoverWith({ [VERSION_KEY]: '2027-03-01' }),
      400,
      failure(-32022, 'Unsupported protocol version', { supported: ['2026-07-28'], requested: '2027-03-01' }),
    ],
    [
      'an earlier version named in _meta is not supported there',
      discoverWith({ ...META, [VERSION_KEY]: '2025-11-25' }),
      400,
      failure(-32022, 'Unsupported protocol version', { supported: ['2026-07-28'], requested: '2025-11-25' }),
    ],
    [
      'an unknown tool is an error of the protocol',
      callTool('no-such\u202etool'),
      200,
      failure(-32602, 'Unknown tool: no-such\\u202etool'),
    ],
    [
      'a name that an object inherits is no tool',
      callTool('constructor'),
      200,
      failure(-32602, 'Unknown tool: constructor'),
    ],
    ['a call without a name is refused', callTool(undefined), 200, failure(-32602, expect.stringContaining('name'))],
    [
      'arguments that are no object are refused',
      callTool('get-customer', [CUSTOMER_ID]),
      200,
      failure(-32602, expect.stringContaining('arguments')),
    ],
    [
      'a cursor is refused, for there is one page',
      request('tools/list', { cursor: 'x' }),
      200,
      failure(-32602, 'Unknown cursor: there is one page'),
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
      `${method} is no method of this server`,
      request(method),
      404,
      failure(-32601, 'Method not found'),
    ]),
  ])('%s', async (_, message, status, expected) => {
    const answer = await ask(message)
    expect(answer.body).toEqual(expected)
    if (isHttp) expect(answer.status).toBe(status)
  })
})
