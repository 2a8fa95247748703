import { acmeDetail, acmeNetsuite, acmeStripe } from '../operations/examples.ts'
import type { JsonObject } from '../operations/json.ts'
import type { Configuration, Customer, DeliveryMethod } from './entities.ts'
import { BILLING_DELIVERY_METHODS, directDeliveryMethod, REVENUE_DELIVERY_METHODS } from './providers.ts'

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
  readonly billing?: readonly SeedConfiguration[]
  readonly revenue?: readonly SeedConfiguration[]
}

interface SeedConfiguration {
  readonly id: string
  readonly provider: string
  readonly configuration: JsonObject
  readonly archived?: string
}

function stripe(id: string, customer: string, method = 'charge_automatically'): SeedConfiguration {
  const configuration = { stripe_customer_id: customer, stripe_collection_method: method }
  return { id, provider: 'stripe', configuration }
}

function aws(id: string, customer: string): SeedConfiguration {
  const configuration = {
    aws_customer_id: customer,
    aws_product_code: 'a1b2c3d4e5f6g7h8i9j0k1l2m',
    aws_region: 'us-east-1',
  }
  return { id, provider: 'aws_marketplace', configuration }
}

function netsuite(id: string, customer: string): SeedConfiguration {
  return { id, provider: 'netsuite', configuration: { netsuite_customer_id: customer } }
}

const { customer_config, ...acme } = acmeDetail

const companies: readonly Company[] = [
  {
    id: acme.id,
    name: acme.name,
    aliases: acme.ingest_aliases,
    salesforce: customer_config.salesforce_account_id,
    fields: acme.custom_fields,
    created: acme.created_at,
    updated: acme.updated_at,
    billing: [{ id: acmeStripe.id, provider: 'stripe', configuration: acmeStripe.configuration }],
    revenue: [{ id: acmeNetsuite.id, provider: 'netsuite', configuration: acmeNetsuite.configuration }],
  },
  {
    id: 'c0904fc0-bd34-4152-9a50-89d0bc2927e0',
    name: 'Harborline Freight',
    aliases: ['harborline', 'harborline-staging'],
    salesforce: '0015500001WP2HbAAL',
    fields: { segment: 'mid-market', region: 'us-west' },
    created: '2024-02-14T16:20:11.000Z',
    updated: '2024-11-05T08:12:40.000Z',
    billing: [aws('5d60021a-ab63-4274-836b-294e1fa74075', 'hL9sVb2QxRt')],
  },
  {
    id: '8861b9c5-3c98-4728-9a4e-bc004747e83e',
    name: 'Lumen Valley Media',
    aliases: ['lumen-valley'],
    salesforce: '0015500001WQ7LvAAL',
    fields: { segment: 'enterprise', region: 'us-east' },
    created: '2024-03-01T10:00:00.000Z',
    updated: '2025-01-20T17:45:09.000Z',
    billing: [
      stripe('8facdf0f-309f-4c09-9cdd-145a336daef2', 'cus_LvM4d8Kq2nT0aZ', 'send_invoice'),
      netsuite('a465a1a9-45b7-49b7-b8f3-8880aa35d074', '48213'),
    ],
    revenue: [netsuite('55210e28-d7a0-403e-b24f-b3575de25c79', '48213')],
  },
  {
    id: '776c5c87-b61a-425d-ab1d-3660b403999e',
    name: 'Cedar & Finch Retail',
    aliases: ['cedar-finch', 'store-events@cedarfinch.example'],
    salesforce: null,
    fields: { segment: 'mid-market' },
    created: '2024-04-22T07:31:55.000Z',
    billing: [stripe('5afdab60-16ea-46df-8ba1-c2699732b4f7', 'cus_CfR7j3Wm5bX1eY')],
  },
  {
    id: 'b76d6459-bc04-4cc8-b217-0f9fa2c01a5d',
    name: 'Quartz Ridge Security',
    aliases: ['quartz-ridge'],
    salesforce: '0015500001WR9QrAAL',
    fields: { segment: 'enterprise', region: 'eu-central' },
    created: '2024-06-10T13:05:27.000Z',
    updated: '2025-03-11T09:50:00.000Z',
    billing: [
      aws('dd1a0a7b-5554-4142-a610-fcd69fdb27be', 'qR3tYw8ZpLm'),
      // Moved from Stripe to the AWS Marketplace.
      {
        ...stripe('d2b80735-4b1a-4a05-87ce-fc650275e0f4', 'cus_QrS2h6Vp9cD4fU'),
        archived: '2025-03-11T09:50:00.000Z',
      },
    ],
  },
  // Two customers with the same name: names are not unique.
  {
    id: 'c7fe92f9-9830-4b1f-bba4-054b07db75fe',
    name: 'Tidepool Games',
    aliases: ['tidepool-eu'],
    salesforce: '0015500001WS4TeAAL',
    fields: { segment: 'startup', region: 'eu-central' },
    created: '2024-07-03T11:11:30.000Z',
    billing: [stripe('7bb696cc-bc22-4022-bf82-b32d400c10ae', 'cus_TgE5k1Xr8gF3iO')],
  },
  {
    id: '27001ce5-217b-4c2f-b84f-b1cf0ae142b2',
    name: 'Tidepool Games',
    aliases: ['tidepool-us'],
    salesforce: '0015500001WS4TuAAL',
    fields: { segment: 'startup', region: 'us-west' },
    created: '2024-07-03T11:14:02.000Z',
    updated: '2024-09-18T15:22:48.000Z',
    billing: [stripe('7fb490e8-a6b4-4e51-9dae-c3b61a5c090d', 'cus_TgU8n4Za1jH6lR')],
  },
  {
    id: 'a3984acb-53ca-4d4b-af12-113d12debbb1',
    name: 'Meridian Health Labs',
    aliases: ['meridian-labs', 'meridian-labs-research'],
    salesforce: '0015500001WT8MhAAL',
    fields: { segment: 'enterprise', region: 'us-east' },
    created: '2024-09-09T09:09:09.000Z',
    updated: '2025-02-27T12:00:00.000Z',
    billing: [netsuite('72e8ca17-7015-4d96-b536-ee39ae3003e1', '50977')],
    revenue: [netsuite('18c205ae-d841-4073-91ef-a91ba5c54cea', '50977')],
  },
  {
    id: '5d2a5880-294f-4b2f-8fe2-12a0a87ea4eb',
    name: 'Saffron Street Foods',
    aliases: ['saffron-street'],
    salesforce: null,
    fields: {},
    created: '2024-10-30T18:40:16.000Z',
    billing: [
      {
        id: '3092bc0a-4272-417b-bf16-c1e7a3cbe0ea',
        provider: 'gcp_marketplace',
        configuration: {
          gcp_entitlement_id: '6f0c8a52-saffron',
          gcp_service_name: 'metering.endpoints.saffron-street.cloud.goog',
        },
      },
    ],
  },
  {
    id: 'a3696886-be8e-409d-a72d-1688fc296886',
    name: 'Pinecrest Energy',
    aliases: [],
    salesforce: '0015500001WU5PeAAL',
    fields: { segment: 'mid-market' },
    created: '2025-01-15T14:25:33.000Z',
    billing: [
      {
        id: '4edd3a5b-f9e9-48d5-9294-e0e1748e27d7',
        provider: 'azure_marketplace',
        configuration: { azure_subscription_id: '1e9f7b60-2c4d-4c6e-9a31-5b7d8e0f2a14' },
      },
    ],
  },
  {
    id: 'fe285c0d-448b-4c06-be51-0c6ff2382850',
    name: 'Old Mill Printing',
    aliases: ['old-mill'],
    salesforce: '0015500001WV1OmAAL',
    fields: { segment: 'startup' },
    created: '2024-01-29T08:00:00.000Z',
    updated: '2025-04-30T16:00:00.000Z',
    archived: '2025-04-30T16:00:00.000Z',
    billing: [
      {
        ...stripe('c7ede68d-b5b4-4d29-876f-0e26dda3295b', 'cus_OmP1q7Bc4kJ9oS'),
        archived: '2025-04-30T16:00:00.000Z',
      },
    ],
  },
  {
    id: 'cb40ffca-9481-4ed4-90b0-dc9b70678bcd',
    name: 'Greenfield Robotics',
    aliases: ['greenfield-prod'],
    salesforce: '0015500001WW3GfAAL',
    fields: { segment: 'startup', region: 'us-west' },
    created: '2025-05-19T10:30:45.000Z',
  },
  // Names as people and other systems write them: a search finds each by what a keyboard has.
  {
    id: '8bb01460-217f-471c-be0a-e8fa1ceac2cc',
    name: 'O’Brien & Söhne',
    aliases: ['obrien'],
    salesforce: '0015500001WX2ObAAL',
    fields: { segment: 'startup' },
    created: '2025-06-10T08:10:00.000Z',
  },
  {
    id: '39f5c88e-2d94-428b-b64b-a4fd98e616ec',
    name: 'Rock\u2011Paper Studios',
    aliases: ['rock-paper'],
    salesforce: null,
    fields: { sfdc_account_id: '0015500001WX5RpAAL' },
    created: '2025-06-11T08:13:00.000Z',
  },
  {
    id: 'c37f0ce8-76cf-49a6-a34f-aab921eb4e08',
    name: '“Blue Harbor” Media',
    aliases: ['blue-harbor'],
    salesforce: null,
    fields: {},
    created: '2025-06-12T08:16:00.000Z',
  },
  {
    id: '24f1e3cd-369c-4d3f-b5fe-f5876ae5bc08',
    name: 'Ørsted – Łódź Đurić Energy',
    aliases: [],
    salesforce: '0015500001WY1OlAAL',
    fields: {},
    created: '2025-06-13T08:19:00.000Z',
  },
  {
    id: 'f488c78d-d79e-4be5-a9b2-1b6c6444f53b',
    name: 'Große Straße Logistik',
    aliases: ['grosse-strasse'],
    salesforce: null,
    fields: { region: 'eu-central' },
    created: '2025-06-14T08:22:00.000Z',
  },
  {
    id: '3383ac78-3005-4658-9b3d-2f10218feaa6',
    name: 'Παππάς Τρόφιμα',
    aliases: ['pappas'],
    salesforce: null,
    fields: {},
    created: '2025-06-15T08:25:00.000Z',
  },
  {
    id: '11cda0b8-3d69-4da9-a831-1de3071daa8c',
    name: 'Ｔｏｋｙｏ Ｄａｔａ',
    aliases: [],
    salesforce: null,
    fields: {},
    created: '2025-06-16T08:28:00.000Z',
  },
  {
    id: 'e5db963b-fc17-4bbe-ab9e-e2b31850f2ab',
    name: 'Nova\u00adstream\u200b Labs',
    aliases: ['novastream'],
    salesforce: '0015500001WY7NsAAL',
    fields: {},
    created: '2025-06-17T08:31:00.000Z',
  },
  {
    id: 'd34787e4-fd2f-4982-b24f-a0d25086afab',
    name: 'Two  Rivers\u00a0Water ',
    aliases: ['two-rivers'],
    salesforce: null,
    fields: { region: 'us-east' },
    created: '2025-06-18T08:34:00.000Z',
  },
  {
    id: 'eed09383-e76c-4be0-ad27-f3132122dec3',
    name: 'Işık Yazılım',
    aliases: ['isik'],
    salesforce: null,
    fields: {},
    created: '2025-06-19T08:37:00.000Z',
  },
]

export const seedCustomers: readonly Customer[] = companies.map((company) => ({
  id: company.id,
  name: company.name,
  ingest_aliases: [...company.aliases],
  custom_fields: company.fields,
  salesforce_account_id: company.salesforce,
  billable_statuses: [],
  created_at: company.created,
  updated_at: company.updated ?? company.created,
  archived_at: company.archived ?? null,
}))

export const seedBilling = companies.flatMap(({ id, billing = [] }) =>
  billing.map((seed) => buildConfiguration(id, seed, BILLING_DELIVERY_METHODS)),
)

export const seedRevenue = companies.flatMap(({ id, revenue = [] }) =>
  revenue.map((seed) => buildConfiguration(id, seed, REVENUE_DELIVERY_METHODS)),
)

function buildConfiguration(
  customer_id: string,
  { id, provider, configuration, archived }: SeedConfiguration,
  deliveryMethods: readonly DeliveryMethod[],
): Configuration {
  const delivery = directDeliveryMethod(deliveryMethods, provider)
  return { id, customer_id, configuration, delivery, archived_at: archived ?? null }
}
