import { closestMatch } from 'leven'
import * as z from 'zod'
import type { JsonObject, Operation } from '../operations/operation.ts'
import { type InputIssue, invalidArguments } from './errors.ts'

const MAX_DEPTH = 64

/**
 * Checks the arguments of a call and returns them unchanged, except for objects and arrays that came as JSON text.
 * `found` are issues that the adapter has found already. Throws a `CallError` with every invalid field.
 */
export function validateArguments(op: Operation, raw: unknown, found: readonly InputIssue[] = []): JsonObject {
  const issues = [...found]
  const args = unwrap(raw ?? {}, op.input, [], issues)
  if (issues.length > found.length) throw invalidArguments(op.tool, issues)
  const { success, error } = op.input.safeParse(args, { reportInput: true })
  if (success && issues.length === 0) return args as JsonObject // an object, since it matched; sent in its own key order
  const invalid = error?.issues.flatMap((issue) => describeIssue(issue, op.input)) ?? []
  throw invalidArguments(op.tool, [...issues, ...invalid])
}

/** Some clients send nested objects and arrays as JSON text, which is parsed where the schema has an object or array. */
function unwrap(
  value: unknown,
  schema: z.core.$ZodType | undefined,
  path: PropertyKey[],
  issues: InputIssue[],
): unknown {
  const inner = schema && stripOptional(schema)
  const parsed = typeof value === 'string' && isContainer(inner) ? parseContainer(value) : value
  if (path.length > MAX_DEPTH) {
    issues.push({ path: formatPath(path.slice(0, 3)), message: `is nested deeper than ${MAX_DEPTH} levels` })
    return undefined
  }
  const loss = describeLoss(parsed)
  if (loss) issues.push({ path: formatPath(path), message: loss })
  if (Array.isArray(parsed))
    return parsed.map((item, index) => unwrap(item, childSchema(inner, index), [...path, index], issues))
  if (typeof parsed !== 'object' || parsed === null) return parsed
  return Object.fromEntries(
    Object.entries(parsed).map(([key, item]) => {
      const at = [...path, key]
      const keyLoss = describeLoss(key)
      if (keyLoss) issues.push({ path: formatPath(at), message: keyLoss })
      // zod skips this key in open objects, so it would be sent unchecked.
      if (key === '__proto__') issues.push({ path: formatPath(at), message: 'is not allowed as a field name' })
      return [key, unwrap(item, childSchema(inner, key), at, issues)]
    }),
  )
}

/** Why a value would not arrive as it was given. */
function describeLoss(value: unknown): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'must be well-formed Unicode'
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return undefined
  // JSON text such as 1e400 is parsed as Infinity, which would be sent as null.
  const exact = Number.isFinite(value) && !Number.isInteger(value)
  return exact ? undefined : 'exceeds the range of exact numbers; send it as a string'
}

function parseContainer(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function stripOptional(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? stripOptional(schema.unwrap()) : schema
}

function isContainer(schema: z.core.$ZodType | undefined): boolean {
  return schema instanceof z.ZodObject || schema instanceof z.ZodArray || schema instanceof z.ZodRecord
}

function childSchema(schema: z.core.$ZodType | undefined, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodArray) return schema.element
  if (schema instanceof z.ZodObject && typeof key === 'string' && Object.hasOwn(schema.shape, key))
    return schema.shape[key]
  return schema instanceof z.ZodRecord ? schema.valueType : undefined
}

function describeIssue(issue: z.core.$ZodIssue, root: z.ZodObject): InputIssue[] {
  if (issue.code !== 'unrecognized_keys') {
    const missing = issue.input === undefined && issue.path.length > 0
    return [{ path: formatPath(issue.path), message: missing ? 'is required' : lowerFirst(issue.message) }]
  }
  const owner = issue.path.reduce<z.core.$ZodType | undefined>(
    (schema, key) => childSchema(schema && stripOptional(schema), key),
    root,
  )
  const inner = owner && stripOptional(owner)
  const known = inner instanceof z.ZodObject ? Object.keys(inner.shape) : []
  return issue.keys.map((key) => ({ path: formatPath([...issue.path, key]), message: unknownField(key, known) }))
}

function unknownField(key: string, known: string[]): string {
  const nearest = findNearest(key.slice(0, 64), known)
  return nearest
    ? `is not a known field (did you mean ${nearest}?)`
    : `is not a known field (known: ${known.join(', ')})`
}

/** A name that contains the key, or the other way round, comes before one that differs in up to half of its letters. */
function findNearest(key: string, known: string[]): string | undefined {
  const whole = known.find((name) => key.length > 2 && name.includes(key)) ?? known.find((name) => key.includes(name))
  return whole ?? closestMatch(key, known, { maxDistance: Math.ceil(key.length / 2) })
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text ? `${text}.${String(key)}` : String(key)
  }, '')
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1)
