import * as z from 'zod'

const UUID_RULE = 'must be a UUID such as d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'

/** Any RFC 4122 shape and case; Metronome itself decides whether the id exists. */
export const uuid = z.guid(UUID_RULE)

/** Compares UUIDs, which callers may write in either case. */
export function sameId(asked: unknown, shown: unknown): boolean {
  return String(asked).toLowerCase() === String(shown).toLowerCase()
}

/** A description that says no more than the name: for documentation, not for models, where each costs tokens. */
export function selfExplanatory(description: string) {
  return { description, isSelfExplanatory: true }
}

export const customerId = uuid.meta(selfExplanatory('Id of the customer.'))

// The contract counts characters as JSON Schema does, in code points; zod counts UTF-16 units.
const countCharacters = (text: string): number => Array.from(text).length

/** A string of `min` to `max` characters. */
export function text(min: number, max: number) {
  const rule = `must have ${min} to ${max} characters`
  return z
    .string()
    .refine((value) => countCharacters(value) >= min && countCharacters(value) <= max, rule)
    .meta({ minLength: min, maxLength: max })
}

/** A string for the query, where an empty one would be dropped. */
export const queryText = z.string().refine((value) => value !== '', 'must not be empty; leave the field out instead')

/** RFC 3339 with `Z` or an offset. */
export function dateTime(description: string) {
  return z.iso
    .datetime({ offset: true, error: 'must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z' })
    .describe(description)
}

/** An object whose keys depend on the provider; Metronome publishes no schema for it. */
export function openObject(description: string) {
  return z.record(z.string(), z.unknown()).describe(description)
}

export const MAX_KEY_CHARACTERS = 255
const KEY_RULE = `must have 1 to ${MAX_KEY_CHARACTERS} visible ASCII characters`

/** An Idempotency-Key that a client sends itself. */
export const idempotencyKey = z
  .string()
  .refine((key) => /^[\x21-\x7e]+$/.test(key) && key.length <= MAX_KEY_CHARACTERS, KEY_RULE)
  .refine((key) => !/^<.*>$/.test(key), 'is a placeholder; leave it out instead')

/** The argument through which a client that sends no headers retries a call; it is sent as the header. */
export const KEY_ARGUMENT = 'idempotency_key'

/** The input of an operation that adds records, with the key of a call whose outcome is unknown. */
export function withKeyArgument(input: z.ZodObject): z.ZodObject {
  return input.extend({
    [KEY_ARGUMENT]: idempotencyKey
      .optional()
      .describe('Only to retry a call of this tool that ended in unknown, with the key that its error named.'),
  })
}

const MAX_ALIASES = 2000
const MAX_ALIAS_CHARACTERS = 128
export const MAX_NAME_CHARACTERS = 160

export const ingestAliases = z.array(text(1, MAX_ALIAS_CHARACTERS)).max(MAX_ALIASES)

/** Metronome silently cuts longer names, so the description says so; they are neither cut nor rejected here. */
export function customerName(description: string) {
  return z
    .string()
    .refine((value) => /[^\p{Z}\p{C}]/u.test(value), 'must have a visible character')
    .describe(`${description}; Metronome cuts it at ${MAX_NAME_CHARACTERS} characters.`)
}
