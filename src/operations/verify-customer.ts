import { isDeepStrictEqual } from 'node:util'
import { quoteValue } from '../sanitize.ts'
import {
  adviseOnHolder,
  conflictingAliases,
  describeOtherHolders,
  describeState,
  findHolders,
  holderReads,
  requestedAliases,
} from './alias-conflicts.ts'
import { MAX_NAME_CHARACTERS } from './input-fields.ts'
import {
  asObject,
  asObjects,
  type Comparison,
  type JsonObject,
  type Read,
  type ReadOperation,
  type Verification,
} from './operation.ts'
import { matchConfigurations } from './verify-configurations.ts'

/** One field that was asked for, against the record. */
interface FieldCheck {
  readonly state: 'equal' | 'different' | 'not_shown'
  /** What the record shows, to be read after "it" or as a sentence of its own. */
  readonly shown: string
}

/** How get-customer shows a field that a write sets. */
interface CustomerField {
  /** The argument; a field that was not asked for is not compared. */
  readonly name: string
  check(args: JsonObject, record: JsonObject): FieldCheck
}

const NAME: CustomerField = {
  name: 'name',
  check: (args, { name }) => checkField('name', name, sameName(args.name, name)),
}

const ALIASES: CustomerField = {
  name: 'ingest_aliases',
  check: (args, { ingest_aliases }) =>
    checkField('ingest_aliases', ingest_aliases, sameSet(args.ingest_aliases, ingest_aliases)),
}

const SALESFORCE_ACCOUNT: CustomerField = {
  name: 'salesforce_account_id',
  check: (args, { customer_config }) => {
    const { salesforce_account_id: shown } = asObject(customer_config)
    return checkField('salesforce_account_id', shown, args.salesforce_account_id === shown)
  },
}

const DRAFT_SETTING: CustomerField = {
  name: 'leave_stripe_invoices_in_draft',
  check: () => checkField('leave_stripe_invoices_in_draft', undefined, false),
}

// A date in the future is not shown, and no clock is compared: another date proves nothing.
const BILLABLE_STATUS: CustomerField = {
  name: 'billable_status',
  check: (args, { current_billable_status }) => {
    const { value, effective_at } = asObject(current_billable_status)
    const isSameDate = Date.parse(String(effective_at)) === Date.parse(String(args.effective_at))
    const isEqual = value === args.billable_status && isSameDate
    return isEqual
      ? checkField('current_billable_status', current_billable_status, true)
      : { state: 'not_shown', shown: `current_billable_status is ${quoteValue(current_billable_status)}` }
  },
}

/** A write that overwrites fields of a customer: get-customer shows the new values, or not. */
function verifyFields(
  getCustomer: ReadOperation,
  fields: readonly CustomerField[],
  buildBody: (args: JsonObject, record: JsonObject) => JsonObject,
): Verification<JsonObject> {
  return {
    reads: ({ customer_id }) => [{ op: getCustomer, args: { customer_id } }],
    compare(args, [body]) {
      const record = asObject(body?.data)
      const checks = fields.filter(({ name }) => name in args).map((field) => field.check(args, record))
      const inPlace = combine(checks)
      const shown = checks.map((check) => check.shown).join(', ')
      return { inPlace, evidence: `In get-customer ${shown}.`, body: buildBody(args, record) }
    },
    recheck: ({ customer_id }) =>
      `Check the customer with get-customer ${JSON.stringify({ customer_id })}; the same call again is safe unless it was changed since.`,
  }
}

export const verifyName = (getCustomer: ReadOperation): Verification<JsonObject> =>
  verifyFields(getCustomer, [NAME], (_, record) => ({ data: record }))

export const verifyBillableStatus = (getCustomer: ReadOperation): Verification<JsonObject> =>
  verifyFields(getCustomer, [BILLABLE_STATUS], ({ customer_id, billable_status }) => ({
    data: { id: customer_id, current_billable_status: billable_status },
  }))

export function verifySettings(getCustomer: ReadOperation): Verification<JsonObject> {
  const verification = verifyFields(getCustomer, [SALESFORCE_ACCOUNT, DRAFT_SETTING], () => ({ success: true }))
  return {
    ...verification,
    recheck: (args) =>
      'leave_stripe_invoices_in_draft' in args
        ? 'leave_stripe_invoices_in_draft cannot be read; setting the same value again is safe unless it was changed since.'
        : verification.recheck(args),
  }
}

/** Replacing aliases may meet other customers that hold them. */
export function verifyAliases(getCustomer: ReadOperation, listCustomers: ReadOperation): Verification<JsonObject> {
  const verification = verifyFields(getCustomer, [ALIASES], () => ({ success: true }))
  return {
    ...verification,
    reportsConflicts: true,
    reads: (args, conflict) => [
      ...verification.reads(args, conflict),
      ...(conflict ? holderReads(listCustomers, conflictingAliases(args, conflict)) : []),
    ],
    compare(args, [body = {}, ...lists]) {
      const comparison = verification.compare(args, [body], [])
      const others = describeOtherHolders(findHolders(lists, requestedAliases(args)), args.customer_id)
      return others === '' ? comparison : { ...comparison, isHeldByAnother: true, evidence: others }
    },
  }
}

/** Archiving cannot be undone, and the record shows its time. */
export function verifyArchive(getCustomer: ReadOperation): Verification<{ id: string }> {
  return {
    reads: ({ id }) => [{ op: getCustomer, args: { customer_id: id } }],
    compare({ id }, [body]) {
      const { archived_at } = asObject(body?.data)
      const evidence = archived_at ? `archived_at ${quoteValue(archived_at)}` : 'the customer as active'
      return {
        inPlace: archived_at ? 'all' : 'none',
        evidence: `get-customer shows ${evidence}.`,
        body: { data: { id } },
      }
    },
    recheck: ({ id }) => `Check archived_at with get-customer ${JSON.stringify({ customer_id: id })} before retrying.`,
  }
}

interface CreateReads {
  readonly listCustomers: ReadOperation
  readonly fetchBilling: ReadOperation
  readonly fetchRevenue: ReadOperation
}

/** A created customer is found by its first alias, which no other customer can hold. */
export function verifyCreate({ listCustomers, fetchBilling, fetchRevenue }: CreateReads): Verification<JsonObject> {
  const findIn = (args: JsonObject, lists: readonly JsonObject[]) => findHolders(lists, requestedAliases(args))
  return {
    reportsConflicts: true,
    reads: (args, conflict) =>
      holderReads(listCustomers, conflict ? conflictingAliases(args, conflict) : requestedAliases(args).slice(0, 1)),
    furtherReads(args, lists) {
      const [holder, ...others] = findIn(args, lists)
      if (!holder || others.length > 0) return []
      const read = (op: ReadOperation): Read => ({ op, args: { customer_id: holder.id } })
      return requestedConfigurations(args).map(({ isBilling }) => read(isBilling ? fetchBilling : fetchRevenue))
    },
    compare: (args, lists, further) => compareCreated(args, findIn(args, lists), further),
    recheck: (args) =>
      requestedAliases(args).length > 0
        ? 'Look for it with list-customers and ingest_alias, active and archived; the same alias cannot belong to a second customer.'
        : `Look for it with list-customers ${JSON.stringify({ name_contains: Array.from(String(args.name)).slice(0, MAX_NAME_CHARACTERS).join('') })} before creating it again: a new customer may not be listed at once, and without an ingest alias nothing prevents a duplicate.`,
  }
}

function compareCreated(
  args: JsonObject,
  holders: readonly JsonObject[],
  configurations: readonly JsonObject[],
): Comparison {
  const [holder, ...others] = holders
  if (!holder) return { inPlace: 'none', evidence: 'No customer holds the requested alias.' }
  if (others.length > 0)
    return { inPlace: 'part', isHeldByAnother: true, evidence: describeOtherHolders(holders, undefined) }
  const checks = checkCreated(args, holder, configurations)
  const differences = checks.filter(({ state }) => state !== 'equal').map(({ shown }) => shown)
  if (differences.length === 0)
    return {
      inPlace: 'all',
      evidence: `A customer with exactly these values exists: id ${quoteValue(holder.id)}, ${describeState(holder)}.`,
      body: { data: holder },
    }
  const isDifferent = checks.some(({ state }) => state === 'different')
  return {
    inPlace: 'part',
    isHeldByAnother: isDifferent,
    evidence: `Customer ${quoteValue(holder.id)} (${describeState(holder)}) holds the alias; compared with the request: ${differences.join('; ')}. ${adviseOnHolder(holder)}`,
  }
}

/** Everything that create-customer asked for, against a record. Archived customers never count. */
function checkCreated(args: JsonObject, record: JsonObject, configurations: readonly JsonObject[]): FieldCheck[] {
  const aliases = requestedAliases(args)
  const checks = [NAME.check(args, record)]
  if (aliases.length > 0) checks.push(ALIASES.check({ ingest_aliases: aliases }, record))
  for (const [key, value] of Object.entries(asObject(args.custom_fields))) {
    const shown = record.custom_fields && (asObject(record.custom_fields)[key] ?? null)
    checks.push(checkField(`custom field ${quoteValue(key)}`, shown, shown === value))
  }
  for (const [index, { items, label }] of requestedConfigurations(args).entries()) {
    const { inPlace } = matchConfigurations(items, asObjects(configurations[index]?.data))
    const states = { all: 'equal', none: 'different', part: 'not_shown' } as const
    checks.push({ state: states[inPlace], shown: `its ${label} configurations are not exactly those requested` })
  }
  if (record.archived_at) checks.push({ state: 'different', shown: 'it is archived' })
  return checks
}

interface RequestedConfigurations {
  readonly isBilling: boolean
  readonly label: string
  readonly items: readonly JsonObject[]
}

function requestedConfigurations(args: JsonObject): RequestedConfigurations[] {
  const billing = asObjects(args.customer_billing_provider_configurations)
  const revenue = asObjects(args.customer_revenue_system_configurations)
  return [
    { isBilling: true, label: 'billing', items: billing },
    { isBilling: false, label: 'revenue', items: revenue },
  ].filter(({ items }) => items.length > 0)
}

function checkField(name: string, shown: unknown, isEqual: boolean): FieldCheck {
  if (shown === undefined) return { state: 'not_shown', shown: `${name} is not shown` }
  return { state: isEqual ? 'equal' : 'different', shown: `${name} is ${quoteValue(shown)}` }
}

function combine(checks: readonly FieldCheck[]): Comparison['inPlace'] {
  if (checks.every(({ state }) => state === 'equal')) return 'all'
  return checks.every(({ state }) => state === 'different') ? 'none' : 'part'
}

function sameName(asked: unknown, shown: unknown): boolean {
  if (typeof asked !== 'string' || typeof shown !== 'string') return false
  // Whether Metronome counts characters or UTF-16 units when it cuts a name is not documented.
  const isCut = shown.length === MAX_NAME_CHARACTERS || Array.from(shown).length === MAX_NAME_CHARACTERS
  return asked === shown || (isCut && asked.startsWith(shown))
}

function sameSet(asked: unknown, shown: unknown): boolean {
  return Array.isArray(asked) && Array.isArray(shown) && isDeepStrictEqual(new Set(asked), new Set(shown))
}
