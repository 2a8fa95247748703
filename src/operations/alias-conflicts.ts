import { quoteValue } from '../sanitize.ts'
import { sameId } from './input-fields.ts'
import { asObjects, type JsonObject } from './json.ts'
import type { Read, ReadOperation } from './operation.ts'

// A write may ask for thousands of aliases; the first ones are looked up.
const MAX_LOOKED_UP = 5
/** Of each list of holders. */
const MAX_PAGES = 3
/** Holders that are named; Metronome has one for an alias, and one archived. */
const MAX_NAMED = 10

/** Aliases that create-customer asks for; `external_id` is an older name for one. */
export function requestedAliases({ ingest_aliases, external_id }: JsonObject): string[] {
  const aliases = Array.isArray(ingest_aliases) ? ingest_aliases.map(String) : []
  return typeof external_id === 'string' ? [...aliases, external_id] : aliases
}

/** Finds the holders of these aliases, active and archived: the list shows either, never both. */
export function holderReads(listCustomers: ReadOperation, aliases: readonly string[]): Read[] {
  return aliases.flatMap((alias) => [
    { op: listCustomers, args: { ingest_alias: alias }, maxPages: MAX_PAGES },
    { op: listCustomers, args: { ingest_alias: alias, only_archived: true }, maxPages: MAX_PAGES },
  ])
}

/** The alias that a 409 names, or else the first ones that were asked for. */
export function conflictingAliases(args: JsonObject, { conflicting_value }: JsonObject): string[] {
  const aliases = requestedAliases(args)
  const named = aliases.filter((alias) => alias === conflicting_value)
  return (named.length > 0 ? named : aliases).slice(0, MAX_LOOKED_UP)
}

/** That no holder was found, as far as was looked. */
export function describeNoHolder(lists: readonly JsonObject[], requested: number): string {
  const lookedUp = lists.length / 2
  if (lists.some(({ next_page }) => next_page))
    return `No customer that holds the requested alias was found in the first ${MAX_PAGES} pages.`
  if (lookedUp < requested)
    return `Of the ${requested} requested aliases, ${lookedUp} were looked up, and no customer holds these.`
  return 'No customer holds the requested alias.'
}

/** The customers in `lists` that hold one of the aliases, each once. */
export function findHolders(lists: readonly JsonObject[], aliases: readonly string[]): JsonObject[] {
  const holders = lists
    .flatMap(({ data }) => asObjects(data))
    .filter((record) => aliases.some((alias) => requestedAliases(record).includes(alias)))
  return Array.from(new Map(holders.map((holder) => [holder.id, holder])).values())
}

/** Names other customers that hold the aliases, and what to do about it; empty when there is none. */
export function describeOtherHolders(holders: readonly JsonObject[], customerId: unknown): string {
  const others = holders.filter(({ id }) => !sameId(id, customerId))
  const sentences = others
    .slice(0, MAX_NAMED)
    .map(
      (holder) =>
        `Customer ${quoteValue(holder.id)} (${describeState(holder)}, name ${quoteValue(holder.name)}) holds ${quoteValue(holder.ingest_aliases)}.`,
    )
  if (others.length > MAX_NAMED) sentences.push(`So do ${others.length - MAX_NAMED} more.`)
  const advice = others.map(adviseOnHolder)
  return [...sentences, ...new Set(advice)].join(' ')
}

/** Since when the customer exists, and whether it is archived. */
export function describeState({ archived_at, created_at }: JsonObject): string {
  const state = archived_at ? `archived_at ${quoteValue(archived_at)}` : 'active'
  return created_at === undefined ? state : `${state}, created_at ${quoteValue(created_at)}`
}

/** What to do about an alias that the customer holds. */
export function adviseOnHolder({ archived_at }: JsonObject): string {
  return archived_at
    ? 'An archived customer cannot be used; choose another alias.'
    : 'Use that customer or another alias; to move the alias, remove it from that customer first.'
}
