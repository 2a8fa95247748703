import Metronome from '@metronome/sdk'
import { describe, expect, test } from 'vitest'
import { exampleAnswer } from './support/answers.ts'
import { API, mockApi, type SentRequest } from './support/api-mock.ts'
import { connectClient, KEY } from './support/mcp.ts'

const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const OTHER = '20A060D1-AA80-41D4-8BB2-4F3091B93903'
const METHOD_ID = '4422e46f-b374-4159-97e3-300208cdb2e2'
// biome-ignore lint/suspicious/noExplicitAny: one set serves the tool and the SDK's method, each with its own type
type Arguments = any

type ByTheSdk = (sdk: Metronome, args: Arguments) => PromiseLike<unknown>
/** What Metronome's contract says, for the operations that its SDK lacks: all of them send their arguments as body. */
type ByTheContract = `/v1/${string}`

interface Row {
  readonly tool: string
  readonly expected: ByTheSdk | ByTheContract
  readonly sets: readonly Arguments[]
}

const stripe = {
  billing_provider: 'stripe',
  delivery_method: 'direct_to_billing_provider',
  configuration: { stripe_customer_id: 'cus_123', stripe_collection_method: 'charge_automatically' },
}
const aws = {
  billing_provider: 'aws_marketplace',
  delivery_method_id: METHOD_ID,
  configuration: {
    aws_customer_id: 'aws-1',
    aws_product_code: 'code',
    aws_region: 'us-east-1',
    aws_is_subscription_product: false,
  },
}
const netsuite = { provider: 'netsuite', configuration: { netsuite_customer_id: '12345' } }

const ROWS: readonly Row[] = [
  {
    tool: 'archive-billing-provider-configurations-customer',
    expected: (sdk, args) => sdk.v1.customers.archiveBillingConfigurations(args),
    sets: [
      { customer_id: ID, customer_billing_provider_configuration_ids: [METHOD_ID] },
      { customer_id: OTHER, customer_billing_provider_configuration_ids: [METHOD_ID, ID] },
      { customer_id: ID, customer_billing_provider_configuration_ids: [] },
      { customer_billing_provider_configuration_ids: [ID, ID], customer_id: OTHER },
    ],
  },
  {
    tool: 'archive-revenue-system-configurations-customer',
    expected: '/v1/archiveCustomerRevenueSystemConfigurations',
    sets: [
      { customer_id: ID, customer_revenue_system_configuration_ids: [METHOD_ID] },
      { customer_id: OTHER, customer_revenue_system_configuration_ids: [METHOD_ID, ID] },
      { customer_id: ID, customer_revenue_system_configuration_ids: [] },
      { customer_revenue_system_configuration_ids: [ID, ID], customer_id: OTHER },
    ],
  },
  {
    tool: 'list-customers',
    expected: (sdk, args) => sdk.v1.customers.list(args),
    sets: [
      {},
      { limit: 100, next_page: 'ey+J/a=b&c' },
      { ingest_alias: 'team@acme.example' },
      { customer_ids: [ID, OTHER], only_archived: true },
      { salesforce_account_ids: ['0015500001WO1ZiABL', 'ü 2'], only_archived: false },
      { customer_ids: [], salesforce_account_ids: [], limit: 1 },
    ],
  },
  {
    tool: 'create-customer',
    expected: (sdk, args) => sdk.v1.customers.create(args),
    sets: [
      { name: 'Acme' },
      { name: 'Zoë 😀', ingest_aliases: ['team@acme.example', 'a,b'], custom_fields: { x_account_id: 'KyVn' } },
      { name: 'Acme', external_id: 'acme', customer_billing_provider_configurations: [stripe, aws] },
      { name: 'Acme', customer_revenue_system_configurations: [{ ...netsuite, delivery_method_id: METHOD_ID }] },
      { name: 'Acme', ingest_aliases: [], custom_fields: {} },
    ],
  },
  {
    tool: 'archive-customer',
    expected: (sdk, args) => sdk.v1.customers.archive(args),
    sets: [{ id: ID }, { id: OTHER }, { id: METHOD_ID }, { id: '00000000-0000-0000-0000-000000000000' }],
  },
  {
    tool: 'set-customer-billable-status',
    expected: '/v1/customers/setBillableStatus',
    sets: [
      { customer_id: ID, billable_status: 'billable', effective_at: '2021-01-01T00:00:00Z' },
      { customer_id: ID, billable_status: 'unbillable', effective_at: '2021-01-01T00:00:00+02:00' },
      { customer_id: OTHER, billable_status: 'billable', effective_at: '2021-01-01T00:00:00.000Z' },
      { effective_at: '2024-02-29T23:59:59-11:30', customer_id: OTHER, billable_status: 'unbillable' },
    ],
  },
  {
    tool: 'get-customer',
    expected: (sdk, args) => sdk.v1.customers.retrieve(args),
    sets: [
      { customer_id: ID },
      { customer_id: OTHER },
      { customer_id: METHOD_ID },
      { customer_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' },
    ],
  },
  {
    tool: 'create-update-customer-ingest-aliases',
    expected: (sdk, args) => sdk.v1.customers.setIngestAliases(args),
    sets: [
      { customer_id: ID, ingest_aliases: ['team@acme.example'] },
      { customer_id: ID, ingest_aliases: [] },
      { customer_id: OTHER, ingest_aliases: ['a', 'b,c', '😀', 'ü'] },
      { customer_id: ID, ingest_aliases: ['same', 'same'] },
    ],
  },
  {
    tool: 'update-customer-name',
    expected: (sdk, args) => sdk.v1.customers.setName(args),
    sets: [
      { customer_id: ID, name: 'Acme' },
      { customer_id: OTHER, name: ' spaces stay ' },
      { customer_id: ID, name: 'x'.repeat(200) },
      { customer_id: ID, name: '"quoted" \\ 😀\n' },
    ],
  },
  {
    tool: 'update-customer-configuration',
    expected: (sdk, args) => sdk.v1.customers.updateConfig(args),
    sets: [
      { customer_id: ID },
      { customer_id: ID, salesforce_account_id: '0015500001WO1ZiABL', leave_stripe_invoices_in_draft: true },
      { customer_id: OTHER, salesforce_account_id: null },
      { customer_id: ID, leave_stripe_invoices_in_draft: null },
      { customer_id: ID, leave_stripe_invoices_in_draft: false },
    ],
  },
  {
    tool: 'get-embeddable-customer-dashboard',
    expected: (sdk, args) => sdk.v1.dashboards.getEmbeddableURL(args),
    sets: [
      { customer_id: ID, dashboard: 'usage' },
      {
        customer_id: ID,
        dashboard: 'invoices',
        dashboard_options: [{ key: 'show_zero_usage_line_items', value: 'false' }],
        color_overrides: [{ name: 'Gray_dark', value: '#ff0000' }, { name: 'Action_hover' }],
      },
      {
        customer_id: OTHER,
        dashboard: 'usage',
        bm_group_key_overrides: [
          { group_key_name: 'tenant', display_name: 'Org', value_display_names: { '48ec': 'Cluster EU' } },
        ],
      },
      { customer_id: ID, dashboard: 'commits_and_credits', dashboard_options: [], color_overrides: [] },
    ],
  },
  {
    tool: 'fetch-billing-provider-configurations-customer',
    expected: (sdk, args) => sdk.v1.customers.retrieveBillingConfigurations(args),
    sets: [
      { customer_id: ID },
      { customer_id: OTHER, include_archived: true },
      { customer_id: ID, include_archived: false },
      { include_archived: true, customer_id: METHOD_ID },
    ],
  },
  {
    tool: 'fetch-revenue-system-configurations-customer',
    expected: '/v1/getCustomerRevenueSystemConfigurations',
    sets: [
      { customer_id: ID },
      { customer_id: OTHER, provider: 'netsuite' },
      { customer_id: ID, include_archived: true },
      { customer_id: ID, provider: 'netsuite', include_archived: false },
    ],
  },
  {
    tool: 'set-billing-provider-configurations-customer',
    expected: (sdk, args) => sdk.v1.customers.setBillingConfigurations(args),
    sets: [
      { data: [{ customer_id: ID, ...stripe }] },
      { data: [{ customer_id: OTHER, ...aws, tax_provider: 'anrok' }] },
      {
        data: [
          { customer_id: ID, ...stripe },
          { customer_id: OTHER, ...aws },
        ],
      },
      { data: [{ customer_id: ID, billing_provider: 'custom' }] },
      { data: [] },
    ],
  },
  {
    tool: 'set-revenue-system-configurations-customer',
    expected: '/v1/setCustomerRevenueSystemConfigurations',
    sets: [
      { data: [{ customer_id: ID, ...netsuite }] },
      { data: [{ customer_id: ID, provider: 'netsuite', configuration: { netsuite_customer_id: 12345 } }] },
      { data: [{ customer_id: OTHER, ...netsuite, delivery_method_id: METHOD_ID }] },
      {
        data: [
          { customer_id: ID, provider: 'netsuite', configuration: {} },
          { customer_id: OTHER, ...netsuite },
        ],
      },
    ],
  },
]

const api = mockApi()

/** What has to be equal: method, path, decoded query, JSON body and content type. */
function essence({ method, path, query, body, headers }: SentRequest): object {
  return { method, path, query, body: JSON.stringify(body), contentType: headers['content-type'] }
}

async function sendBySdk(send: ByTheSdk, args: Arguments): Promise<object[]> {
  const sdk = new Metronome({ bearerToken: KEY, baseURL: API, maxRetries: 0 })
  const before = api.sent.length
  await send(sdk, args)
  return api.sent.slice(before).map(essence)
}

function expectByContract(path: ByTheContract, args: Arguments): object[] {
  return [{ method: 'POST', path, query: {}, body: JSON.stringify(args), contentType: 'application/json' }]
}

describe.each(ROWS)('$tool sends what Metronome expects', ({ tool, expected, sets }) => {
  test.each(sets.map((args) => [JSON.stringify(args).slice(0, 100), args]))('%s', async (_, args) => {
    api.answer(exampleAnswer(tool))
    const { callTool } = await connectClient()
    await callTool(tool, args)
    const sent = api.sent.map(essence)
    const wanted = typeof expected === 'string' ? expectByContract(expected, args) : await sendBySdk(expected, args)
    expect(sent).toEqual(wanted)
  })
})

test('every tool is compared with at least four sets of arguments', () => {
  expect(ROWS).toHaveLength(15)
  expect(ROWS.filter(({ sets }) => sets.length < 4)).toEqual([])
})
