import type { JsonObject, Operation } from '../operation/define.ts'
import { asObject, asObjects } from '../operation/json.ts'
import type { Finding, WriteRules } from '../operation/write.ts'
import { sameId } from './fields.ts'

// One request may name many customers; more than these are not read back.
const MAX_CUSTOMERS = 5

/** Configurations are added: one that equals what was asked for may have been there before, so it proves nothing. */
export function proofOfAddition(
  fetchConfigurations: Operation,
  providerField: 'billing_provider' | 'provider',
): WriteRules {
  const customers = (args: JsonObject) => Array.from(new Set(wantedBy(args).map(({ customer_id }) => customer_id)))
  return {
    reads: (args) =>
      customers(args).length <= MAX_CUSTOMERS
        ? customers(args).map((customer_id) => ({
            op: fetchConfigurations,
            args: { customer_id, include_archived: true },
          }))
        : [],
    judge: (args, answers) => {
      const present = answers.flatMap(({ data }) => asObjects(data))
      const alike = present.filter((shown) => wantedBy(args).some((wanted) => isAlike(wanted, shown, providerField)))
      if (alike.length === 0) return { kind: 'absent', saw: 'No such configuration is there now.' }
      const ids = alike.map(({ id }) => id).join(', ')
      return { kind: 'undecided', saw: `There is one like it, from this call or from before: ${ids}.` }
    },
    lookUp: (args) =>
      `Look with ${fetchConfigurations.tool} for customer ${customers(args).slice(0, MAX_CUSTOMERS).join(', ')} before you add it again: a second call adds a second one.`,
  }
}

/** Archived configurations stay readable, with the time of archiving. */
export function proofOfRemoval(fetchConfigurations: Operation, idsField: string): WriteRules {
  return {
    reads: ({ customer_id }) => [{ op: fetchConfigurations, args: { customer_id, include_archived: true } }],
    judge: (args, [reply]) => judgeRemoval(args, asObjects(reply?.data), idsField),
    lookUp: ({ customer_id }) =>
      `Look at archived_at with ${fetchConfigurations.tool} ${JSON.stringify({ customer_id, include_archived: true })} before you repeat it.`,
  }
}

function judgeRemoval(args: JsonObject, present: readonly JsonObject[], idsField: string): Finding {
  const asked = args[idsField] as string[] // the arguments have passed their check
  const ids = new Set(asked.map((id) => id.toLowerCase()))
  const named = present.filter(({ id }) => ids.has(String(id).toLowerCase()))
  const archived = named.filter(({ archived_at }) => archived_at)
  if (ids.size > 0 && archived.length === ids.size) {
    const body = { data: { customer_id: args.customer_id, [idsField]: asked } }
    return {
      kind: 'done',
      saw: `All are archived: ${archived.map(({ id, archived_at }) => `${id} at ${archived_at}`).join(', ')}.`,
      body,
    }
  }
  if (named.length === ids.size && archived.length === 0)
    return { kind: 'absent', saw: 'None of them is archived now.' }
  return { kind: 'undecided', saw: `${archived.length} of ${ids.size} are archived now.` }
}

const wantedBy = ({ data }: JsonObject): JsonObject[] => asObjects(data)

/**
 * The same provider, and no key shown with another value than was asked for. Metronome shows numbers as strings, may add
 * keys, and nowhere promises to show all of them.
 */
function isAlike(wanted: JsonObject, shown: JsonObject, providerField: string): boolean {
  if (!sameId(wanted.customer_id, shown.customer_id) || wanted[providerField] !== shown[providerField]) return false
  const configuration = asObject(shown.configuration)
  return Object.entries(asObject(wanted.configuration)).every(
    ([key, value]) => configuration[key] === undefined || String(configuration[key]) === String(value),
  )
}
