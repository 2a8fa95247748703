import { isDeepStrictEqual } from 'node:util'
import { listFirst, quoteValue } from '../sanitize.ts'
import { sameId } from './input-fields.ts'
import { asObject, asObjects, isObject, type JsonObject, readOwn } from './json.ts'
import type { Comparison, ReadOperation, Verification } from './operation.ts'

// One request may name many customers and configurations; more than these are not verified.
const MAX_CUSTOMERS = 5
const MAX_ITEMS = 50

/** Configurations are added; each requested one needs a record of its own, and archived records never count. */
export function verifyAddition(fetchConfigurations: ReadOperation): Verification<{ data: JsonObject[] }> {
  const customersOf = (data: readonly JsonObject[]) => Array.from(new Set(data.map(({ customer_id }) => customer_id)))
  return {
    reads({ data }) {
      const customers = customersOf(data)
      if (customers.length > MAX_CUSTOMERS || data.length > MAX_ITEMS) return []
      return customers.map((customer_id) => ({ op: fetchConfigurations, args: { customer_id } }))
    },
    compare({ data }, bodies) {
      const records = bodies.flatMap((body) => asObjects(body.data))
      const { state, candidates } = matchConfigurations(data, records)
      const ids = quoteFirst(candidates.map(({ id }) => id))
      if (state === 'different')
        return { isInPlace: false, evidence: 'No configuration with exactly these values is shown.' }
      if (state === 'not_shown')
        return {
          isInPlace: false,
          evidence: `Not all requested values are shown; similar configurations exist: ids ${ids}.`,
        }
      const evidence = `Configurations with exactly these values exist, from this call or from before: ids ${ids}.`
      return { isInPlace: true, evidence, body: { data: candidates } }
    },
    recheckAdvice: ({ data }) =>
      `Check ${[fetchConfigurations.tool, ...customersOf(data).slice(0, MAX_CUSTOMERS)].join(' ')}: a new call would add a duplicate.`,
  }
}

/** Archived configurations stay readable, with the time of archiving. */
export function verifyArchiveConfigurations<IdsField extends string>(
  fetchConfigurations: ReadOperation,
  idsField: IdsField,
): Verification<{ customer_id: string } & Record<IdsField, string[]>> {
  return {
    reads: ({ customer_id }) => [{ op: fetchConfigurations, args: { customer_id, include_archived: true } }],
    compare: (args, [body]) => compareArchived(args, asObjects(body?.data), idsField),
    recheckAdvice: ({ customer_id }) =>
      `Check archived_at with ${fetchConfigurations.tool} ${JSON.stringify({ customer_id, include_archived: true })} before retrying.`,
  }
}

function compareArchived(args: JsonObject, records: readonly JsonObject[], idsField: string): Comparison {
  const requested = Array.isArray(args[idsField]) ? args[idsField].map(String) : []
  const ids = new Set(requested.map((id) => id.toLowerCase()))
  const named = records.filter(({ id }) => ids.has(String(id).toLowerCase()))
  const archived = named.filter(({ archived_at }) => archived_at)
  if (archived.length < ids.size) {
    const active = named.filter(({ archived_at }) => archived_at === null).length
    const notShown = ids.size - archived.length - active
    const evidence = `Of ${ids.size} configurations, ${archived.length} are archived, ${active} are active, ${notShown} are not shown as either.`
    return { isInPlace: false, evidence }
  }
  const times = quoteFirst(archived.map(({ id, archived_at }) => `${id} at ${archived_at}`))
  return {
    isInPlace: true,
    evidence: `All are archived: ${times}.`,
    body: { data: { customer_id: args.customer_id, [idsField]: requested } },
  }
}

const MAX_QUOTED = 10

/** The first values of a list, for one line of text. */
function quoteFirst(values: readonly unknown[]): string {
  return listFirst(values, MAX_QUOTED, quoteValue)
}

export interface Match {
  readonly state: ValueState
  /** Records that equal, or may equal, a requested configuration. */
  readonly candidates: readonly JsonObject[]
}

/**
 * Compares requested configurations with active records. Metronome shows numbers as strings, may add keys, and does not
 * promise to show every key that was set: a record that lacks one may or may not be the requested configuration.
 */
export function matchConfigurations(requested: readonly JsonObject[], records: readonly JsonObject[]): Match {
  const active = records.filter(({ archived_at }) => !archived_at)
  const compared = requested.map((item) => active.map((record) => compareValue(item, record)))
  const candidates = active.filter((_, index) => compared.some((row) => row[index] !== 'different'))
  if (candidates.length === 0 && requested.length > 0) return { state: 'different', candidates }
  const matched = assignRecords(
    compared.map((row) => row.flatMap((state, index) => (state === 'equal' ? [index] : []))),
  )
  if (!matched) return { state: 'not_shown', candidates }
  return { state: 'equal', candidates: matched.map((index) => asObject(active[index])) }
}

/** How a record shows what was asked for. */
export type ValueState = 'equal' | 'different' | 'not_shown'

// UUIDs, which Metronome may show in another case. Other ids are compared exactly.
const UUID_FIELDS = new Set(['customer_id', 'delivery_method_id'])

function compareValue(requested: unknown, recorded: unknown, key = ''): ValueState {
  if (recorded === undefined) return 'not_shown'
  if (isObject(requested)) {
    const record = asObject(recorded)
    const states = Object.entries(requested).map(([name, value]) => compareValue(value, readOwn(record, name), name))
    if (states.includes('different')) return 'different'
    return states.includes('not_shown') ? 'not_shown' : 'equal'
  }
  if (UUID_FIELDS.has(key) && sameId(requested, recorded)) return 'equal'
  const isEqual =
    typeof requested === 'number' ? String(requested) === String(recorded) : isDeepStrictEqual(requested, recorded)
  return isEqual ? 'equal' : 'different'
}

/** Gives each item one of its records, no record twice; `undefined` when that is impossible. Kuhn's algorithm. */
function assignRecords(choices: readonly (readonly number[])[]): number[] | undefined {
  const itemOf = new Map<number, number>()
  const assign = (item: number, tried: Set<number>): boolean =>
    (choices[item] ?? []).some((record) => {
      if (tried.has(record)) return false
      tried.add(record)
      const holder = itemOf.get(record)
      if (holder !== undefined && !assign(holder, tried)) return false
      itemOf.set(record, item)
      return true
    })
  const isComplete = choices.every((_, item) => assign(item, new Set()))
  if (!isComplete) return undefined
  return Array.from(itemOf)
    .sort(([, a], [, b]) => a - b)
    .map(([record]) => record)
}
