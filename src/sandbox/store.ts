import { type Answer, Refusal } from './exchange.ts'
import type { Configuration, Customer } from './records.ts'
import { seedBilling, seedRevenue } from './seed-configurations.ts'
import { seedCustomers } from './seed-customers.ts'

/** One write that was done. */
interface Effect {
  readonly tool: string
  readonly idempotencyKey: string | undefined
}

/** The first answer to an Idempotency-Key, and the request that it belongs to. */
interface KeptAnswer {
  readonly fingerprint: string
  readonly answer: Answer
}

/** All that a sandbox knows; plain data, for tests to look at. */
export interface Store {
  /** By id in lower case, in the order of creation. */
  readonly customers: Map<string, Customer>
  readonly billing: Configuration[]
  readonly revenue: Configuration[]
  /** Every write that was done, in order. */
  readonly effects: Effect[]
  /** By Idempotency-Key. */
  readonly answers: Map<string, KeptAnswer>
  /** By Idempotency-Key: what does a write that has begun and is not done yet. */
  readonly underWay: Map<string, () => void>
}

export function createStore(): Store {
  return {
    customers: new Map(seedCustomers.map((customer) => [customer.id, { ...customer }])),
    billing: seedBilling.map((each) => ({ ...each })),
    revenue: seedRevenue.map((each) => ({ ...each })),
    effects: [],
    answers: new Map(),
    underWay: new Map(),
  }
}

export function findCustomer(store: Store, id: string): Customer {
  const customer = store.customers.get(id.toLowerCase())
  if (!customer) throw new Refusal(404, `Customer ${id} not found`, { code: 'NotFound' })
  return customer
}

export function findActiveCustomer(store: Store, id: string): Customer {
  const customer = findCustomer(store, id)
  if (customer.archived_at !== null) throw new Refusal(400, `Customer ${id} is archived`)
  return customer
}

export function updateCustomer(customer: Customer, changes: Partial<Customer>): void {
  Object.assign(customer, changes, { updated_at: now() })
}

export const now = (): string => new Date().toISOString()
