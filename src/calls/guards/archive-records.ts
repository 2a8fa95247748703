import { getCustomer } from '../../operations/customers.ts'
import { asObject, asObjects, type JsonObject } from '../../operations/json.ts'
import type { Archiving, Read, ReadOperation, WriteOperation } from '../../operations/operation.ts'
import { CallError } from '../errors.ts'

/** How many configurations a form shows of one kind. */
export const MAX_SHOWN = 20

/** A call that would archive something. */
export interface ArchiveRequest {
  readonly op: WriteOperation
  readonly args: JsonObject
  readonly read: (read: Read) => Promise<JsonObject>
}

/** What would be archived. */
export interface Records {
  /** Of the customer, as the call has it. */
  readonly id: string
  readonly customer: JsonObject
  /** In the order of the operation; `undefined` where they could not be read. */
  readonly configurations: readonly (Configurations | undefined)[]
}

/** The configurations of one kind. */
export interface Configurations {
  /** The active ones, or those that the call names, by their ids. */
  readonly archived: readonly JsonObject[]
  readonly activeCount: number
}

export function archivingOf({ tool, irreversible }: WriteOperation): Archiving<string> {
  if (!irreversible) throw new Error(`${tool} archives nothing`)
  return irreversible
}

/** Throws a `CallError` when the customer, or a configuration that the call names, cannot be shown. */
export async function readRecords(request: ArchiveRequest): Promise<Records> {
  const { op, args } = request
  const { customerArgument, configurations } = archivingOf(op)
  const id = String(args[customerArgument])
  const kinds = configurations.map(({ fetch, idsArgument }) => ({
    fetch,
    ids: idsArgument && readIds(op, idsArgument, args),
  }))
  const [customer, ...lists] = await Promise.all([
    readCustomer(request, id),
    ...kinds.map(({ fetch, ids }) =>
      ids ? readNamedConfigurations(request, fetch, id, ids) : readActiveConfigurations(request, fetch, id),
    ),
  ])
  return { id, customer, configurations: lists }
}

function readIds({ tool }: WriteOperation, argument: string, args: JsonObject): Set<string> {
  const values: unknown = args[argument]
  const ids = new Set(Array.isArray(values) ? values.map(comparableId) : [])
  if (ids.size <= MAX_SHOWN) return ids
  const message = `${tool}: ${argument} has ${ids.size} ids, and a form shows at most ${MAX_SHOWN}: make calls of at most ${MAX_SHOWN} ids each. Nothing was archived.`
  throw new CallError('not_confirmed', message)
}

const comparableId = (id: unknown): string => String(id).toLowerCase()

async function readCustomer({ op, read }: ArchiveRequest, id: string): Promise<JsonObject> {
  try {
    return asObject((await read({ op: getCustomer, args: { customer_id: id } })).data)
  } catch (error) {
    throw unreadable(op, 'the customer', error)
  }
}

/** Some accounts may not read some configurations, and the customer is archived as a whole. */
async function readActiveConfigurations(
  { op, read }: ArchiveRequest,
  fetch: ReadOperation,
  id: string,
): Promise<Configurations | undefined> {
  try {
    const { data } = await read({ op: fetch, args: { customer_id: id } })
    const active = sortById(asObjects(data).filter(isActive))
    return { archived: active, activeCount: active.length }
  } catch (error) {
    if (!(error instanceof CallError) || ENDS_CALL.has(error.code)) throw unreadable(op, 'the configurations', error)
    return undefined
  }
}

/** Nobody is asked when no time is left to archive. */
const ENDS_CALL: ReadonlySet<CallError['code']> = new Set(['cancelled', 'timed_out'])

/** Metronome archives by the id alone: one of another customer, or one that was not shown, would be archived, too. */
async function readNamedConfigurations(
  { op, read }: ArchiveRequest,
  fetch: ReadOperation,
  id: string,
  ids: ReadonlySet<string>,
): Promise<Configurations> {
  const body = await read({ op: fetch, args: { customer_id: id, include_archived: true } }).catch((error: unknown) => {
    throw unreadable(op, 'the configurations', error)
  })
  const all = asObjects(body.data)
  const known = new Set(all.map((record) => comparableId(record.id)))
  const missing = Array.from(ids).filter((each) => !known.has(each))
  if (missing.length > 0) {
    const message = `${op.tool}: these ids are not among the configurations of customer ${id}: ${missing.join(', ')}. Nothing was archived.`
    throw new CallError('not_confirmed', message)
  }
  const named = all.filter((record) => ids.has(comparableId(record.id)))
  return { archived: sortById(named), activeCount: all.filter(isActive).length }
}

function unreadable({ tool }: WriteOperation, what: string, error: unknown): unknown {
  if (!(error instanceof CallError)) return error
  const message = `${tool}: ${what} cannot be read, so nothing was archived. ${error.message}`
  return new CallError(error.code, message, { ...error, cause: error })
}

const isActive = ({ archived_at }: JsonObject): boolean => !archived_at

/** In one order, whatever the order of the response is. */
const sortById = (records: readonly JsonObject[]): JsonObject[] =>
  Array.from(records).sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))

export function isArchived({ customer, configurations }: Records): boolean {
  return !isActive(customer) || configurations.some((kind) => kind?.archived.some((record) => !isActive(record)))
}

export function salesforceIdOf({ customer_config }: JsonObject): unknown {
  return asObject(customer_config).salesforce_account_id
}

const COMPARED_FIELDS = ['name', 'ingest_aliases', 'current_billable_status', 'archived_at', 'created_at'] as const

/** What must be the same before and after the form: all that it shows, but for `updated_at`, which any write may move. */
export function comparable({ id, customer, configurations }: Records): JsonObject {
  const fields = COMPARED_FIELDS.map((field) => [field, customer[field]])
  return {
    id,
    ...Object.fromEntries(fields),
    salesforce_account_id: salesforceIdOf(customer),
    configurations: configurations.map(
      (kind) => kind && { ...kind, archived: kind.archived.map(({ updated_at: _, ...record }) => record) },
    ),
  }
}
