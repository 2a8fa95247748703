import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../operation/define.ts'
import { archiveCustomer, createCustomer, getCustomer } from '../operations/customers.ts'
import { MAX_NAME_CHARACTERS } from '../operations/fields.ts'
import { setIngestAliases } from '../operations/settings.ts'
import { buildBilling, buildRevenue } from './configurations.ts'
import { Refusal } from './exchange.ts'
import { handle } from './handler.ts'
import type { Customer } from './records.ts'
import { findActiveCustomer, findCustomer, now, type Store, updateCustomer } from './store.ts'

export const get = handle(getCustomer, (store, { customer_id }) => ({
  status: 200,
  body: { data: buildDetail(findCustomer(store, customer_id)) },
}))

export const create = handle(createCustomer, (store, args) => {
  const id = randomUUID()
  const aliases = [...(args.external_id === undefined ? [] : [args.external_id]), ...(args.ingest_aliases ?? [])]
  checkAliases(store, id, aliases)
  const billing = (args.customer_billing_provider_configurations ?? []).map((item) => buildBilling(id, item))
  const revenue = (args.customer_revenue_system_configurations ?? []).map((item) => buildRevenue(id, item))
  const created_at = now()
  const customer: Customer = {
    id,
    name: cutName(args.name),
    ingest_aliases: withoutRepeats(aliases),
    custom_fields: { ...args.custom_fields },
    salesforce_account_id: null,
    leave_stripe_invoices_in_draft: null,
    created_at,
    updated_at: created_at,
    archived_at: null,
  }
  store.customers.set(id, customer)
  store.billing.push(...billing)
  store.revenue.push(...revenue)
  return { status: 200, body: { data: buildCustomer(customer) } }
})

export const archive = handle(archiveCustomer, (store, args) => {
  const customer = findActiveCustomer(store, args.id)
  const archived_at = now()
  updateCustomer(customer, { archived_at })
  for (const configuration of store.billing)
    if (configuration.customer_id === customer.id) configuration.archived_at ??= archived_at
  return { status: 200, body: { data: { id: customer.id } } }
})

export const replaceAliases = handle(setIngestAliases, (store, { customer_id, ingest_aliases }) => {
  const customer = findActiveCustomer(store, customer_id)
  checkAliases(store, customer.id, ingest_aliases)
  updateCustomer(customer, { ingest_aliases: withoutRepeats(ingest_aliases) })
  return { status: 200 }
})

/** The record as the operations that change a customer return it. */
export function buildCustomer({ id, ingest_aliases, name, custom_fields }: Customer): JsonObject {
  // Deprecated by Metronome, and the first id that usage events may carry.
  return { id, external_id: ingest_aliases[0] ?? id, ingest_aliases, name, custom_fields }
}

/** The record as it is read. */
export function buildDetail(customer: Customer): JsonObject {
  const { salesforce_account_id, created_at, updated_at, archived_at, current_billable_status } = customer
  return {
    ...buildCustomer(customer),
    customer_config: { salesforce_account_id },
    created_at,
    updated_at,
    archived_at,
    ...(current_billable_status && { current_billable_status }),
  }
}

export function cutName(name: string): string {
  return Array.from(name).slice(0, MAX_NAME_CHARACTERS).join('')
}

/** An alias belongs to one customer of the account, archived ones included. */
function checkAliases(store: Store, id: string, aliases: readonly string[]): void {
  for (const customer of store.customers.values()) {
    const taken = customer.id === id ? undefined : aliases.find((alias) => customer.ingest_aliases.includes(alias))
    if (taken !== undefined)
      throw new Refusal(409, 'An ingest alias is already in use by another customer', {
        conflicting_id: customer.id,
        conflicting_value: taken,
      })
  }
}

function withoutRepeats(aliases: readonly string[]): string[] {
  return Array.from(new Set(aliases))
}
