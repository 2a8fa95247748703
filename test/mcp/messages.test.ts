import { describe, expect, test } from 'vitest'
import { ID } from '../contract.ts'
import { createStateless, customer, META } from '../support/stateless.ts'

const server = createStateless(async () => Response.json(customer))

type Message = Record<string, unknown>

/** A request of either kind of revision. */
const REVISIONS: readonly [string, (message: Message) => Message][] = [
  ['an earlier revision', (message) => message],
  [
    'the stateless revision',
    (message) => {
      const params = message.params as Message | null // hand-written
      return { ...message, params: { ...params, _meta: { ...META, ...((params?._meta as Message) ?? {}) } } }
    },
  ],
]

async function ask(message: Message): Promise<Message> {
  const connection = await server.openStdio()
  connection.send(message)
  const response = await connection.next()
  await connection.close()
  return response
}

const call = (params: Message): Message => ({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'get-customer', ...params },
})

describe.each(REVISIONS)('%s', (name, adapt) => {
  test.each<[string, Message]>([
    ['a null cursor', { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { cursor: null } }],
    [
      'a null progress token',
      { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: { progressToken: null } } },
    ],
  ])('ignores %s', async (_, message) => {
    expect(await ask(adapt(message))).toMatchObject({ id: 1, result: { tools: expect.any(Array) } })
  })

  test('treats null arguments as none', async () => {
    const response = await ask(adapt(call({ arguments: null })))
    expect(JSON.stringify(response)).toContain('customer_id is required')
  })

  test('reads arguments that arrive as one JSON text', async () => {
    const response = await ask(adapt(call({ arguments: JSON.stringify({ customer_id: ID }) })))
    expect(response).toMatchObject({ result: { structuredContent: customer } })
  })

  test.each(['not JSON', '"text"', '[1]'])('rejects arguments that are the text %s as a tool error', async (text) => {
    const response = await ask(adapt(call({ arguments: text })))
    expect(response).toMatchObject({ result: { isError: true } })
  })

  test('rejects a cursor that was made up', async () => {
    const response = await ask(adapt({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: { cursor: 'x' } }))
    expect(response).toMatchObject({ error: { code: -32602 } })
  })

  if (name === 'an earlier revision')
    test.each<[string, Message]>([
      ['params', { jsonrpc: '2.0', id: 1, method: 'tools/list', params: null }],
      ['params of ping', { jsonrpc: '2.0', id: 1, method: 'ping', params: null }],
      ['_meta', { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: null } }],
    ])('ignores null %s', async (_, message) => {
      expect(await ask(message)).toMatchObject({ id: 1, result: expect.any(Object) })
    })
})

test.each([12345678901234567000, 1.5, 1e300])('the id %s, which may have been altered, is not echoed', async (id) => {
  expect(await ask({ jsonrpc: '2.0', id, method: 'ping' })).toEqual({
    jsonrpc: '2.0',
    error: { code: -32600, message: expect.any(String) },
  })
})

test('an id that is still in flight is rejected, without an id', async () => {
  const connection = await createStateless(() => new Promise(() => {})).openStdio()
  const pending = call({ arguments: { customer_id: ID } })
  connection.send(pending, pending)
  expect(await connection.next()).toEqual({
    jsonrpc: '2.0',
    error: { code: -32600, message: 'a request with this id is still in flight; ignored' },
  })
  await connection.close()
})
