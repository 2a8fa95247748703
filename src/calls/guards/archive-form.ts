import { getCustomer } from '../../operations/customers.ts'
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
  readonly customer: JsonObject
  /** In the order of the operation; `undefined` where they could not be read. */
  readonly configurations: readonly (readonly JsonObject[] | undefined)[]
}

const CUSTOMER_FIELDS = ['name', 'ingest_aliases', 'current_billable_status', 'archived_at'] as const

/** Reads what would be archived. Throws a `CallError` when the customer cannot be read. */
export async function readRecords({ op, args, read }: ArchiveRequest): Promise<Records> {
  const { customerArgument, configurations } = archivingOf(op)
  const id = String(args[customerArgument])
  const [body, ...lists] = await Promise.all([
    read({ op: getCustomer, args: { customer_id: id } }).catch((error: unknown) => {
      throw error instanceof CallError ? customerUnreadable(op, error) : error
    }),
    ...configurations.map(async ({ fetch, idsArgument }) => {
      const all = { customer_id: id, ...(idsArgument && { include_archived: true }) }
      const response = await read({ op: fetch, args: all }).catch(ignoreUnreadable)
      return response && selectConfigurations(asObjects(response.data), idsArgument && args[idsArgument])
    }),
  ])
  const record = asObject(body.data)
  return {
    id,
    customer: Object.fromEntries(CUSTOMER_FIELDS.map((field) => [field, record[field]])),
    configurations: lists,
  }
}

function customerUnreadable({ tool }: WriteOperation, error: CallError): CallError {
  const message = `${tool}: the customer cannot be read, so nothing was archived. ${error.message}`
  return new CallError(error.code, message, { ...error, cause: error })
}

/** Some accounts may not read some configurations. */
function ignoreUnreadable(error: unknown): undefined {
  if (!(error instanceof CallError) || error.code === 'cancelled') throw error
}

/** In one order, whatever the order of the response is. */
function selectConfigurations(records: readonly JsonObject[], ids: unknown): JsonObject[] {
  const named = Array.isArray(ids) ? new Set(ids.map((id) => String(id).toLowerCase())) : undefined
  const selected = records.filter(({ id, archived_at }) => (named ? named.has(String(id).toLowerCase()) : !archived_at))
  return selected.sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
}

export function isArchived({ customer, configurations }: Records): boolean {
  return Boolean(customer.archived_at) || configurations.some((list) => list?.some(({ archived_at }) => archived_at))
}

function archivingOf({ tool, irreversible }: WriteOperation): Archiving<string> {
  if (!irreversible) throw new Error(`${tool} archives nothing`)
  return irreversible
}

export function buildForm({ op, args }: ArchiveRequest, shown: Records, environment: string): Form {
  const { configurations, consequences, object } = archivingOf(op)
  const { name, ingest_aliases: aliases, current_billable_status: billable, archived_at: archivedAt } = shown.customer
  const lines = [
    `Tool: ${op.tool}`,
    `Environment: ${environment || 'not named'}`,
    `Customer: ${quoteName(name)}, id ${shown.id}`,
    `Aliases: ${listAll(Array.isArray(aliases) ? aliases.map(quoteName) : [])}`,
    `Billable status: ${describeBillable(billable)}`,
    ...(archivedAt ? [`Archived at: ${quoteName(archivedAt)}`] : []),
    ...configurations.map(({ label, idsArgument }, index) => {
      const list = shown.configurations[index]
      const requested = idsArgument === undefined ? [] : args[idsArgument]
      const isMissing = Array.isArray(requested) && list !== undefined && list.length < new Set(requested).size
      const missing = isMissing ? ' (some of the ids do not exist here)' : ''
      return `${label}: ${list ? listAll(list.map(describeConfiguration)) + missing : 'could not be read'}`
    }),
    `${consequences} This cannot be undone.`,
  ]
  return { message: lines.join('\n'), title: `Type ${expectedText(shown)} to archive ${object}` }
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
  const text = typeof name === 'string' ? normalizeText(name) : ''
  const isTypable = text !== '' && Array.from(text).length <= MAX_TYPED_NAME && !UNTYPABLE.test(text)
  return isTypable ? text : id.slice(0, ID_CHARACTERS)
}

export const normalizeText = (text: string): string => text.normalize('NFC').trim()
