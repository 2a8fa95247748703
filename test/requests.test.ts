import { describe, expect, test } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { mockApi } from './support/api-mock.ts'
import { connectClient, KEY, textOf } from './support/mcp.ts'

const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const CONFIGURATION_ID = 'e045c62b-65e7-4e84-a924-3f06f8b621d0'
const CUSTOMER = { id: ID, external_id: 'acme', ingest_aliases: ['acme'], name: 'Acme', custom_fields: {} }
const LIST = { data: [CUSTOMER], next_page: 'cursor' }
const ONE = { data: CUSTOMER }
const NOTHING = ''

interface Row {
  readonly tool: string
  readonly args: Record<string, unknown>
  readonly request: string
  readonly query?: Record<string, string>
  readonly body?: unknown
  readonly accept?: string
  readonly writes?: true
  readonly answer: unknown
}

const billing = { customer_id: ID, customer_billing_provider_configuration_ids: [CONFIGURATION_ID] }
const revenue = { customer_id: ID, customer_revenue_system_configuration_ids: [CONFIGURATION_ID] }
const stripe = { customer_id: ID, billing_provider: 'stripe', configuration: { stripe_customer_id: 'cus_1' } }
const netsuite = { customer_id: ID, provider: 'netsuite', configuration: { netsuite_customer_id: 12345 } }
const status = { customer_id: ID, billable_status: 'billable', effective_at: '2026-01-01T00:00:00+02:00' }
const dashboard = { customer_id: ID, dashboard: 'usage', color_overrides: [{ name: 'White', value: '#fff' }] }

// Written by hand from Metronome's contract: what has to be on the wire.
const ROWS: readonly Row[] = [
  {
    tool: 'archive-billing-provider-configurations-customer',
    args: billing,
    request: 'POST /v1/archiveCustomerBillingProviderConfigurations',
    body: billing,
    writes: true,
    answer: { data: billing },
  },
  {
    tool: 'archive-revenue-system-configurations-customer',
    args: revenue,
    request: 'POST /v1/archiveCustomerRevenueSystemConfigurations',
    body: revenue,
    writes: true,
    answer: { data: revenue },
  },
  {
    tool: 'list-customers',
    args: { limit: 50, next_page: 'a+b/c=', customer_ids: [ID, CONFIGURATION_ID], only_archived: false },
    request: 'GET /v1/customers',
    query: { limit: '50', next_page: 'a+b/c=', customer_ids: `${ID},${CONFIGURATION_ID}`, only_archived: 'false' },
    answer: LIST,
  },
  {
    tool: 'create-customer',
    args: { name: 'Zoë & Söhne', ingest_aliases: ['a,b'], custom_fields: { tier: 'gold' } },
    request: 'POST /v1/customers',
    body: { name: 'Zoë & Söhne', ingest_aliases: ['a,b'], custom_fields: { tier: 'gold' } },
    writes: true,
    answer: ONE,
  },
  {
    tool: 'archive-customer',
    args: { id: ID },
    request: 'POST /v1/customers/archive',
    body: { id: ID },
    writes: true,
    answer: { data: { id: ID } },
  },
  {
    tool: 'set-customer-billable-status',
    args: status,
    request: 'POST /v1/customers/setBillableStatus',
    body: status,
    writes: true,
    answer: { data: { id: ID, current_billable_status: 'billable' } },
  },
  { tool: 'get-customer', args: { customer_id: ID }, request: `GET /v1/customers/${ID}`, answer: ONE },
  {
    tool: 'create-update-customer-ingest-aliases',
    args: { customer_id: ID, ingest_aliases: [] },
    request: `POST /v1/customers/${ID}/setIngestAliases`,
    body: { ingest_aliases: [] },
    accept: '*/*',
    writes: true,
    answer: NOTHING,
  },
  {
    tool: 'update-customer-name',
    args: { customer_id: ID, name: 'Acme EU' },
    request: `POST /v1/customers/${ID}/setName`,
    body: { name: 'Acme EU' },
    writes: true,
    answer: ONE,
  },
  {
    tool: 'update-customer-configuration',
    args: { customer_id: ID, salesforce_account_id: null },
    request: `POST /v1/customers/${ID}/updateConfig`,
    body: { salesforce_account_id: null },
    accept: '*/*',
    writes: true,
    answer: NOTHING,
  },
  {
    tool: 'get-embeddable-customer-dashboard',
    args: dashboard,
    request: 'POST /v1/dashboards/getEmbeddableUrl',
    body: dashboard,
    answer: { data: { url: 'https://dashboards.example/v1?token=example' } },
  },
  {
    tool: 'fetch-billing-provider-configurations-customer',
    args: { customer_id: ID, include_archived: true },
    request: 'POST /v1/getCustomerBillingProviderConfigurations',
    body: { customer_id: ID, include_archived: true },
    answer: { data: [{ id: CONFIGURATION_ID, ...stripe }] },
  },
  {
    tool: 'fetch-revenue-system-configurations-customer',
    args: { customer_id: ID, provider: 'netsuite' },
    request: 'POST /v1/getCustomerRevenueSystemConfigurations',
    body: { customer_id: ID, provider: 'netsuite' },
    answer: { data: [] },
  },
  {
    tool: 'set-billing-provider-configurations-customer',
    args: { data: [stripe, stripe] },
    request: 'POST /v1/setCustomerBillingProviderConfigurations',
    body: { data: [stripe, stripe] },
    writes: true,
    answer: { data: [{ id: CONFIGURATION_ID, ...stripe }] },
  },
  {
    tool: 'set-revenue-system-configurations-customer',
    args: { data: [netsuite] },
    request: 'POST /v1/setCustomerRevenueSystemConfigurations',
    body: { data: [netsuite] },
    writes: true,
    answer: { data: [{ id: CONFIGURATION_ID, ...netsuite }] },
  },
]

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/
const api = mockApi()

describe.each(ROWS)('$tool', ({ tool, args, request, query, body, accept, writes, answer }) => {
  test('sends exactly this request', async () => {
    api.answer(answer)
    const { callTool } = await connectClient()
    await callTool(tool, args)

    const [method, path] = request.split(' ')
    expect(api.sent).toEqual([
      {
        method,
        path,
        query: query ?? {},
        body,
        headers: {
          accept: accept ?? 'application/json',
          authorization: `Bearer ${KEY}`,
          'user-agent': `metronome-customers-mcp/${manifest.version}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(writes && { 'idempotency-key': expect.stringMatching(UUID) }),
        },
      },
    ])
  })

  test('answers with the JSON of Metronome unchanged, as text and as structured content', async () => {
    const seen = answer === NOTHING ? { success: true } : { ...(answer as object), added_later: [{ by: 'Metronome' }] }
    api.answer(answer === NOTHING ? NOTHING : seen)
    const { mcp, callTool } = await connectClient()
    // From now on the client checks results against the output schema.
    await mcp.listTools()
    expect(await callTool(tool, args)).toEqual({
      content: [{ type: 'text', text: JSON.stringify(seen) }],
      structuredContent: seen,
    })
  })
})

test.each(ROWS.filter(({ writes }) => writes))(
  '$tool has a new Idempotency-Key in every call',
  async ({ tool, args, answer }) => {
    api.answer(answer)
    const { callTool } = await connectClient()
    await callTool(tool, args)
    await callTool(tool, args)
    const [first, second, ...others] = api.sent.map(({ headers }) => headers['idempotency-key'])
    expect(others).toEqual([])
    expect(first).not.toBe(second)
  },
)

test('an upper-case id and an unusual UUID version are sent as they came', async () => {
  api.answer(ONE)
  const { callTool } = await connectClient()
  const ids = [ID.toUpperCase(), '00000000-0000-0000-0000-000000000000', '018f6a3e-7c1d-7f00-8000-000000000001']
  for (const customer_id of ids) await callTool('get-customer', { customer_id })
  expect(api.sent.map(({ path }) => path)).toEqual(ids.map((id) => `/v1/customers/${id}`))
})

test('an empty filter array sends nothing, as with the SDKs of Metronome', async () => {
  api.answer(LIST)
  const { callTool } = await connectClient()
  await callTool('list-customers', { customer_ids: [], salesforce_account_ids: [] })
  await callTool('list-customers')
  expect(api.sent.map(({ query }) => query)).toEqual([{}, {}])
})

test('opaque query values arrive as they were given', async () => {
  api.answer(LIST)
  const { callTool } = await connectClient()
  const values = { ingest_alias: 'a&b=c d+e%2F?#', salesforce_account_ids: ['0015 5', 'ü'] }
  await callTool('list-customers', values)
  expect(api.sent[0]?.query).toEqual({ ingest_alias: values.ingest_alias, salesforce_account_ids: '0015 5,ü' })
})

test('128 emoji are 128 characters and 2000 aliases are sent', async () => {
  api.answer(NOTHING)
  const { callTool } = await connectClient()
  const ingest_aliases = Array.from({ length: 2000 }, (_, index) => (index === 0 ? '😀'.repeat(128) : `alias-${index}`))
  await callTool('create-update-customer-ingest-aliases', { customer_id: ID, ingest_aliases })
  expect(api.sent.map(({ body }) => body)).toEqual([{ ingest_aliases }])
})

test('a name over 160 characters goes out whole: cutting it is for Metronome', async () => {
  api.answer(ONE)
  const { callTool } = await connectClient()
  await callTool('update-customer-name', { customer_id: ID, name: 'x'.repeat(200) })
  expect(api.sent[0]?.body).toEqual({ name: 'x'.repeat(200) })
})

test('without a key nothing is sent and the answer says where to put it', async () => {
  const { callTool } = await connectClient({ key: undefined })
  const result = await callTool('get-customer', { customer_id: ID })
  expect(result.isError).toBe(true)
  expect(textOf(result)).toMatch(/METRONOME_API_KEY is not set, nothing was sent.*"env" block.*--sandbox/)
  expect(api.sent).toEqual([])
})
