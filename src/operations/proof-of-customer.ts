import { isDeepStrictEqual } from 'node:util'
import type { JsonObject, Operation } from '../operation/define.ts'
import { asObject } from '../operation/json.ts'
import type { CallStart, Finding, WriteRules } from '../operation/write.ts'
import { claimedAliases, conflictOverAliases, findHolder, holderReads, quote, WAY_OUT } from './alias-holders.ts'
import { MAX_NAME_CHARACTERS } from './fields.ts'

/** Fields of create-customer's arguments that the record shows otherwise, each as a phrase. */
function differences(args: JsonObject, record: JsonObject): string[] {
  const differing: string[] = []
  if (!sameName(args.name, record.name)) differing.push(`its name is ${quote(record.name)}`)
  const aliases = claimedAliases(args)
  if (!sameSet(aliases, record.ingest_aliases)) differing.push(`its aliases are ${quote(record.ingest_aliases)}`)
  if (!isDeepStrictEqual(args.custom_fields ?? {}, record.custom_fields ?? {}))
    differing.push('its custom fields differ')
  if (record.archived_at) differing.push(`it is archived since ${quote(record.archived_at)}`)
  return differing
}

/** A created customer is found by its first alias, which no other customer can have. */
export function proofOfCreation(listCustomers: Operation): WriteRules {
  return {
    aliases: claimedAliases,
    conflict: conflictOverAliases(listCustomers, (args, holder) => {
      const differing = differences(args, holder)
      return differing.length > 0 ? differing.join('; ') : 'it is what was asked for, so go on with its id'
    }),
    reads: (args) =>
      claimedAliases(args)
        .slice(0, 1)
        .flatMap((alias) => holderReads(listCustomers, alias)),
    judge: (args, answers, start) => judgeCreation(args, answers, start),
    lookUp: (args) =>
      claimedAliases(args).length > 0
        ? `Look for it with list-customers and ingest_alias, active and archived; a repeated create with the same alias makes no second customer.`
        : `Look through list-customers for its name before you create it again: without an ingest alias nothing prevents a second customer.`,
  }
}

function judgeCreation(args: JsonObject, answers: readonly JsonObject[], start: CallStart): Finding {
  const [alias] = claimedAliases(args)
  if (alias === undefined) return { kind: 'undecided', saw: '' }
  const holder = findHolder(answers, alias)
  if (!holder) return { kind: 'absent', saw: `No customer has the alias ${quote(alias)} now.` }
  const isOlder = start.isBefore(holder.created_at)
  const differing = differences(args, holder)
  const saw = `Customer ${holder.id} has the alias ${quote(alias)}, created ${holder.created_at}`
  if (differing.length > 0) {
    const finding = `${saw}; ${differing.join('; ')}.`
    return { kind: isOlder ? 'impossible' : 'undecided', saw: isOlder ? `${finding} ${WAY_OUT}` : finding }
  }
  const isOurs = isOlder === false && !start.hasTwin
  if (!isOurs)
    return { kind: 'undecided', saw: `${saw}; it equals what was asked for, but may be older than this call.` }
  return { kind: 'done', saw: `${saw}, as asked for.`, body: { data: holder } }
}

/** For writes that overwrite a customer: they are in place when get-customer shows the values asked for. */
export function proofByState(
  getCustomer: Operation,
  isInPlace: (args: JsonObject, record: JsonObject) => boolean,
  answer: (args: JsonObject, record: JsonObject) => JsonObject,
): WriteRules {
  return {
    reads: ({ customer_id }) => [{ op: getCustomer, args: { customer_id } }],
    judge: (args, [reply]) => {
      const record = asObject(reply?.data)
      if (isInPlace(args, record)) return { kind: 'done', saw: 'get-customer shows it.', body: answer(args, record) }
      return { kind: 'undecided', saw: 'get-customer does not show it.' }
    },
    lookUp: ({ customer_id }) =>
      `Look at the customer with get-customer ${JSON.stringify({ customer_id })}; the same call again undoes only what was changed since.`,
  }
}

/** Archiving cannot be undone: the time stamp tells. */
export function proofOfArchiving(getCustomer: Operation): WriteRules {
  return {
    reads: ({ id }) => [{ op: getCustomer, args: { customer_id: id } }],
    judge: ({ id }, [reply]) => {
      const { archived_at } = asObject(reply?.data)
      if (archived_at)
        return { kind: 'done', saw: `get-customer shows archived_at ${archived_at}.`, body: { data: { id } } }
      return { kind: 'absent', saw: 'get-customer shows it active now.' }
    },
    lookUp: ({ id }) =>
      `Look at archived_at with get-customer ${JSON.stringify({ customer_id: id })} before you repeat it.`,
  }
}

export function sameName(asked: unknown, shown: unknown): boolean {
  if (typeof asked !== 'string' || typeof shown !== 'string') return false
  // Whether Metronome counts characters or UTF-16 units when it cuts a name is not documented.
  const isCut = shown.length === MAX_NAME_CHARACTERS || Array.from(shown).length === MAX_NAME_CHARACTERS
  return asked === shown || (isCut && asked.startsWith(shown))
}

export function sameSet(asked: unknown, shown: unknown): boolean {
  return Array.isArray(asked) && Array.isArray(shown) && isDeepStrictEqual(new Set(asked), new Set(shown))
}
