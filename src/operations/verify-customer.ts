import { isDeepStrictEqual } from 'node:util'
import { listFirst, quoteValue } from '../sanitize.ts'
import {
  adviseOnHolder,
  conflictingAliases,
  describeNoHolder,
  describeOtherHolders,
  describeState,
  findHolders,
  holderReads,
  requestedAliases,
} from './alias-conflicts.ts'
import { foldText } from './fold-text.ts'
import { MAX_NAME_CHARACTERS } from './input-fields.ts'
import { asObject, asObjects, type JsonObject, readOwn } from './json.ts'
import type { Comparison, Read, ReadOperation, Verification } from './operation.ts'
import { matchConfigurations, type ValueState } from './verify-configurations.ts'

/** One field that was asked for, against the record. */
interface FieldCheck {
  readonly state: ValueState
  /** What the record shows, to be read after "it" or as a sentence of its own. */
  readonly description: string
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
    const { salesforce_account_id: recorded } = asObject(customer_config)
    return checkField('salesforce_account_id', recorded, args.salesforce_account_id === recorded)
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
      : { state: 'not_shown', description: `current_billable_status is ${quoteValue(current_billable_status)}` }
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
      const evidence = `In get-customer ${checks.map(({ description }) => description).join(', ')}.`
      const isInPlace = checks.every(({ state }) => state === 'equal')
      return isInPlace ? { isInPlace, evidence, body: buildBody(args, record) } : { isInPlace, evidence }
    },
    recheckAdvice: ({ customer_id }) =>
      `Check the customer with get-customer ${JSON.stringify({ customer_id })}; the same call again is safe unless it was changed since.`,
  }
}

export const verifyName = (getCustomer: ReadOperation): Verification<{ customer_id: string; name: string }> =>
  verifyFields(getCustomer, [NAME], (_, record) => ({ data: record }))

export const verifyBillableStatus = (
  getCustomer: ReadOperation,
): Verification<{ customer_id: string; billable_status: string; effective_at: string }> =>
  verifyFields(getCustomer, [BILLABLE_STATUS], ({ customer_id, billable_status }) => ({
    data: { id: customer_id, current_billable_status: billable_status },
  }))

export function verifySettings(
  getCustomer: ReadOperation,
): Verification<{ customer_id: string; salesforce_account_id?: string | null | undefined }> {
  const verification = verifyFields(getCustomer, [SALESFORCE_ACCOUNT, DRAFT_SETTING], () => ({ success: true }))
  return {
    ...verification,
    recheckAdvice: (args) =>
      'leave_stripe_invoices_in_draft' in args
        ? 'leave_stripe_invoices_in_draft cannot be read; setting the same value again is safe unless it was changed since.'
        : verification.recheckAdvice(args),
  }
}

/** Replacing aliases may meet other customers that hold them. */
export function verifyAliases(
  getCustomer: ReadOperation,
  listCustomers: ReadOperation,
): Verification<{ customer_id: string; ingest_aliases: string[] }> {
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
      return others === '' ? comparison : { isInPlace: false, isHeldByAnother: true, evidence: others }
    },
  }
}

/** Archiving cannot be undone, and the record shows its time. */
export function verifyArchive(getCustomer: ReadOperation): Verification<{ id: string }> {
  return {
    reads: ({ id }) => [{ op: getCustomer, args: { customer_id: id } }],
    compare({ id }, [body]) {
      const { archived_at } = asObject(body?.data)
      if (archived_at) {
        const evidence = `get-customer shows archived_at ${quoteValue(archived_at)}.`
        return { isInPlace: true, evidence, body: { data: { id } } }
      }
      const shows = archived_at === null ? 'shows the customer as active' : 'does not show archived_at'
      return { isInPlace: false, evidence: `get-customer ${shows}.` }
    },
    recheckAdvice: ({ id }) =>
      `Check archived_at with get-customer ${JSON.stringify({ customer_id: id })} before retrying.`,
  }
}

interface CreateReads {
  readonly listCustomers: ReadOperation
  readonly fetchBilling: ReadOperation
  readonly fetchRevenue: ReadOperation
}

/** A created customer is found by its first alias, which no other customer can hold. */
export function verifyCreate({
  listCustomers,
  fetchBilling,
  fetchRevenue,
}: CreateReads): Verification<JsonObject & { name: string }> {
  const findIn = (args: JsonObject, lists: readonly JsonObject[]) => findHolders(lists, requestedAliases(args))
  return {
    reportsConflicts: true,
    reads: (args, conflict) =>
      holderReads(listCustomers, conflict ? conflictingAliases(args, conflict) : requestedAliases(args).slice(0, 1)),
    followUpReads(args, lists) {
      const [holder, ...others] = findIn(args, lists)
      if (!holder || others.length > 0) return []
      const read = (op: ReadOperation): Read => ({ op, args: { customer_id: holder.id } })
      return requestedConfigurations(args).map(({ isBilling }) => read(isBilling ? fetchBilling : fetchRevenue))
    },
    compare: (args, lists, configurations) => compareCreated(args, lists, configurations),
    recheckAdvice: (args) =>
      requestedAliases(args).length > 0
        ? 'Look for it with list-customers and ingest_alias, active and archived; the same alias cannot belong to a second customer.'
        : `Look for it with list-customers ${describeNameSearch(String(args.name))} before creating it again: a new customer may not be listed at once, and without an ingest alias nothing prevents a duplicate.`,
  }
}

/** Arguments that find the name however Metronome cuts it: at so many characters or at so many UTF-16 units. */
function describeNameSearch(name: string): string {
  const start = name.slice(0, MAX_NAME_CHARACTERS).replace(/[\ud800-\udbff]$/, '')
  // A search ignores format characters, and messages escape them.
  const search = start.replace(/\p{Cf}/gu, '')
  return foldText(search) === '' ? 'page by page' : JSON.stringify({ search })
}

function compareCreated(
  args: JsonObject,
  lists: readonly JsonObject[],
  configurations: readonly JsonObject[],
): Comparison {
  const aliases = requestedAliases(args)
  const holders = findHolders(lists, aliases)
  const [holder, ...others] = holders
  if (!holder) return { isInPlace: false, evidence: describeNoHolder(lists, aliases.length) }
  if (others.length > 0)
    return { isInPlace: false, isHeldByAnother: true, evidence: describeOtherHolders(holders, undefined) }
  const checks = checkCreated(args, holder, configurations)
  const differences = checks.filter(({ state }) => state !== 'equal')
  if (differences.length === 0)
    return {
      isInPlace: true,
      evidence: `A customer with exactly these values exists: id ${quoteValue(holder.id)}, ${describeState(holder)}.`,
      body: { data: holder },
    }
  return {
    isInPlace: false,
    isHeldByAnother: checks.some(({ state }) => state === 'different'),
    evidence: `Customer ${quoteValue(holder.id)} (${describeState(holder)}) holds the alias; compared with the request: ${listFirst(differences, MAX_DIFFERENCES, ({ description }) => description, '; ', '; and ')}. ${adviseOnHolder(holder)}`,
  }
}

/** One for each custom field, of which a request may have thousands. */
const MAX_DIFFERENCES = 20

/** Everything that create-customer asked for, against a record. Archived customers never count. */
function checkCreated(args: JsonObject, record: JsonObject, configurations: readonly JsonObject[]): FieldCheck[] {
  const aliases = requestedAliases(args)
  const checks = [NAME.check(args, record)]
  if (aliases.length > 0) checks.push(ALIASES.check({ ingest_aliases: aliases }, record))
  for (const [key, value] of Object.entries(asObject(args.custom_fields))) {
    const recorded = record.custom_fields && (readOwn(asObject(record.custom_fields), key) ?? null)
    checks.push(checkField(`custom field ${quoteValue(key)}`, recorded, recorded === value))
  }
  for (const [index, { items, label }] of requestedConfigurations(args).entries()) {
    const { state } = matchConfigurations(items, asObjects(configurations[index]?.data))
    checks.push({ state, description: `its ${label} configurations are not exactly those requested` })
  }
  if (record.archived_at) checks.push({ state: 'different', description: 'it is archived' })
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

function checkField(name: string, recorded: unknown, isEqual: boolean): FieldCheck {
  if (recorded === undefined) return { state: 'not_shown', description: `${name} is not shown` }
  return { state: isEqual ? 'equal' : 'different', description: `${name} is ${quoteValue(recorded)}` }
}

function sameName(requested: unknown, recorded: unknown): boolean {
  if (typeof requested !== 'string' || typeof recorded !== 'string') return false
  // Whether Metronome counts characters or UTF-16 units when it cuts a name is not documented.
  const isCut = recorded.length === MAX_NAME_CHARACTERS || Array.from(recorded).length === MAX_NAME_CHARACTERS
  return requested === recorded || (isCut && requested.startsWith(recorded))
}

function sameSet(requested: unknown, recorded: unknown): boolean {
  return Array.isArray(requested) && Array.isArray(recorded) && isDeepStrictEqual(new Set(requested), new Set(recorded))
}
