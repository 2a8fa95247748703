import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import { uuid } from '../operations/input-fields.ts'
import type { JsonObject } from '../operations/operation.ts'
import { buildBillingBody, buildRevenueBody } from './configurations.ts'
import { buildDetailBody } from './customers.ts'
import type { Configuration, Customer, DeliveryMethod } from './entities.ts'
import { BILLING_DELIVERY_METHODS, DIRECT, REVENUE_DELIVERY_METHODS } from './providers.ts'
import { now, type Records, type Store } from './store.ts'

const id = uuid.toLowerCase()
const dateTime = z.iso.datetime({ offset: true })
const openObject = z.record(z.string(), z.unknown())

const billableStatus = z.object({ value: z.string(), effective_at: dateTime.nullable() })

const customer = z.looseObject({
  id: id.default(randomUUID),
  name: z.string(),
  ingest_aliases: z.array(z.string()).default([]),
  custom_fields: z.record(z.string(), z.string()).default({}),
  customer_config: z.looseObject({ salesforce_account_id: z.string().nullish() }).default({}),
  current_billable_status: billableStatus.optional(),
  /** Only of a sandbox: Metronome shows no later ones. */
  later_billable_statuses: z.array(billableStatus).default([]),
  created_at: dateTime.default(now),
  updated_at: dateTime.optional(),
  archived_at: dateTime.nullable().default(null),
})

const configuration = z.looseObject({
  id: id.default(randomUUID),
  customer_id: id,
  configuration: openObject.default({}),
  delivery_method_id: id.optional(),
  delivery_method: z.string().default(DIRECT),
  delivery_method_configuration: openObject.optional(),
  archived_at: dateTime.nullable().default(null),
})

const billing = configuration.extend({
  billing_provider: z.string(),
  unbillable_invoices_configuration: z.array(openObject).optional(),
})

const revenue = configuration.extend({ provider: z.string() })

/** Records as Metronome returns them, with defaults for most fields. */
const records = z.strictObject({
  customers: z.array(customer).default([]),
  billing_provider_configurations: z.array(billing).default([]),
  revenue_system_configurations: z.array(revenue).default([]),
})

export type RecordsResult =
  | { readonly ok: true; readonly records: Records }
  | { readonly ok: false; readonly message: string }

/** Reads records, such as those of {@link buildRecords}. */
export function parseRecords(json: unknown): RecordsResult {
  const { success, data, error } = records.safeParse(json)
  if (!success) return { ok: false, message: describeIssue(error.issues[0]) }
  const read = {
    customers: data.customers.map(readCustomer),
    billing: data.billing_provider_configurations.map((record) =>
      readConfiguration(record, record.billing_provider, BILLING_DELIVERY_METHODS),
    ),
    revenue: data.revenue_system_configurations.map((record) =>
      readConfiguration(record, record.provider, REVENUE_DELIVERY_METHODS),
    ),
  }
  const message = findConflict(read)
  return message === undefined ? { ok: true, records: read } : { ok: false, message }
}

/** All records of a store, as Metronome returns them. */
export function buildRecords({ customers, billing, revenue }: Store): JsonObject {
  return {
    customers: Array.from(customers.values(), buildCustomerRecord),
    billing_provider_configurations: billing.map(buildBillingBody),
    revenue_system_configurations: revenue.map(buildRevenueBody),
  }
}

function buildCustomerRecord(customer: Customer): JsonObject {
  const later = customer.billable_statuses.filter(({ since }) => since > Date.now())
  const later_billable_statuses = later.map(({ value, effective_at }) => ({ value, effective_at }))
  return { ...buildDetailBody(customer), ...(later.length > 0 && { later_billable_statuses }) }
}

function readCustomer(record: z.output<typeof customer>): Customer {
  const { id, name, ingest_aliases, custom_fields, customer_config } = record
  const { created_at, updated_at = created_at, archived_at } = record
  const statuses = [record.current_billable_status ?? [], record.later_billable_statuses].flat()
  return {
    id,
    name,
    ingest_aliases,
    custom_fields,
    salesforce_account_id: customer_config.salesforce_account_id ?? null,
    billable_statuses: statuses.map((status) => ({ ...status, since: Date.parse(status.effective_at ?? created_at) })),
    created_at,
    updated_at,
    archived_at,
  }
}

/** A delivery method of another account is kept as it is. */
function readConfiguration(
  record: z.output<typeof configuration> & Pick<z.output<typeof billing>, 'unbillable_invoices_configuration'>,
  provider: string,
  deliveryMethods: readonly DeliveryMethod[],
): Configuration {
  const { id, customer_id, configuration, archived_at, unbillable_invoices_configuration } = record
  const { delivery_method, delivery_method_id, delivery_method_configuration } = record
  const known = deliveryMethods.find((each) => each.provider === provider && each.method === delivery_method)
  const delivery = {
    id: delivery_method_id ?? known?.id ?? randomUUID(),
    provider,
    method: delivery_method,
    configuration: delivery_method_configuration ?? known?.configuration ?? {},
  }
  return { id, customer_id, configuration, delivery, unbillable_invoices_configuration, archived_at }
}

/** What no Metronome account has. */
function findConflict({ customers, billing, revenue }: Records): string | undefined {
  const owners = new Set(customers.map(({ id }) => id))
  const orphan = [...billing, ...revenue].find(({ customer_id }) => !owners.has(customer_id))
  if (orphan) return `configuration ${orphan.id} belongs to no customer of the file`
  const ids = findRepeated(customers.map(({ id }) => id))
  if (ids !== undefined) return `two customers have the id ${ids}`
  const alias = findRepeated(customers.flatMap(({ ingest_aliases }) => Array.from(new Set(ingest_aliases))))
  return alias === undefined ? undefined : `two customers have the ingest alias ${JSON.stringify(alias)}`
}

function findRepeated(texts: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return texts.find((text) => seen.size === seen.add(text).size)
}

function describeIssue(issue: z.core.$ZodIssue | undefined): string {
  const path = [...(issue?.path ?? []), ...(issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [])]
  const name = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  return `${name === '' ? 'its content' : name.slice(1)} is ${issue?.code === 'unrecognized_keys' ? 'unknown' : 'missing or invalid'}`
}
