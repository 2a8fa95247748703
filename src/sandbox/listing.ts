import { listCustomers } from '../operations/customers.ts'
import { buildDetail } from './customers.ts'
import { Refusal } from './exchange.ts'
import { handle } from './handler.ts'
import type { Customer } from './records.ts'

const DEFAULT_LIMIT = 25
const CURSOR_START = 'after:'

export const list = handle(listCustomers, (store, { limit = DEFAULT_LIMIT, next_page, ...filters }) => {
  const matching = Array.from(store.customers.values()).filter(createFilter(filters))
  const start = next_page === undefined ? 0 : findStart(matching, next_page)
  const page = matching.slice(start, start + limit)
  const last = page.at(-1)
  const hasMore = start + limit < matching.length
  return { status: 200, body: { data: page.map(buildDetail), next_page: last && hasMore ? writeCursor(last) : null } }
})

interface Filters {
  readonly ingest_alias?: string | undefined
  readonly customer_ids?: readonly string[] | undefined
  readonly only_archived?: boolean | undefined
  readonly salesforce_account_ids?: readonly string[] | undefined
}

/** Filters that are given together must all match. */
function createFilter({ ingest_alias, customer_ids, only_archived = false, salesforce_account_ids }: Filters) {
  const ids = customer_ids?.map((id) => id.toLowerCase())
  return ({ id, ingest_aliases, archived_at, salesforce_account_id }: Customer): boolean =>
    (archived_at !== null) === only_archived &&
    (ingest_alias === undefined || ingest_aliases.includes(ingest_alias)) &&
    (ids === undefined || ids.includes(id)) &&
    (salesforce_account_ids === undefined ||
      (salesforce_account_id !== null && salesforce_account_ids.includes(salesforce_account_id)))
}

function writeCursor({ id }: Customer): string {
  return Buffer.from(CURSOR_START + id).toString('base64url')
}

function findStart(customers: readonly Customer[], cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString()
  const before = customers.findIndex(({ id }) => CURSOR_START + id === text)
  if (before < 0) throw new Refusal(400, 'next_page is no cursor of this list')
  return before + 1
}
