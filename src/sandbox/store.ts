import type * as z from 'zod'
import type { JsonObject } from '../operations/json.ts'
import type { Operation } from '../operations/operation.ts'
import type { Configuration, Customer } from './entities.ts'
import { ApiError, type SandboxResponse } from './http-messages.ts'
import { seedBilling, seedCustomers, seedRevenue } from './seed.ts'

/** The whole state of a sandbox: plain data that tests may inspect. */
export interface Store {
  /** By id in lower case, in the order of creation. */
  readonly customers: Map<string, Customer>
  /** Ids by ingest alias, of archived customers too. */
  readonly aliasOwners: Map<string, string>
  readonly billing: Configuration[]
  readonly revenue: Configuration[]
  /** Keys that are registered for customers. */
  readonly customFieldKeys: ReadonlySet<string>
  /** Every applied write, in order. */
  readonly effects: { readonly tool: string; readonly idempotencyKey: string | undefined }[]
  /** By Idempotency-Key. */
  readonly responses: Map<string, StoredResponse>
  /** By Idempotency-Key: the function that applies a write in flight. */
  readonly pending: Map<string, () => void>
}

/** What a store begins with. */
export interface Records {
  readonly customers: readonly Customer[]
  readonly billing: readonly Configuration[]
  readonly revenue: readonly Configuration[]
}

/** The first response under an Idempotency-Key, with the request that it belongs to. */
export interface StoredResponse {
  readonly fingerprint: string
  readonly response: SandboxResponse
}

const SEED: Records = { customers: seedCustomers, billing: seedBilling, revenue: seedRevenue }

export function createStore({ customers, billing, revenue } = SEED): Store {
  return {
    customers: new Map(customers.map((customer) => [customer.id, { ...customer }])),
    aliasOwners: new Map(customers.flatMap(({ id, ingest_aliases }) => ingest_aliases.map((alias) => [alias, id]))),
    billing: billing.map((configuration) => ({ ...configuration })),
    revenue: revenue.map((configuration) => ({ ...configuration })),
    customFieldKeys: new Set(
      [...seedCustomers, ...customers].flatMap(({ custom_fields }) => Object.keys(custom_fields)),
    ),
    effects: [],
    responses: new Map(),
    pending: new Map(),
  }
}

/** Performs an operation on the store. */
export interface Handler {
  readonly op: Operation
  /** Takes validated arguments, returns the response body. Throws {@link ApiError} before it changes anything. */
  act(store: Store, args: JsonObject): JsonObject
}

/** Types the handler's arguments by its operation's input. */
export function handle<Op extends Operation>(
  op: Op,
  act: (store: Store, args: z.output<Op['input']>) => JsonObject,
): Handler {
  return { op, act }
}

export function findCustomer(store: Store, id: string): Customer {
  const customer = store.customers.get(id.toLowerCase())
  if (!customer) throw new ApiError(404, `Customer ${id} not found`, { code: 'NotFound' })
  return customer
}

export function findActiveCustomer(store: Store, id: string): Customer {
  const customer = findCustomer(store, id)
  if (customer.archived_at !== null) throw new ApiError(400, `Customer ${id} is archived`)
  return customer
}

export function updateCustomer(customer: Customer, changes: Partial<Customer>): void {
  Object.assign(customer, changes, { updated_at: now() })
}

export const now = (): string => new Date().toISOString()
