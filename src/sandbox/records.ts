import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { uuid } from '../operations/input-fields.ts'
import type { JsonObject } from '../operations/json.ts'
import { buildBillingBody, buildRevenueBody } from './configurations.ts'
import { buildDetailBody, isInEffect } from './customers.ts'
import type { Configuration, Customer, DeliveryMethod } from './entities.ts'
import { BILLING_DELIVERY_METHODS, DIRECT, REVENUE_DELIVERY_METHODS } from './providers.ts'
import { now, type Records, type Store } from './store.ts'

const id = uuid.toLowerCase()
const dateTime = z.iso.datetime({ offset: true })
const openObject = z.record(z.string(), z.unknown())
const billableStatus = z.object({ value: z.string(), effective_at: dateTime.nullable() })

const customer = z.object({
  id: id.default(randomUUID),
  name: z.string(),
  ingest_aliases: z.array(z.string()).default([]),
  custom_fields: z.record(z.string(), z.string()).default({}),
  customer_config: z.object({ salesforce_account_id: z.string().nullable().default(null) }).prefault({}),
  current_billable_status: billableStatus.optional(),
  /** Only of a sandbox: Metronome shows no later ones. */
  later_billable_statuses: z.array(billableStatus).default([]),
  created_at: dateTime.default(now),
  updated_at: dateTime.optional(),
  archived_at: dateTime.nullable().default(null),
})

const configuration = z.object({
  id: id.default(randomUUID),
  customer_id: id,
  configuration: openObject.default({}),
  unbillable_invoices_configuration: z.array(openObject).optional(),
  delivery_method_id: id.optional(),
  delivery_method: z.string().default(DIRECT),
  delivery_method_configuration: openObject.optional(),
  archived_at: dateTime.nullable().default(null),
})
const billing = configuration.extend({ billing_provider: z.string() })
const revenue = configuration.extend({ provider: z.string() })

/** Records as Metronome returns them, with defaults for most fields. */
const records = z.strictObject({
  customers: z.array(customer.transform(readCustomer)).default([]),
  billing_provider_configurations: z
    .array(billing.transform((record) => readConfiguration(record, record.billing_provider, BILLING_DELIVERY_METHODS)))
    .default([]),
  revenue_system_configurations: z
    .array(revenue.transform((record) => readConfiguration(record, record.provider, REVENUE_DELIVERY_METHODS)))
    .default([]),
})

export type RecordsResult =
  | { readonly ok: true; readonly records: Records }
  | { readonly ok: false; readonly message: string }

/** Reads records, such as those of {@link buildRecords}. */
export function parseRecords(json: unknown): RecordsResult {
  const { success, data, error } = records.safeParse(json)
  if (!success) return { ok: false, message: describeIssue(error.issues[0]) }
  const { customers, billing_provider_configurations: billing, revenue_system_configurations: revenue } = data
  if (new Set(customers.map((each) => each.id)).size < customers.length)
    return { ok: false, message: 'two customers have the same id' }
  return { ok: true, records: { customers, billing, revenue } }
}

/** All records of a store, as Metronome returns them. */
export function buildRecords({ customers, billing, revenue }: Store): JsonObject {
  return {
    customers: Array.from(customers.values(), (each) => {
      const later = each.billable_statuses.filter((status) => !isInEffect(status))
      return { ...buildDetailBody(each), ...(later.length > 0 && { later_billable_statuses: later }) }
    }),
    billing_provider_configurations: billing.map(buildBillingBody),
    revenue_system_configurations: revenue.map(buildRevenueBody),
  }
}

function readCustomer(record: z.output<typeof customer>): Customer {
  const { customer_config, current_billable_status, later_billable_statuses, ...fields } = record
  return {
    ...fields,
    ...customer_config,
    updated_at: record.updated_at ?? record.created_at,
    billable_statuses: [current_billable_status ?? [], later_billable_statuses].flat(),
  }
}

/** A delivery method of another account is kept as it is. */
function readConfiguration(
  record: z.output<typeof configuration>,
  provider: string,
  deliveryMethods: readonly DeliveryMethod[],
): Configuration {
  const { delivery_method: method, delivery_method_id, delivery_method_configuration, ...fields } = record
  const known = deliveryMethods.find((each) => each.provider === provider && each.method === method)
  return {
    ...fields,
    delivery: {
      id: delivery_method_id ?? known?.id ?? randomUUID(),
      provider,
      method,
      configuration: delivery_method_configuration ?? known?.configuration ?? {},
    },
  }
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const path = [...(issue?.path ?? []), ...unknown]
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return `${name.slice(1) || 'its content'} is ${unknown.length > 0 ? 'unknown' : 'missing or invalid'}`
}
