import type { JsonObject, Operation } from '../operation/define.ts'
import { asObjects } from '../operation/json.ts'
import type { ConflictRules, Read } from '../operation/write.ts'
import { quoteForeign } from '../text.ts'
import { sameId } from './fields.ts'

// A write may claim thousands of aliases; the first ones are looked up.
const MAX_LOOKED_UP = 5

/** What to do about an alias that another customer holds. */
export const WAY_OUT =
  'Use that customer or another alias; to move the alias, remove it there first. Whether an archived customer gives one up is not documented.'

/** A value of a record or an argument, for one line of text. */
export const quote = (value: unknown): string => quoteForeign(JSON.stringify(value))

/** Aliases that create-customer claims; `external_id` is an older name for one. */
export function claimedAliases({ ingest_aliases, external_id }: JsonObject): string[] {
  const aliases = Array.isArray(ingest_aliases) ? ingest_aliases.map(String) : []
  return typeof external_id === 'string' ? [...aliases, external_id] : aliases
}

/** The two reads that find an alias' holder: the active customers, then the archived ones. */
export function holderReads(listCustomers: Operation, alias: string): readonly Read[] {
  return [
    { op: listCustomers, args: { ingest_alias: alias } },
    { op: listCustomers, args: { ingest_alias: alias, only_archived: true } },
  ]
}

/** The customer among the lists' answers that has the alias. */
export function findHolder(answers: readonly JsonObject[], alias: string): JsonObject | undefined {
  return answers
    .flatMap(({ data }) => asObjects(data))
    .find(({ ingest_aliases }) => Array.isArray(ingest_aliases) && ingest_aliases.includes(alias))
}

/** Names the customers that hold the aliases which a write wanted; `compare` says more about each. */
export function conflictOverAliases(
  listCustomers: Operation,
  compare?: (args: JsonObject, holder: JsonObject) => string,
): ConflictRules {
  return {
    reads: (args, { conflicting_value }) => {
      const wanted = claimedAliases(args)
      const named = wanted.filter((alias) => alias === conflicting_value)
      const lookedUp = named.length > 0 ? named : wanted.slice(0, MAX_LOOKED_UP)
      return lookedUp.flatMap((alias) => holderReads(listCustomers, alias))
    },
    explain: (args, answers) => {
      const others = answers.flatMap(({ data }) => asObjects(data)).filter(({ id }) => !sameId(id, args.customer_id))
      const holders = new Map(others.map((holder) => [holder.id, holder]))
      const sentences = Array.from(holders.values(), (holder) => {
        const state = holder.archived_at ? 'archived' : 'active'
        const more = compare ? `: ${compare(args, holder)}` : ''
        return `Customer ${quote(holder.id)} (${state}, name ${quote(holder.name)}) holds ${quote(holder.ingest_aliases)}${more}.`
      })
      return sentences.length > 0 ? [...sentences, WAY_OUT].join(' ') : ''
    },
  }
}
