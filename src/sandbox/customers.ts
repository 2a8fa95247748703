import { randomBytes, randomUUID } from 'node:crypto'
import {
  setBillableStatus,
  setCustomerName,
  setIngestAliases,
  updateCustomerConfig,
} from '../operations/customer-settings.ts'
import { archiveCustomer, createCustomer, getCustomer, listCustomers } from '../operations/customers.ts'
import { getDashboard } from '../operations/dashboards.ts'
import { MAX_NAME_CHARACTERS } from '../operations/input-fields.ts'
import type { JsonObject } from '../operations/json.ts'
import { buildBilling, buildRevenue } from './configurations.ts'
import type { BillableStatus, Customer } from './entities.ts'
import { ApiError } from './http-messages.ts'
import { findActiveCustomer, findCustomer, handle, now, type Store, updateCustomer } from './store.ts'

const DEFAULT_LIMIT = 25
const CURSOR_PREFIX = 'after:'
const MAX_CUSTOM_FIELD_CHARACTERS = 200
const DASHBOARDS = 'https://embeddable-dashboards.metronome.com'

export const customerHandlers = [
  handle(listCustomers, (store, { limit = DEFAULT_LIMIT, next_page, ...filters }) => {
    const matching = Array.from(store.customers.values()).filter(buildFilter(filters))
    const start = next_page === undefined ? 0 : findPageStart(matching, next_page)
    const page = matching.slice(start, start + limit)
    const last = page.at(-1)
    const hasMore = start + limit < matching.length
    return { data: page.map(buildDetailBody), next_page: last && hasMore ? buildCursor(last) : null }
  }),

  handle(getCustomer, (store, { customer_id }) => ({ data: buildDetailBody(findCustomer(store, customer_id)) })),

  handle(createCustomer, (store, args) => {
    const id = randomUUID()
    const aliases = [...(args.external_id === undefined ? [] : [args.external_id]), ...(args.ingest_aliases ?? [])]
    checkCustomFields(store, args.custom_fields)
    checkAliases(store, id, aliases)
    const billing = (args.customer_billing_provider_configurations ?? []).map((item) => buildBilling(id, item))
    const revenue = (args.customer_revenue_system_configurations ?? []).map((item) => buildRevenue(id, item))
    const created_at = now()
    const customer: Customer = {
      id,
      name: truncateName(args.name),
      ingest_aliases: unique(aliases),
      custom_fields: { ...args.custom_fields },
      salesforce_account_id: null,
      billable_statuses: [],
      created_at,
      updated_at: created_at,
      archived_at: null,
    }
    store.customers.set(id, customer)
    for (const alias of aliases) store.aliasOwners.set(alias, id)
    store.billing.push(...billing)
    store.revenue.push(...revenue)
    return { data: buildCustomerBody(customer) }
  }),

  handle(archiveCustomer, (store, args) => {
    const customer = findActiveCustomer(store, args.id)
    const archived_at = now()
    updateCustomer(customer, { archived_at })
    for (const configuration of store.billing)
      if (configuration.customer_id === customer.id) configuration.archived_at ??= archived_at
    return { data: { id: customer.id } }
  }),

  handle(setBillableStatus, (store, { customer_id, billable_status, effective_at }) => {
    const customer = findActiveCustomer(store, customer_id)
    const { billable_statuses: statuses } = customer
    // It comes after those that are in effect before it, and before the later ones.
    const time = Math.max(Date.parse(effective_at), Date.now())
    const index = statuses.findLastIndex((status) => isInEffect(status, time)) + 1
    const billable_statuses = statuses.toSpliced(index, 0, { value: billable_status, effective_at })
    updateCustomer(customer, { billable_statuses })
    return { data: { id: customer.id, current_billable_status: findBillableStatus(customer)?.value } }
  }),

  handle(setIngestAliases, (store, { customer_id, ingest_aliases }) => {
    const customer = findActiveCustomer(store, customer_id)
    checkAliases(store, customer.id, ingest_aliases)
    for (const alias of customer.ingest_aliases) store.aliasOwners.delete(alias)
    for (const alias of ingest_aliases) store.aliasOwners.set(alias, customer.id)
    updateCustomer(customer, { ingest_aliases: unique(ingest_aliases) })
    return {}
  }),

  handle(setCustomerName, (store, { customer_id, name }) => {
    const customer = findActiveCustomer(store, customer_id)
    updateCustomer(customer, { name: truncateName(name) })
    return { data: buildCustomerBody(customer) }
  }),

  // Accepts leave_stripe_invoices_in_draft without an effect: Metronome's contract does not have it any more.
  handle(updateCustomerConfig, (store, { customer_id, ...settings }) => {
    const customer = findActiveCustomer(store, customer_id)
    // An absent setting keeps its value; null is a value.
    const { salesforce_account_id = customer.salesforce_account_id } = settings
    updateCustomer(customer, { salesforce_account_id })
    return {}
  }),

  handle(getDashboard, (store, { customer_id, dashboard }) => {
    findCustomer(store, customer_id)
    const token = randomBytes(24).toString('base64url')
    return { data: { url: `${DASHBOARDS}/customers/${dashboard}/v1?token=${token}` } }
  }),
]

interface Filters {
  readonly ingest_alias?: string | undefined
  readonly customer_ids?: readonly string[] | undefined
  readonly only_archived?: boolean | undefined
  readonly salesforce_account_ids?: readonly string[] | undefined
}

/** Combined filters must all match. */
function buildFilter({ ingest_alias, customer_ids, only_archived = false, salesforce_account_ids }: Filters) {
  const ids = customer_ids?.map((id) => id.toLowerCase())
  return ({ id, ingest_aliases, archived_at, salesforce_account_id }: Customer): boolean =>
    (archived_at !== null) === only_archived &&
    (ingest_alias === undefined || ingest_aliases.includes(ingest_alias)) &&
    (ids === undefined || ids.includes(id)) &&
    (salesforce_account_ids === undefined ||
      (salesforce_account_id !== null && salesforce_account_ids.includes(salesforce_account_id)))
}

function buildCursor({ id }: Customer): string {
  return Buffer.from(CURSOR_PREFIX + id).toString('base64url')
}

function findPageStart(customers: readonly Customer[], cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString()
  const previous = customers.findIndex(({ id }) => CURSOR_PREFIX + id === text)
  if (previous < 0) throw new ApiError(400, 'next_page is not a cursor of this list')
  return previous + 1
}

function checkCustomFields({ customFieldKeys }: Store, fields: Readonly<Record<string, string>> = {}): void {
  if (Object.keys(fields).some((key) => !customFieldKeys.has(key))) throw new ApiError(400, 'Invalid custom field keys')
  for (const [key, value] of Object.entries(fields))
    if (Array.from(value).length > MAX_CUSTOM_FIELD_CHARACTERS)
      throw new ApiError(400, `custom_fields.${key} must have at most ${MAX_CUSTOM_FIELD_CHARACTERS} characters`)
}

/** An alias belongs to one customer of the account, archived ones included. */
function checkAliases({ aliasOwners }: Store, id: string, aliases: readonly string[]): void {
  const taken = aliases.find((alias) => (aliasOwners.get(alias) ?? id) !== id)
  if (taken === undefined) return
  throw new ApiError(409, 'An ingest alias is already in use by another customer', {
    conflicting_id: aliasOwners.get(taken),
    conflicting_value: taken,
  })
}

function truncateName(name: string): string {
  return Array.from(name).slice(0, MAX_NAME_CHARACTERS).join('')
}

function unique(aliases: readonly string[]): string[] {
  return Array.from(new Set(aliases))
}

/** The status in effect now; a customer of whom only later ones are known is billable until then. */
function findBillableStatus({ billable_statuses: statuses }: Customer): JsonObject | undefined {
  if (statuses.length === 0) return undefined
  const current = statuses.findLast((status) => isInEffect(status))
  return { value: current?.value ?? 'billable', effective_at: current?.effective_at ?? null }
}

export function isInEffect({ effective_at }: BillableStatus, time = Date.now()): boolean {
  return effective_at === null || Date.parse(effective_at) <= time
}

/** The record as the operations that change a customer return it. */
function buildCustomerBody({ id, ingest_aliases, name, custom_fields }: Customer): JsonObject {
  // Deprecated by Metronome: the first id that usage events may carry.
  return { id, external_id: ingest_aliases[0] ?? id, ingest_aliases, name, custom_fields }
}

/** The record as the reading operations return it. */
export function buildDetailBody(customer: Customer): JsonObject {
  const { salesforce_account_id, created_at, updated_at, archived_at } = customer
  const current_billable_status = findBillableStatus(customer)
  return {
    ...buildCustomerBody(customer),
    customer_config: { salesforce_account_id },
    created_at,
    updated_at,
    archived_at,
    ...(current_billable_status && { current_billable_status }),
  }
}
