import * as z from 'zod'
import { childSchema, plainType, type Schema } from './json.ts'

type Code = z.core.$ZodIssueCode
type Issue<C extends Code = Code> = Extract<z.core.$ZodIssue, { readonly code: C }>

/**
 * What is wrong with a value that does not fit its schema, in words of ours, to be read after the value's path. The issue
 * needs its input (`reportInput`).
 */
export function describeIssue(issue: z.core.$ZodIssue, root: Schema): string {
  // Each function of the table takes the kind of its own row.
  const describe = SENTENCES[issue.code] as (issue: z.core.$ZodIssue, type: Schema) => string
  const type = plainType(issue.path.reduce(childSchema, root))
  if (issue.code === 'custom') return describe(issue, type)
  if (issue.input !== undefined) return describe(issue, type)
  // The values are not known to those who leave the field out.
  return issue.code === 'invalid_value' ? `is required and ${describe(issue, type)}` : 'is required'
}

/** Every kind of issue that zod has, since zod's own words are no sentences. */
export const SENTENCES: { readonly [C in Code]: (issue: Issue<C>, type: Schema) => string } = {
  invalid_type: ({ expected, input }, type) =>
    findFormat(type)?.(input) ?? `must be ${TYPES[expected] ?? `of type ${expected}`}${describeGiven(input)}`,
  too_big: ({ maximum, origin }, type) => describeRange(type, origin, { maximum }),
  too_small: ({ minimum, origin }, type) => describeRange(type, origin, { minimum }),
  invalid_format: ({ format, input }) => FORMATS[format]?.(input) ?? `must be a valid ${format}`,
  not_multiple_of: ({ divisor }) => `must be a multiple of ${divisor}`,
  unrecognized_keys: ({ keys }) => `has unknown fields: ${keys.join(', ')}`,
  invalid_union: () => 'has none of the forms that are allowed here',
  invalid_key: () => 'has a field name that is not allowed',
  invalid_element: () => 'has an item that is not allowed',
  invalid_value: ({ values }) => `must be ${values.length === 1 ? '' : 'one of '}${values.map(quote).join(', ')}`,
  // Its words are those of the rule in our own schema.
  custom: ({ message }) => message,
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}

function describeGiven(input: unknown): string {
  if (input === null) return ', not null'
  const type = Array.isArray(input) ? 'array' : typeof input
  const isFraction = typeof input === 'number' && !Number.isInteger(input)
  return isFraction || !TYPES[type] ? '' : `, not ${TYPES[type]}`
}

/** Names both limits where the type has both. */
function describeRange(type: Schema, origin: string, broken: { minimum?: unknown; maximum?: unknown }): string {
  const limits: z.core.JSONSchema.BaseSchema = type ? z.toJSONSchema(type, { unrepresentable: 'any' }) : {}
  const least = broken.minimum ?? limits.minimum ?? limits.minItems ?? limits.minLength
  const most = broken.maximum ?? limits.maximum ?? limits.maxItems ?? limits.maxLength
  if (origin === 'number' || origin === 'int') return `must be ${joinLimits(least, most, 'from ')}`
  if (least === 1 && most === undefined) return 'must not be empty'
  return `must have ${joinLimits(least, most, '')} ${origin === 'string' ? 'characters' : 'items'}`
}

function joinLimits(least: unknown, most: unknown, from: string): string {
  if (least === undefined) return `at most ${most}`
  return most === undefined ? `at least ${least}` : `${from}${least} to ${most}`
}

/** A text of a certain form is described by its form, whatever was given. */
function findFormat(type: Schema): ((input: unknown) => string) | undefined {
  return type instanceof z.ZodStringFormat ? FORMATS[type._zod.def.format] : undefined
}

const UUID = /[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}/i

const FORMATS: Readonly<Record<string, (input: unknown) => string>> = {
  guid: (input) => `must be a UUID such as d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc${describeIdProblem(input)}`,
  datetime: () => 'must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z',
}

function describeIdProblem(id: unknown): string {
  if (typeof id !== 'string') return ''
  if (UUID.test(id)) return ', with nothing before or after it'
  return /^[0-9a-f]{32}$/i.test(id) ? ', with its hyphens' : ''
}

const quote = (value: unknown): string => JSON.stringify(value)
