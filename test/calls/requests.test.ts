import { describe, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { CONTRACT, ID, rowOf, WRITES } from '../contract.ts'
import { mockApi } from '../support/api-mock.ts'
import { connectClient, KEY, textOf } from '../support/harness.ts'

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
const api = mockApi()

/** Makes the API respond to this tool as Metronome does, and connects a client. */
function connectFor(tool: string) {
  api.answer(rowOf(tool).request.response)
  return connectClient()
}

describe.each(CONTRACT)('$tool', ({ tool, method, request, write }) => {
  test('sends exactly one request, as the contract has it', async () => {
    const { callTool } = await connectFor(tool)
    await callTool(tool, request.args)
    expect(api.sent).toEqual([
      {
        method,
        path: request.target,
        query: request.query ?? {},
        body: request.body,
        headers: {
          accept: request.accept ?? 'application/json',
          authorization: `Bearer ${KEY}`,
          'user-agent': `metronome-customers-mcp/${manifest.version}`,
          ...(method === 'POST' && { 'content-type': 'application/json' }),
          ...(write && { 'idempotency-key': expect.stringMatching(UUID) }),
        },
      },
    ])
  })

  test('returns the JSON of Metronome unchanged, as text and as structured content', async () => {
    const { response } = request
    const body = response === '' ? '' : { ...response, added_later: [{ by: 'Metronome' }] }
    const { mcp, callTool } = await connectFor(tool)
    api.answer(body)
    // From now on the client checks results against the output schema.
    await mcp.listTools()
    const expected = body === '' ? { success: true } : body
    expect(await callTool(tool, request.args)).toEqual({
      content: [{ type: 'text', text: JSON.stringify(expected) }],
      structuredContent: expected,
    })
  })
})

test.each(WRITES)('$tool uses a new Idempotency-Key in every call', async ({ tool, request }) => {
  const { callTool } = await connectFor(tool)
  await callTool(tool, request.args)
  await callTool(tool, request.args)
  const [first, second, ...others] = api.sent.map(({ headers }) => headers['idempotency-key'])
  expect(others).toEqual([])
  expect(first).not.toBe(second)
})

test('ids are sent in the case and the UUID version in which they were given', async () => {
  const { callTool } = await connectFor('get-customer')
  const ids = [ID.toUpperCase(), '00000000-0000-0000-0000-000000000000', '018f6a3e-7c1d-7f00-8000-000000000001']
  for (const customer_id of ids) await callTool('get-customer', { customer_id })
  expect(api.sent.map(({ path }) => path)).toEqual(ids.map((id) => `/v1/customers/${id}`))
})

test('an empty filter array and absent arguments send no query, as in the SDKs of Metronome', async () => {
  const { callTool } = await connectFor('list-customers')
  await callTool('list-customers', { customer_ids: [], salesforce_account_ids: [] })
  await callTool('list-customers')
  expect(api.sent.map(({ query }) => query)).toEqual([{}, {}])
})

test('opaque query values arrive as they were given', async () => {
  const { callTool } = await connectFor('list-customers')
  const values = { ingest_alias: 'a&b=c d+e%2F?#', salesforce_account_ids: ['0015 5', 'ü'] }
  await callTool('list-customers', values)
  expect(api.sent[0]?.query).toEqual({ ingest_alias: values.ingest_alias, salesforce_account_ids: '0015 5,ü' })
})

test('2,000 aliases are sent, one of them with 128 emoji', async () => {
  const tool = 'create-update-customer-ingest-aliases'
  const { callTool } = await connectFor(tool)
  const ingest_aliases = Array.from({ length: 2000 }, (_, index) => (index === 0 ? '😀'.repeat(128) : `alias-${index}`))
  await callTool(tool, { customer_id: ID, ingest_aliases })
  expect(api.sent.map(({ body }) => body)).toEqual([{ ingest_aliases }])
})

test('a name over 160 characters is sent whole, since Metronome cuts it', async () => {
  const { callTool } = await connectFor('update-customer-name')
  await callTool('update-customer-name', { customer_id: ID, name: 'x'.repeat(200) })
  expect(api.sent[0]?.body).toEqual({ name: 'x'.repeat(200) })
})

test('a call without an API key sends nothing and says where to set the key', async () => {
  const { callTool } = await connectClient({ apiKey: undefined })
  const result = await callTool('get-customer', { customer_id: ID })
  expect(result.isError).toBe(true)
  expect(textOf(result)).toMatch(/METRONOME_API_KEY is not set, nothing was sent.*"env" block.*--sandbox/)
  expect(api.sent).toEqual([])
})

test('a write without an API key has the outcome not_applied', async () => {
  const { call, caller } = await connectClient({ apiKey: undefined })
  const error = await call({ tool: 'archive-customer', args: { id: ID } }, caller).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ code: 'missing_key', outcome: 'not_applied' })
  expect(api.sent).toEqual([])
})
