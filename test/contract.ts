import type Metronome from '@metronome/sdk'
import type { JsonObject } from '../src/operations/json.ts'
import type { Store } from '../src/sandbox/store.ts'

// biome-ignore lint/suspicious/noExplicitAny: one set serves the tool and the SDK's method, each with its own type
export type Arguments = any

/** Everything that binds one operation. Written by hand from the specification and Metronome's contract, never from the code. */
export interface ContractRow {
  readonly tool: string
  readonly hints: { readonly readOnly: boolean; readonly destructive: boolean; readonly idempotent: boolean }
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly restPath: string
  /** One call and the request it must send. */
  readonly request: {
    readonly args: Arguments
    readonly target: string
    readonly query?: Record<string, string>
    readonly body?: unknown
    readonly accept?: '*/*'
    /** Metronome's response; empty text where it has no body. */
    readonly response: object | ''
  }
  /** The official SDK's call; the SDK lacks four operations, which are compared with this contract alone. */
  readonly sdk: ((sdk: Metronome, args: Arguments) => PromiseLike<unknown>) | 'not in the SDK'
  /** Arguments whose requests are compared with the SDK's; at least four sets. */
  readonly sets: readonly Arguments[]
  /** Only for writes. */
  readonly write?: {
    /** Valid for a new sandbox, and changes it; several sets, from which random tests draw. */
    readonly args: readonly [JsonObject, ...JsonObject[]]
    /** Whether the store shows everything that the arguments ask for. */
    isInPlace(store: Store, args: Arguments): boolean
  }
}

export const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
export const OTHER_ID = '20A060D1-AA80-41D4-8BB2-4F3091B93903'
const CONFIGURATION_ID = 'e045c62b-65e7-4e84-a924-3f06f8b621d0'
const REVENUE_CONFIGURATION_ID = '5ab3a1c1-4d1f-4d9e-9e55-0c8f3c1d7b42'
const METHOD_ID = '4422e46f-b374-4159-97e3-300208cdb2e2'
export const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000'
export const ARCHIVED_ID = 'fe285c0d-448b-4c06-be51-0c6ff2382850'

const CUSTOMER = { id: ID, external_id: 'acme', ingest_aliases: ['acme'], name: 'Acme', custom_fields: {} }
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

const READ = { readOnly: true, destructive: false, idempotent: false }
const IDEMPOTENT_READ = { readOnly: true, destructive: false, idempotent: true }
const WRITE = { readOnly: false, destructive: false, idempotent: false }

const billingIds = { customer_id: ID, customer_billing_provider_configuration_ids: [CONFIGURATION_ID] }
const revenueIds = { customer_id: ID, customer_revenue_system_configuration_ids: [REVENUE_CONFIGURATION_ID] }
const status = { customer_id: ID, billable_status: 'billable', effective_at: '2026-01-01T00:00:00+02:00' }
const dashboard = { customer_id: ID, dashboard: 'usage', color_overrides: [{ name: 'White', value: '#fff' }] }
const numericNetsuite = { customer_id: ID, provider: 'netsuite', configuration: { netsuite_customer_id: 12345 } }
const novaStripe = { ...stripe, configuration: { ...stripe.configuration, stripe_customer_id: 'cus_nova' } }

const sameItems = (a: readonly unknown[], b: readonly unknown[]): boolean =>
  JSON.stringify(Array.from(new Set(a)).sort()) === JSON.stringify(Array.from(new Set(b)).sort())

const findCustomer = (store: Store, id: string) => store.customers.get(id.toLowerCase())

function areArchived(configurations: Store['billing'], ids: readonly string[]): boolean {
  return ids.every((id) => configurations.find((each) => each.id === id.toLowerCase())?.archived_at)
}

/** Whether each item has an active configuration of its own with the same values. */
function areConfigured(configurations: Store['billing'], items: readonly Arguments[], customerId?: string): boolean {
  const free = configurations.filter(({ archived_at }) => archived_at === null)
  return items.every((item) => {
    const index = free.findIndex(
      ({ customer_id, delivery, configuration }) =>
        customer_id === (customerId ?? item.customer_id.toLowerCase()) &&
        delivery.provider === (item.billing_provider ?? item.provider) &&
        Object.entries(item.configuration ?? {}).every(([key, value]) => String(configuration[key]) === String(value)),
    )
    if (index >= 0) free.splice(index, 1)
    return index >= 0
  })
}

/** The 15 operations in the order of the specification. */
export const CONTRACT: readonly ContractRow[] = [
  {
    tool: 'archive-billing-provider-configurations-customer',
    hints: WRITE,
    method: 'POST',
    path: '/v1/archiveCustomerBillingProviderConfigurations',
    restPath: '/v1/v1/archivecustomerbillingproviderconfigurations',
    request: {
      args: billingIds,
      target: '/v1/archiveCustomerBillingProviderConfigurations',
      body: billingIds,
      response: { data: billingIds },
    },
    sdk: (sdk, args) => sdk.v1.customers.archiveBillingConfigurations(args),
    sets: [
      { customer_id: ID, customer_billing_provider_configuration_ids: [METHOD_ID] },
      { customer_id: OTHER_ID, customer_billing_provider_configuration_ids: [METHOD_ID, ID] },
      { customer_id: METHOD_ID, customer_billing_provider_configuration_ids: [ID] },
      { customer_billing_provider_configuration_ids: [ID, ID], customer_id: OTHER_ID },
    ],
    write: {
      args: [billingIds, { customer_id: ARCHIVED_ID, customer_billing_provider_configuration_ids: [CONFIGURATION_ID] }],
      isInPlace: (store, args) => areArchived(store.billing, args.customer_billing_provider_configuration_ids),
    },
  },
  {
    tool: 'archive-revenue-system-configurations-customer',
    hints: WRITE,
    method: 'POST',
    path: '/v1/archiveCustomerRevenueSystemConfigurations',
    restPath: '/v1/v1/archivecustomerrevenuesystemconfigurations',
    request: {
      args: revenueIds,
      target: '/v1/archiveCustomerRevenueSystemConfigurations',
      body: revenueIds,
      response: { data: revenueIds },
    },
    sdk: 'not in the SDK',
    sets: [
      { customer_id: ID, customer_revenue_system_configuration_ids: [METHOD_ID] },
      { customer_id: OTHER_ID, customer_revenue_system_configuration_ids: [METHOD_ID, ID] },
      { customer_id: METHOD_ID, customer_revenue_system_configuration_ids: [ID] },
      { customer_revenue_system_configuration_ids: [ID, ID], customer_id: OTHER_ID },
    ],
    write: {
      args: [revenueIds, { ...revenueIds, customer_id: UNKNOWN_ID }],
      isInPlace: (store, args) => areArchived(store.revenue, args.customer_revenue_system_configuration_ids),
    },
  },
  {
    tool: 'list-customers',
    hints: IDEMPOTENT_READ,
    method: 'GET',
    path: '/v1/customers',
    restPath: '/v1/v1/customers',
    request: {
      args: { limit: 50, next_page: 'a+b/c=', customer_ids: [ID, CONFIGURATION_ID], only_archived: false },
      target: '/v1/customers',
      query: { limit: '50', next_page: 'a+b/c=', customer_ids: `${ID},${CONFIGURATION_ID}`, only_archived: 'false' },
      response: { data: [CUSTOMER], next_page: 'cursor' },
    },
    sdk: (sdk, args) => sdk.v1.customers.list(args),
    sets: [
      {},
      { limit: 100, next_page: 'ey+J/a=b&c' },
      { ingest_alias: 'team@acme.example' },
      { customer_ids: [ID, OTHER_ID], only_archived: true },
      { salesforce_account_ids: ['0015500001WO1ZiABL', 'ü 2'], only_archived: false },
      { customer_ids: [], salesforce_account_ids: [], limit: 1 },
    ],
  },
  {
    tool: 'create-customer',
    hints: WRITE,
    method: 'POST',
    path: '/v1/customers',
    restPath: '/v1/v1/customers',
    request: {
      args: { name: 'Zoë & Söhne', ingest_aliases: ['a,b'], custom_fields: { tier: 'gold' } },
      target: '/v1/customers',
      body: { name: 'Zoë & Söhne', ingest_aliases: ['a,b'], custom_fields: { tier: 'gold' } },
      response: { data: CUSTOMER },
    },
    sdk: (sdk, args) => sdk.v1.customers.create(args),
    sets: [
      { name: 'Acme' },
      { name: 'Zoë 😀', ingest_aliases: ['team@acme.example', 'a,b'], custom_fields: { x_account_id: 'KyVn' } },
      { name: 'Acme', external_id: 'acme', customer_billing_provider_configurations: [stripe, aws] },
      { name: 'Acme', customer_revenue_system_configurations: [{ ...netsuite, delivery_method_id: METHOD_ID }] },
      { name: 'Acme', ingest_aliases: [], custom_fields: {} },
    ],
    write: {
      args: [
        { name: 'Nova Freight', ingest_aliases: ['nova'], custom_fields: { segment: 'new' } },
        { name: 'Nova', ingest_aliases: ['nova', 'orbit'] },
        { name: 'Nova', ingest_aliases: ['nova'], customer_billing_provider_configurations: [novaStripe] },
        { name: 'Orbit', ingest_aliases: ['acme-prod'] },
        { name: 'Orbit' },
      ],
      isInPlace: (store, args) =>
        Array.from(store.customers.values()).some(
          ({ id, name, ingest_aliases, custom_fields, archived_at }) =>
            archived_at === null &&
            name === args.name &&
            sameItems(ingest_aliases, args.ingest_aliases ?? []) &&
            Object.entries(args.custom_fields ?? {}).every(([key, value]) => custom_fields[key] === value) &&
            areConfigured(store.billing, args.customer_billing_provider_configurations ?? [], id),
        ),
    },
  },
  {
    tool: 'archive-customer',
    hints: WRITE,
    method: 'POST',
    path: '/v1/customers/archive',
    restPath: '/v1/v1/customers/archive',
    request: {
      args: { id: ID },
      target: '/v1/customers/archive',
      body: { id: ID },
      response: { data: { id: ID } },
    },
    sdk: (sdk, args) => sdk.v1.customers.archive(args),
    sets: [{ id: ID }, { id: OTHER_ID }, { id: METHOD_ID }, { id: '00000000-0000-0000-0000-000000000000' }],
    write: {
      args: [{ id: ID }, { id: ARCHIVED_ID }, { id: UNKNOWN_ID }],
      isInPlace: (store, { id }) => Boolean(findCustomer(store, id)?.archived_at),
    },
  },
  {
    tool: 'set-customer-billable-status',
    hints: WRITE,
    method: 'POST',
    path: '/v1/customers/setBillableStatus',
    restPath: '/v1/v1/customers/setbillablestatus',
    request: {
      args: status,
      target: '/v1/customers/setBillableStatus',
      body: status,
      response: { data: { id: ID, current_billable_status: 'billable' } },
    },
    sdk: 'not in the SDK',
    sets: [
      { customer_id: ID, billable_status: 'billable', effective_at: '2021-01-01T00:00:00Z' },
      { customer_id: ID, billable_status: 'unbillable', effective_at: '2021-01-01T00:00:00+02:00' },
      { customer_id: OTHER_ID, billable_status: 'billable', effective_at: '2021-01-01T00:00:00.000Z' },
      { effective_at: '2024-02-29T23:59:59-11:30', customer_id: OTHER_ID, billable_status: 'unbillable' },
    ],
    write: {
      args: [
        { customer_id: ID, billable_status: 'unbillable', effective_at: '2026-02-01T00:00:00+02:00' },
        { customer_id: ID, billable_status: 'billable', effective_at: '2026-02-01T00:00:00Z' },
        { customer_id: ARCHIVED_ID, billable_status: 'unbillable', effective_at: '2026-02-01T00:00:00Z' },
      ],
      isInPlace(store, { customer_id, billable_status, effective_at }) {
        const shown = findCustomer(store, customer_id)?.billable_statuses.at(-1)
        return shown?.value === billable_status && Date.parse(shown?.effective_at ?? '') === Date.parse(effective_at)
      },
    },
  },
  {
    tool: 'get-customer',
    hints: IDEMPOTENT_READ,
    method: 'GET',
    path: '/v1/customers/{customer_id}',
    restPath: '/v1/v1/customers/{customer-id}',
    request: { args: { customer_id: ID }, target: `/v1/customers/${ID}`, response: { data: CUSTOMER } },
    sdk: (sdk, args) => sdk.v1.customers.retrieve(args),
    sets: [
      { customer_id: ID },
      { customer_id: OTHER_ID },
      { customer_id: METHOD_ID },
      { customer_id: 'ffffffff-ffff-ffff-ffff-ffffffffffff' },
    ],
  },
  {
    tool: 'create-update-customer-ingest-aliases',
    hints: WRITE,
    method: 'POST',
    path: '/v1/customers/{customer_id}/setIngestAliases',
    restPath: '/v1/v1/customers/{customer-id}/setingestaliases',
    request: {
      args: { customer_id: ID, ingest_aliases: [] },
      target: `/v1/customers/${ID}/setIngestAliases`,
      body: { ingest_aliases: [] },
      accept: '*/*',
      response: '',
    },
    sdk: (sdk, args) => sdk.v1.customers.setIngestAliases(args),
    sets: [
      { customer_id: ID, ingest_aliases: ['team@acme.example'] },
      { customer_id: ID, ingest_aliases: [] },
      { customer_id: OTHER_ID, ingest_aliases: ['a', 'b,c', '😀', 'ü'] },
      { customer_id: ID, ingest_aliases: ['same', 'same'] },
    ],
    write: {
      args: [
        { customer_id: ID, ingest_aliases: ['acme-prod', 'acme-eu'] },
        { customer_id: ID, ingest_aliases: ['nova', 'orbit'] },
        { customer_id: ID, ingest_aliases: ['harborline'] },
        { customer_id: ID, ingest_aliases: [] },
        { customer_id: ARCHIVED_ID, ingest_aliases: ['nova'] },
      ],
      isInPlace: (store, { customer_id, ingest_aliases }) =>
        sameItems(findCustomer(store, customer_id)?.ingest_aliases ?? ['none'], ingest_aliases),
    },
  },
  {
    tool: 'update-customer-name',
    hints: WRITE,
    method: 'POST',
    path: '/v1/customers/{customer_id}/setName',
    restPath: '/v1/v1/customers/{customer-id}/setname',
    request: {
      args: { customer_id: ID, name: 'Acme EU' },
      target: `/v1/customers/${ID}/setName`,
      body: { name: 'Acme EU' },
      response: { data: CUSTOMER },
    },
    sdk: (sdk, args) => sdk.v1.customers.setName(args),
    sets: [
      { customer_id: ID, name: 'Acme' },
      { customer_id: OTHER_ID, name: ' spaces stay ' },
      { customer_id: ID, name: 'x'.repeat(200) },
      { customer_id: ID, name: '"quoted" \\ 😀\n' },
    ],
    write: {
      args: [
        { customer_id: ID, name: 'Acme Europe' },
        { customer_id: ID, name: 'Acme Robotics' },
        { customer_id: ID, name: 'x'.repeat(200) },
        { customer_id: ARCHIVED_ID, name: 'Acme Europe' },
        { customer_id: UNKNOWN_ID, name: 'Acme Europe' },
      ],
      isInPlace: (store, { customer_id, name }) => findCustomer(store, customer_id)?.name === name.slice(0, 160),
    },
  },
  {
    tool: 'update-customer-configuration',
    hints: WRITE,
    method: 'POST',
    path: '/v1/customers/{customer_id}/updateConfig',
    restPath: '/v1/v1/customers/{customer-id}/updateconfig',
    request: {
      args: { customer_id: ID, salesforce_account_id: null },
      target: `/v1/customers/${ID}/updateConfig`,
      body: { salesforce_account_id: null },
      accept: '*/*',
      response: '',
    },
    sdk: (sdk, args) => sdk.v1.customers.updateConfig(args),
    sets: [
      { customer_id: ID, salesforce_account_id: '0015500001WO1ZiABL' },
      { customer_id: ID, salesforce_account_id: '0015500001WO1ZiABL', leave_stripe_invoices_in_draft: true },
      { customer_id: OTHER_ID, salesforce_account_id: null },
      { customer_id: ID, leave_stripe_invoices_in_draft: null },
      { customer_id: ID, leave_stripe_invoices_in_draft: false },
    ],
    write: {
      args: [
        { customer_id: ID, salesforce_account_id: 'sf-new' },
        { customer_id: ID, salesforce_account_id: null },
        { customer_id: ID, salesforce_account_id: 'sf-new', leave_stripe_invoices_in_draft: true },
        { customer_id: ARCHIVED_ID, salesforce_account_id: 'sf-new' },
      ],
      isInPlace(store, { customer_id, ...settings }) {
        const customer: JsonObject = { ...findCustomer(store, customer_id) }
        return Object.entries(settings).every(([name, value]) => customer[name] === value)
      },
    },
  },
  {
    tool: 'get-embeddable-customer-dashboard',
    hints: READ,
    method: 'POST',
    path: '/v1/dashboards/getEmbeddableUrl',
    restPath: '/v1/v1/dashboards/getembeddableurl',
    request: {
      args: dashboard,
      target: '/v1/dashboards/getEmbeddableUrl',
      body: dashboard,
      response: { data: { url: 'https://dashboards.example/v1?token=example' } },
    },
    sdk: (sdk, args) => sdk.v1.dashboards.getEmbeddableURL(args),
    sets: [
      { customer_id: ID, dashboard: 'usage' },
      {
        customer_id: ID,
        dashboard: 'invoices',
        dashboard_options: [{ key: 'show_zero_usage_line_items', value: 'false' }],
        color_overrides: [{ name: 'Gray_dark', value: '#ff0000' }, { name: 'Action_hover' }],
      },
      {
        customer_id: OTHER_ID,
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
    hints: READ,
    method: 'POST',
    path: '/v1/getCustomerBillingProviderConfigurations',
    restPath: '/v1/v1/getcustomerbillingproviderconfigurations',
    request: {
      args: { customer_id: ID, include_archived: true },
      target: '/v1/getCustomerBillingProviderConfigurations',
      body: { customer_id: ID, include_archived: true },
      response: { data: [{ id: CONFIGURATION_ID, customer_id: ID, ...stripe }] },
    },
    sdk: (sdk, args) => sdk.v1.customers.retrieveBillingConfigurations(args),
    sets: [
      { customer_id: ID },
      { customer_id: OTHER_ID, include_archived: true },
      { customer_id: ID, include_archived: false },
      { include_archived: true, customer_id: METHOD_ID },
    ],
  },
  {
    tool: 'fetch-revenue-system-configurations-customer',
    hints: READ,
    method: 'POST',
    path: '/v1/getCustomerRevenueSystemConfigurations',
    restPath: '/v1/v1/getcustomerrevenuesystemconfigurations',
    request: {
      args: { customer_id: ID, provider: 'netsuite' },
      target: '/v1/getCustomerRevenueSystemConfigurations',
      body: { customer_id: ID, provider: 'netsuite' },
      response: { data: [] },
    },
    sdk: 'not in the SDK',
    sets: [
      { customer_id: ID },
      { customer_id: OTHER_ID, provider: 'netsuite' },
      { customer_id: ID, include_archived: true },
      { customer_id: ID, provider: 'netsuite', include_archived: false },
    ],
  },
  {
    tool: 'set-billing-provider-configurations-customer',
    hints: WRITE,
    method: 'POST',
    path: '/v1/setCustomerBillingProviderConfigurations',
    restPath: '/v1/v1/setcustomerbillingproviderconfigurations',
    request: {
      args: {
        data: [
          { customer_id: ID, ...stripe },
          { customer_id: ID, ...stripe },
        ],
      },
      target: '/v1/setCustomerBillingProviderConfigurations',
      body: {
        data: [
          { customer_id: ID, ...stripe },
          { customer_id: ID, ...stripe },
        ],
      },
      response: { data: [{ id: CONFIGURATION_ID, customer_id: ID, ...stripe }] },
    },
    sdk: (sdk, args) => sdk.v1.customers.setBillingConfigurations(args),
    sets: [
      { data: [{ customer_id: ID, ...stripe }] },
      { data: [{ customer_id: OTHER_ID, ...aws, tax_provider: 'anrok' }] },
      {
        data: [
          { customer_id: ID, ...stripe },
          { customer_id: OTHER_ID, ...aws },
        ],
      },
      { data: [{ customer_id: ID, billing_provider: 'custom' }] },
    ],
    write: {
      args: [
        { data: [{ customer_id: ID, ...novaStripe }] },
        {
          data: [
            { customer_id: ID, ...novaStripe },
            { customer_id: ID, ...novaStripe },
          ],
        },
        {
          data: [
            {
              customer_id: ID,
              ...stripe,
              configuration: {
                stripe_customer_id: 'cus_SB7Rq5UAkSmrR3',
                stripe_collection_method: 'charge_automatically',
              },
            },
          ],
        },
        { data: [{ customer_id: UNKNOWN_ID, ...stripe }] },
      ],
      isInPlace: (store, { data }) => areConfigured(store.billing, data),
    },
  },
  {
    tool: 'set-revenue-system-configurations-customer',
    hints: WRITE,
    method: 'POST',
    path: '/v1/setCustomerRevenueSystemConfigurations',
    restPath: '/v1/v1/setcustomerrevenuesystemconfigurations',
    request: {
      args: { data: [numericNetsuite] },
      target: '/v1/setCustomerRevenueSystemConfigurations',
      body: { data: [numericNetsuite] },
      response: { data: [{ id: CONFIGURATION_ID, ...numericNetsuite }] },
    },
    sdk: 'not in the SDK',
    sets: [
      { data: [{ customer_id: ID, ...netsuite }] },
      { data: [numericNetsuite] },
      { data: [{ customer_id: OTHER_ID, ...netsuite, delivery_method_id: METHOD_ID }] },
      {
        data: [
          { customer_id: ID, provider: 'netsuite', configuration: {} },
          { customer_id: OTHER_ID, ...netsuite },
        ],
      },
    ],
    write: {
      args: [
        { data: [{ customer_id: ID, provider: 'netsuite', configuration: { netsuite_customer_id: 99 } }] },
        { data: [{ customer_id: ID, ...netsuite }] },
        { data: [{ customer_id: UNKNOWN_ID, ...netsuite }] },
      ],
      isInPlace: (store, { data }) => areConfigured(store.revenue, data),
    },
  },
]

export interface WriteRow extends ContractRow {
  readonly write: NonNullable<ContractRow['write']>
}

/** The operations that write. */
export const WRITES: readonly WriteRow[] = CONTRACT.filter((row): row is WriteRow => row.write !== undefined)

export function rowOf(tool: string): ContractRow {
  const row = CONTRACT.find((each) => each.tool === tool)
  if (!row) throw new Error(`no row for ${tool}`)
  return row
}
