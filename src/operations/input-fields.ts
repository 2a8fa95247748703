import * as z from 'zod'
import { hasInvisible } from '../sanitize.ts'

/** Any RFC 4122 shape and case; Metronome itself decides whether the id exists. */
export const uuid = z.guid()

/** Compares UUIDs, which callers may write in either case. */
export function sameId(asked: unknown, shown: unknown): boolean {
  return String(asked).toLowerCase() === String(shown).toLowerCase()
}

export const customerId = uuid.describe('Customer UUID.')

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

/** A string that filters a list: an empty one would be dropped, and everything listed. */
export const filterText = z.string().refine((value) => value !== '', 'must not be empty; leave the field out instead')

/** RFC 3339 with `Z` or an offset. */
export function dateTime(description: string) {
  return z.iso.datetime({ offset: true }).describe(description)
}

/** A field whose keys Metronome documents without a schema: they are advertised, and nothing about them is enforced. */
export function openObject(documentedKeys: Readonly<Record<string, unknown>>) {
  return z.record(z.string(), z.unknown()).meta({ properties: documentedKeys })
}

/** A text of which Metronome documents some values: they are advertised, and any other is sent as well. */
export function openEnum(values: readonly string[]) {
  return z.string().meta({ enum: values })
}

export const MAX_KEY_CHARACTERS = 255
const KEY_RULE = `must have 1 to ${MAX_KEY_CHARACTERS} visible ASCII characters`

/** In the OpenAPI document. Importers put examples into requests, and one key for all writes would replay the first. */
export const EXAMPLE_KEY = '6f1c2a52-2a6f-4c0e-9b53-8c2f6f1f0a11'

/** An Idempotency-Key that a client sends itself. */
export const idempotencyKey = z
  .string()
  .refine((key) => /^[\x21-\x7e]+$/.test(key) && key.length <= MAX_KEY_CHARACTERS, KEY_RULE)
  .refine((key) => !/^<.*>$/.test(key) && key !== EXAMPLE_KEY, 'is a placeholder; leave it out instead')

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

/** White space around a text, or characters in it that are drawn as nothing: another id than it seems to be. */
export const isMisleading = (id: string): boolean => id !== id.trim() || hasInvisible(id)

export const MISLEADING = 'must not have white space around it or invisible characters inside'

const isCleanId = (id: string): boolean => !isMisleading(id)

export const ingestAliases = z.array(text(1, MAX_ALIAS_CHARACTERS)).max(MAX_ALIASES)

/** Aliases that no customer holds yet. */
export const newIngestAliases = z.array(text(1, MAX_ALIAS_CHARACTERS).refine(isCleanId, MISLEADING)).max(MAX_ALIASES)

export const newExternalId = text(1, MAX_ALIAS_CHARACTERS).refine(isCleanId, MISLEADING)

export const salesforceId = z.string().refine(isCleanId, MISLEADING)

/** Metronome silently cuts longer names, so the description says so; they are neither cut nor rejected here. */
export function customerName(description: string) {
  return z
    .string()
    .refine((value) => /[^\p{Z}\p{C}]/u.test(value), 'must have a visible character')
    .describe(`${description}; Metronome cuts it at ${MAX_NAME_CHARACTERS} characters.`)
}
