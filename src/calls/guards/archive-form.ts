import { getCustomer } from '../../operations/customers.ts'
import { foldText } from '../../operations/fold-text.ts'
import {
  type Archiving,
  asObject,
  asObjects,
  isObject,
  type JsonObject,
  type Read,
  type WriteOperation,
} from '../../operations/operation.ts'
import { escapeInvisible } from '../../sanitize.ts'
import { CallError, type Form } from '../errors.ts'

const MAX_NAME = 80
/** Nobody types a longer name. */
const MAX_TYPED_NAME = 60
/** Nobody means one letter only: others have it, too. */
const MIN_FOLDED_NAME = 2
const ID_CHARACTERS = 8
/** Longer lists are cut. */
const MAX_LISTED = 20

/** A call that would archive something. */
export interface ArchiveRequest {
  readonly op: WriteOperation
  readonly args: JsonObject
  readonly read: (read: Read) => Promise<JsonObject>
}

/** What is archived, as it is shown. */
export interface Records {
  readonly id: string
  /** The record of the customer. */
  readonly customer: JsonObject
  /** In the order of the operation; `undefined` where they could not be read. */
  readonly configurations: readonly (ShownConfigurations | undefined)[]
}

interface ShownConfigurations {
  /** The active ones, or those that the call names. */
  readonly shown: readonly JsonObject[]
  /** How many the customer has that are active. */
  readonly active: number
}

/** What must be the same before and after the form: all that it shows, but for what any write may move. */
const COMPARED_FIELDS = ['name', 'ingest_aliases', 'current_billable_status', 'archived_at', 'created_at'] as const

/** What is compared again once a person has answered. */
export function comparable({ id, customer, configurations }: Records): JsonObject {
  const fields = COMPARED_FIELDS.map((field) => [field, customer[field]])
  return { id, ...Object.fromEntries(fields), salesforce: salesforceIdOf(customer), configurations }
}

function salesforceIdOf({ customer_config }: JsonObject): unknown {
  return asObject(customer_config).salesforce_account_id
}

/**
 * Reads what would be archived. Throws a `CallError` when the customer, or a configuration that the call names, cannot be
 * shown: what nobody has seen is not archived.
 */
export async function readRecords({ op, args, read }: ArchiveRequest): Promise<Records> {
  const { customerArgument, configurations } = archivingOf(op)
  const id = String(args[customerArgument])
  for (const { idsArgument } of configurations) if (idsArgument) checkCount(op, idsArgument, args[idsArgument])
  const [body, ...lists] = await Promise.all([
    read({ op: getCustomer, args: { customer_id: id } }).catch((error: unknown) => {
      throw error instanceof CallError ? unreadable(op, 'the customer', error) : error
    }),
    ...configurations.map(async ({ fetch, idsArgument }) => {
      const all = { customer_id: id, ...(idsArgument && { include_archived: true }) }
      const response = await read({ op: fetch, args: all }).catch((error: unknown) => {
        if (!(error instanceof CallError) || error.code === 'cancelled') throw error
        // Some accounts may not read some configurations; the customer is archived as a whole.
        if (idsArgument === undefined) return undefined
        throw unreadable(op, 'the configurations', error)
      })
      return response && selectConfigurations(op, asObjects(response.data), idsArgument && args[idsArgument])
    }),
  ])
  return { id, customer: asObject(body.data), configurations: lists }
}

function checkCount({ tool }: WriteOperation, argument: string, ids: unknown): void {
  const count = distinct(ids).size
  if (count <= MAX_LISTED) return
  const message = `${tool}: ${argument} has ${count} ids, and a form shows at most ${MAX_LISTED}: split them into calls of ${MAX_LISTED}. Nothing was archived.`
  throw new CallError('not_confirmed', message)
}

function distinct(ids: unknown): Set<string> {
  return new Set(Array.isArray(ids) ? ids.map((id) => String(id).toLowerCase()) : [])
}

function unreadable({ tool }: WriteOperation, what: string, error: CallError): CallError {
  const message = `${tool}: ${what} cannot be read, so nothing was archived. ${error.message}`
  return new CallError(error.code, message, { ...error, cause: error })
}

/** In one order, whatever the order of the response is. */
function selectConfigurations({ tool }: WriteOperation, records: readonly JsonObject[], ids: unknown) {
  const active = records.filter(({ archived_at }) => !archived_at)
  const named = distinct(ids)
  const shown = ids === undefined ? active : records.filter(({ id }) => named.has(String(id).toLowerCase()))
  if (shown.length < named.size) {
    const found = new Set(shown.map(({ id }) => String(id).toLowerCase()))
    const missing = Array.from(named).filter((id) => !found.has(id))
    const message = `${tool}: these ids are not among the configurations of the customer: ${missing.join(', ')}. Nothing was archived.`
    throw new CallError('not_confirmed', message)
  }
  return { shown: shown.sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1)), active: active.length }
}

export function isArchived({ customer, configurations }: Records): boolean {
  return (
    Boolean(customer.archived_at) || configurations.some((list) => list?.shown.some(({ archived_at }) => archived_at))
  )
}

function archivingOf({ tool, irreversible }: WriteOperation): Archiving<string> {
  if (!irreversible) throw new Error(`${tool} archives nothing`)
  return irreversible
}

export function buildForm({ op }: ArchiveRequest, records: Records, environment: string): Form {
  const { configurations, consequences, object } = archivingOf(op)
  const { customer } = records
  const { name, ingest_aliases: aliases, archived_at: archivedAt, created_at: createdAt } = customer
  const changed = describeTime(customer.updated_at)
  const lines = [
    // The agent can write both.
    ...(changed.isRecent ? [`Changed ${changed.text}: its name or aliases may just have been changed.`] : []),
    `Tool: ${op.tool}`,
    `Environment: ${environment || 'not named'}`,
    `Customer: ${quoteName(name)}, id ${records.id}`,
    `Created at: ${describeTime(createdAt).text}`,
    `Last changed: ${changed.text}`,
    `Salesforce id: ${quoteName(salesforceIdOf(customer))}`,
    `Aliases: ${listAll(Array.isArray(aliases) ? aliases.map(quoteName) : [])}`,
    `Billable status: ${describeBillable(customer.current_billable_status)}`,
    ...(archivedAt ? [`Archived at: ${quoteName(archivedAt)}`] : []),
    ...configurations.flatMap(({ label, idsArgument }, index) => {
      const list = records.configurations[index]
      if (!list) return [`${label}: could not be read`]
      const shown = listAll(list.shown.map(describeConfiguration))
      return [
        `${label}: ${idsArgument === undefined && list.active > 0 ? `${list.active}: ` : ''}${shown}`,
        ...(idsArgument === undefined ? [] : [`Active configurations of this kind: ${list.active}`]),
      ]
    }),
    `${consequences} This cannot be undone.`,
  ]
  return { message: lines.join('\n'), title: `Type ${expectedText(records)} to archive ${object}` }
}

const RECENT_MS = 15 * 60_000
const DAY_MS = 24 * 3_600_000
const UNITS = [
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

/** A time of the record as its age where it is within a day. A clock that is ahead of ours counts as now. */
function describeTime(value: unknown): { readonly text: string; readonly isRecent: boolean } {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(time)) return { text: 'not shown', isRecent: false }
  const age = Math.max(0, Date.now() - time)
  if (age >= DAY_MS) return { text: new Date(time).toISOString(), isRecent: false }
  const [unit, length] = UNITS.find(([, length]) => age >= length) ?? ['second', 1_000]
  const count = Math.floor(age / length)
  const text = count === 0 ? 'just now' : `${count} ${unit}${count === 1 ? '' : 's'} ago`
  return { text, isRecent: age < RECENT_MS }
}

/** Text of third parties on one line: quoted, cut, and with every invisible character shown. */
function quoteName(value: unknown): string {
  if (typeof value !== 'string') return 'none'
  const characters = Array.from(value)
  const start = characters.length > MAX_NAME ? `${characters.slice(0, MAX_NAME).join('')}…` : value
  return `"${escapeInvisible(start.replace(/["\\]/g, '\\$&'))}"`
}

function describeBillable(status: unknown): string {
  const value = isObject(status) ? status.value : status
  return typeof value === 'string' ? quoteName(value) : 'not shown'
}

function describeConfiguration({ id, billing_provider, provider, archived_at }: JsonObject): string {
  const archived = archived_at ? ', archived' : ''
  return `${quoteName(billing_provider ?? provider)} (id ${quoteName(id)}${archived})`
}

function listAll(items: readonly string[]): string {
  if (items.length === 0) return 'none'
  const more = items.length - MAX_LISTED
  return more > 0 ? `${items.slice(0, MAX_LISTED).join(', ')} and ${more} more` : items.join(', ')
}

// Control, format, surrogate and unassigned characters, line breaks, and what is drawn as nothing.
const UNTYPABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

/** The name, or the start of the id where the name cannot be typed. */
export function expectedText({ id, customer: { name } }: Records): string {
  const text = typeof name === 'string' ? name.trim() : ''
  const isShort = Array.from(text).length <= MAX_TYPED_NAME && foldText(text).length >= MIN_FOLDED_NAME
  return isShort && !UNTYPABLE.test(text) ? text : id.slice(0, ID_CHARACTERS)
}

/** Whether the text that a person typed is the one that the form asks for. */
export function isExpected(text: string, records: Records): boolean {
  return foldText(text) === foldText(expectedText(records))
}
