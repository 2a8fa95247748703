import * as z from 'zod'
import { quoteValue } from '../sanitize.ts'
import { fetchBillingConfigurations } from './billing-configurations.ts'
import { providerConfiguration, revenueConfiguration } from './configuration-fields.ts'
import { acme, acmeDetail } from './examples.ts'
import {
  customerId,
  customerName,
  filterText,
  isMisleading,
  newExternalId,
  newIngestAliases,
  uuid,
} from './input-fields.ts'
import { defineRead, defineWrite } from './operation.ts'
import { customer, customerDetail, documented, response } from './output-schemas.ts'
import { fetchRevenueConfigurations } from './revenue-configurations.ts'
import { customerSearch, missingFields, searchText } from './search-customers.ts'
import { verifyArchive, verifyCreate } from './verify-customer.ts'

const MAX_FILTER_IDS = 100
const MAX_PAGE_SIZE = 100

/** What to do next when Metronome reports that an alias is in use. */
export const ALIAS_IN_USE =
  'The ingest alias is in use. Find its holder with list-customers and ingest_alias, then again with only_archived true.'

export const listCustomers = defineRead({
  tool: 'list-customers',
  title: 'List customers',
  subject: 'Customers',
  description:
    'List active customers, or only archived ones with only_archived, whatever the filter. Names are not unique. Records are complete, in no documented order. One page: pass next_page back with the same filters until it is null.',
  method: 'GET',
  path: '/v1/customers',
  hints: { destructive: false, idempotent: true },
  input: z.strictObject({
    limit: z.int().min(1).max(MAX_PAGE_SIZE).optional().describe('Page size; keep it small.'),
    next_page: z.string().optional().describe('Cursor from the previous page.'),
    search: searchText
      .optional()
      .describe(
        'Search all pages for text in names, aliases, external ids, Salesforce ids and custom field values, ignoring case, accents and punctuation variants; limit counts matches.',
      ),
    missing: missingFields.optional().describe('Customers that have none of these, on all pages.'),
    ingest_alias: filterText.optional().describe('Exact alias. No match does not prove it free: see only_archived.'),
    customer_ids: z.array(uuid).max(MAX_FILTER_IDS).optional().describe('Only these customers.'),
    only_archived: z.boolean().optional().describe('Archived customers instead of active ones.'),
    salesforce_account_ids: z
      .array(filterText.refine((id) => !id.includes(','), 'must not contain a comma'))
      .max(MAX_FILTER_IDS)
      .optional()
      .describe('Only these Salesforce accounts.'),
  }),
  output: z.looseObject({ data: z.array(customerDetail), next_page: z.string().nullable().optional() }),
  documented: z.looseObject({ data: z.array(documented.customerDetail), next_page: z.string().nullable() }),
  // It names no record that could be missing.
  advice: { 404: 'This address does not serve the Metronome API: correct METRONOME_BASE_URL.' },
  search: customerSearch,
  argumentRules: {
    note({ ingest_alias, salesforce_account_ids }) {
      const filters = [ingest_alias, ...(Array.isArray(salesforce_account_ids) ? salesforce_account_ids : [])]
      const misleading = filters.filter((filter) => typeof filter === 'string' && isMisleading(filter))
      if (misleading.length === 0) return undefined
      return `Sent as given, with white space around it or invisible characters inside: ${misleading.map(quoteValue).join(', ')}.`
    },
  },
  example: {
    input: { ingest_alias: 'acme-prod' },
    output: { data: [acmeDetail], next_page: null },
  },
})

export const getCustomer = defineRead({
  tool: 'get-customer',
  title: 'Get a customer',
  subject: 'Customers',
  description:
    'Get one customer by id, active or archived. Its billing configurations have their own tool. external_id is its first alias, so it changes with them.',
  method: 'GET',
  path: '/v1/customers/{customer_id}',
  hints: { destructive: false, idempotent: true },
  input: z.strictObject({ customer_id: customerId }),
  output: response(customerDetail),
  documented: response(documented.customerDetail),
  example: { input: { customer_id: acme.id }, output: { data: acmeDetail } },
})

export const createCustomer = defineWrite({
  tool: 'create-customer',
  title: 'Create a customer',
  subject: 'Customers',
  description:
    'Create a customer, optionally with its billing. Names are not unique: a second call creates a duplicate, unless an ingest alias conflicts (409). It cannot be deleted, only archived. Configurations do nothing until a contract selects them.',
  method: 'POST',
  path: '/v1/customers',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    name: customerName('Display name'),
    ingest_aliases: newIngestAliases.optional().describe('Ids for usage events; unique, archived customers included.'),
    external_id: newExternalId.optional().describe('Deprecated: use ingest_aliases.'),
    custom_fields: z
      .record(z.string(), z.string())
      .optional()
      .describe('Values by key; keys must already exist in Metronome.'),
    customer_billing_provider_configurations: z.array(providerConfiguration).optional().describe('Where invoices go.'),
    customer_revenue_system_configurations: z
      .array(revenueConfiguration)
      .optional()
      .describe('Revenue systems; only on accounts with the feature.'),
  }),
  output: response(customer),
  documented: response(documented.customer),
  addsRecords: true,
  verification: verifyCreate({
    listCustomers,
    fetchBilling: fetchBillingConfigurations,
    fetchRevenue: fetchRevenueConfigurations,
  }),
  advice: {
    404: 'Trial accounts also return 404 once they have 5 active customers.',
    409: ALIAS_IN_USE,
  },
  argumentRules: {
    misplaced: {
      customer_config:
        'is not an argument of create-customer: set salesforce_account_id afterwards with update-customer-configuration',
      salesforce_account_id:
        'is not an argument of create-customer: set it afterwards with update-customer-configuration',
    },
  },
  example: {
    input: {
      name: 'Bolt Analytics',
      ingest_aliases: ['bolt-prod'],
      customer_billing_provider_configurations: [
        {
          billing_provider: 'stripe',
          delivery_method: 'direct_to_billing_provider',
          configuration: { stripe_customer_id: 'cus_123', stripe_collection_method: 'charge_automatically' },
        },
      ],
    },
    output: {
      data: {
        id: '8deed800-1b7a-495d-a207-6c52bac54dc9',
        external_id: 'bolt-prod',
        ingest_aliases: ['bolt-prod'],
        name: 'Bolt Analytics',
        custom_fields: {},
      },
    },
  },
})

export const archiveCustomer = defineWrite({
  tool: 'archive-customer',
  title: 'Archive a customer',
  subject: 'Customers',
  description:
    'Irreversible: archives the customer with its billing configurations, ends all its contracts today, voids their invoices and stops notifications. Its aliases stay taken: to reuse one, first remove it with create-update-customer-ingest-aliases.',
  method: 'POST',
  path: '/v1/customers/archive',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({ id: customerId }),
  output: response(z.looseObject({ id: z.string() })),
  irreversible: {
    customerArgument: 'id',
    configurations: [
      { label: 'Active billing provider configurations', fetch: fetchBillingConfigurations },
      { label: 'Active revenue system configurations', fetch: fetchRevenueConfigurations },
    ],
    object: 'it',
    consequences:
      'Archiving ends all its contracts today and voids their invoices. These tools cannot list its contracts. Its aliases stay taken.',
  },
  verification: verifyArchive(getCustomer),
  advice: { 400: 'It may be archived already: check archived_at with get-customer.' },
  example: { input: { id: acme.id }, output: { data: { id: acme.id } } },
})
