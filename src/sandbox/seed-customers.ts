import { acmeDetail } from '../operations/samples.ts'
import type { Customer } from './records.ts'

interface Company {
  readonly id: string
  readonly name: string
  readonly aliases: readonly string[]
  readonly salesforce: string | null
  readonly fields: Readonly<Record<string, string>>
  readonly created: string
  /** Where it differs from `created`. */
  readonly updated?: string
  readonly archived?: string
}

const { customer_config, ...acme } = acmeDetail
export const HARBORLINE = 'c0904fc0-bd34-4152-9a50-89d0bc2927e0'
export const LUMEN = '8861b9c5-3c98-4728-9a4e-bc004747e83e'
export const CEDAR = '776c5c87-b61a-425d-ab1d-3660b403999e'
export const QUARTZ = 'b76d6459-bc04-4cc8-b217-0f9fa2c01a5d'
export const TIDEPOOL_EU = 'c7fe92f9-9830-4b1f-bba4-054b07db75fe'
export const TIDEPOOL_US = '27001ce5-217b-4c2f-b84f-b1cf0ae142b2'
export const MERIDIAN = 'a3984acb-53ca-4d4b-af12-113d12debbb1'
export const SAFFRON = '5d2a5880-294f-4b2f-8fe2-12a0a87ea4eb'
export const PINECREST = 'a3696886-be8e-409d-a72d-1688fc296886'
export const OLD_MILL = 'fe285c0d-448b-4c06-be51-0c6ff2382850'
export const OLD_MILL_END = '2025-04-30T16:00:00.000Z'
const GREENFIELD = 'cb40ffca-9481-4ed4-90b0-dc9b70678bcd'

const companies: readonly Company[] = [
  {
    id: acme.id,
    name: acme.name,
    aliases: acme.ingest_aliases,
    salesforce: customer_config.salesforce_account_id,
    fields: acme.custom_fields,
    created: acme.created_at,
    updated: acme.updated_at,
  },
  {
    id: HARBORLINE,
    name: 'Harborline Freight',
    aliases: ['harborline', 'harborline-staging'],
    salesforce: '0015500001WP2HbAAL',
    fields: { segment: 'mid-market', region: 'us-west' },
    created: '2024-02-14T16:20:11.000Z',
    updated: '2024-11-05T08:12:40.000Z',
  },
  {
    id: LUMEN,
    name: 'Lumen Valley Media',
    aliases: ['lumen-valley'],
    salesforce: '0015500001WQ7LvAAL',
    fields: { segment: 'enterprise', region: 'us-east' },
    created: '2024-03-01T10:00:00.000Z',
    updated: '2025-01-20T17:45:09.000Z',
  },
  {
    id: CEDAR,
    name: 'Cedar & Finch Retail',
    aliases: ['cedar-finch', 'store-events@cedarfinch.example'],
    salesforce: null,
    fields: { segment: 'mid-market' },
    created: '2024-04-22T07:31:55.000Z',
  },
  {
    id: QUARTZ,
    name: 'Quartz Ridge Security',
    aliases: ['quartz-ridge'],
    salesforce: '0015500001WR9QrAAL',
    fields: { segment: 'enterprise', region: 'eu-central' },
    created: '2024-06-10T13:05:27.000Z',
    updated: '2025-03-11T09:50:00.000Z',
  },
  // Two customers of one name: a name is no way to find a customer.
  {
    id: TIDEPOOL_EU,
    name: 'Tidepool Games',
    aliases: ['tidepool-eu'],
    salesforce: '0015500001WS4TeAAL',
    fields: { segment: 'startup', region: 'eu-central' },
    created: '2024-07-03T11:11:30.000Z',
  },
  {
    id: TIDEPOOL_US,
    name: 'Tidepool Games',
    aliases: ['tidepool-us'],
    salesforce: '0015500001WS4TuAAL',
    fields: { segment: 'startup', region: 'us-west' },
    created: '2024-07-03T11:14:02.000Z',
    updated: '2024-09-18T15:22:48.000Z',
  },
  {
    id: MERIDIAN,
    name: 'Meridian Health Labs',
    aliases: ['meridian-labs', 'meridian-labs-research'],
    salesforce: '0015500001WT8MhAAL',
    fields: { segment: 'enterprise', region: 'us-east' },
    created: '2024-09-09T09:09:09.000Z',
    updated: '2025-02-27T12:00:00.000Z',
  },
  {
    id: SAFFRON,
    name: 'Saffron Street Foods',
    aliases: ['saffron-street'],
    salesforce: null,
    fields: {},
    created: '2024-10-30T18:40:16.000Z',
  },
  {
    id: PINECREST,
    name: 'Pinecrest Energy',
    aliases: [],
    salesforce: '0015500001WU5PeAAL',
    fields: { segment: 'mid-market' },
    created: '2025-01-15T14:25:33.000Z',
  },
  {
    id: OLD_MILL,
    name: 'Old Mill Printing',
    aliases: ['old-mill'],
    salesforce: '0015500001WV1OmAAL',
    fields: { segment: 'startup' },
    created: '2024-01-29T08:00:00.000Z',
    updated: OLD_MILL_END,
    archived: OLD_MILL_END,
  },
  {
    id: GREENFIELD,
    name: 'Greenfield Robotics',
    aliases: ['greenfield-prod'],
    salesforce: '0015500001WW3GfAAL',
    fields: { segment: 'startup', region: 'us-west' },
    created: '2025-05-19T10:30:45.000Z',
  },
]

export const seedCustomers: readonly Customer[] = companies.map((company) => ({
  id: company.id,
  name: company.name,
  ingest_aliases: [...company.aliases],
  custom_fields: company.fields,
  salesforce_account_id: company.salesforce,
  leave_stripe_invoices_in_draft: null,
  created_at: company.created,
  updated_at: company.updated ?? company.created,
  archived_at: company.archived ?? null,
}))
