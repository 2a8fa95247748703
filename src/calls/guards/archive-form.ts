import { foldText } from '../../operations/fold-text.ts'
import { isObject, type JsonObject } from '../../operations/json.ts'
import type { Archiving, WriteOperation } from '../../operations/operation.ts'
import { escapeInvisible, listFirst } from '../../sanitize.ts'
import type { Form } from '../errors.ts'
import { archivingOf, type Configurations, MAX_SHOWN, type Records, salesforceIdOf } from './archive-records.ts'

const NOT_SHOWN = 'not shown'
const MAX_NAME_CHARACTERS = 80

/** What a person is shown before it is archived, and what to type. */
export function buildForm(op: WriteOperation, records: Records, environment: string): Form {
  const { configurations, consequences, object } = archivingOf(op)
  const lines = [
    ...warnOfChange(records.customer),
    `Tool: ${op.tool}`,
    `Environment: ${environment || 'not named'}`,
    ...describeCustomer(records),
    ...configurations.flatMap((kind, index) => describeConfigurations(kind, records.configurations[index])),
    `${consequences} This cannot be undone.`,
  ]
  return { message: lines.join('\n'), title: `Type ${expectedText(records)} to archive ${object}` }
}

/** The agent can write name and aliases, and so choose what a person sees; it cannot undo that they were changed. */
function warnOfChange({ updated_at }: JsonObject): string[] {
  const time = readTime(updated_at)
  if (time === undefined || ageOf(time) >= RECENT_MS) return []
  return [`Changed ${describeAge(ageOf(time))}: its name or aliases may just have been changed.`]
}

function describeCustomer({ id, customer }: Records): string[] {
  const { name, ingest_aliases, current_billable_status, archived_at, created_at, updated_at } = customer
  const aliases = Array.isArray(ingest_aliases) ? listShown(ingest_aliases, quoteName) : NOT_SHOWN
  const salesforceId = isObject(customer.customer_config) ? quoteName(salesforceIdOf(customer)) : NOT_SHOWN
  return [
    `Customer: ${quoteName(name)}, id ${id}`,
    `Created at: ${describeTime(created_at)}`,
    `Last changed: ${describeTime(updated_at)}`,
    `Salesforce id: ${salesforceId}`,
    `Aliases: ${aliases}`,
    `Billable status: ${describeBillable(current_billable_status)}`,
    ...(archived_at ? [`Archived at: ${describeTime(archived_at)}`] : []),
  ]
}

function describeConfigurations(
  { label, idsArgument }: Archiving<string>['configurations'][number],
  kind: Configurations | undefined,
): string[] {
  if (!kind) return [`${label}: could not be read`]
  const list = listShown(kind.archived, describeConfiguration)
  if (idsArgument !== undefined) return [`${label}: ${list}`, `Active configurations of this kind: ${kind.activeCount}`]
  return [`${label} (${kind.activeCount}): ${list}`]
}

function describeConfiguration({ id, billing_provider, provider, archived_at }: JsonObject): string {
  const archived = archived_at ? ', archived' : ''
  return `${quoteName(billing_provider ?? provider)} (id ${quoteName(id)}${archived})`
}

function listShown<Item>(items: readonly Item[], describe: (item: Item) => string): string {
  return listFirst(items, MAX_SHOWN, describe) || 'none'
}

function describeBillable(status: unknown): string {
  const value = isObject(status) ? status.value : status
  return typeof value === 'string' ? quoteName(value) : NOT_SHOWN
}

/** Text of third parties on one line: quoted, cut, and with every invisible character shown. */
function quoteName(value: unknown): string {
  if (typeof value !== 'string') return 'none'
  const characters = Array.from(value)
  const start =
    characters.length > MAX_NAME_CHARACTERS ? `${characters.slice(0, MAX_NAME_CHARACTERS).join('')}…` : value
  return `"${escapeInvisible(start.replace(/["\\]/g, '\\$&'))}"`
}

const RECENT_MS = 15 * 60_000
const DAY_MS = 24 * 3_600_000
const UNITS = [
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const

function readTime(value: unknown): number | undefined {
  const time = typeof value === 'string' ? Date.parse(value) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

/** A time that is ahead of our clock is now. */
const ageOf = (time: number): number => Math.max(0, Date.now() - time)

/** Within a day as an age: who reads a date may not notice that it is today's. */
function describeTime(value: unknown): string {
  const time = readTime(value)
  if (time === undefined) return NOT_SHOWN
  return ageOf(time) < DAY_MS ? describeAge(ageOf(time)) : new Date(time).toISOString()
}

function describeAge(age: number): string {
  const [unit, length] = UNITS.find(([, length]) => age >= length) ?? []
  if (unit === undefined) return 'just now'
  const count = Math.floor(age / length)
  return `${count} ${unit}${count === 1 ? '' : 's'} ago`
}

/** Nobody types a longer name. */
const MAX_TYPED_CHARACTERS = 60
/** A single letter is in half of all names. */
const MIN_FOLDED_CHARACTERS = 2
const ID_CHARACTERS = 8
// Control, format, surrogate and unassigned characters, line breaks, and what is drawn as nothing.
const UNTYPABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/u

/** The name, or the start of the id where the name cannot be typed. */
export function expectedText({ id, customer: { name } }: Records): string {
  const text = typeof name === 'string' ? name.trim() : ''
  const isShort = Array.from(text).length <= MAX_TYPED_CHARACTERS
  const isLong = Array.from(foldText(text)).length >= MIN_FOLDED_CHARACTERS
  return isShort && isLong && !UNTYPABLE.test(text) ? text : id.slice(0, ID_CHARACTERS)
}

/** Whether a person would take the texts for the same. */
export function isSameText(typed: string, expected: string): boolean {
  return foldText(typed) === foldText(expected)
}
