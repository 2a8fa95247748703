import { closestMatch } from 'leven'
import * as z from 'zod'
import type { JsonObject, Operation } from './define.ts'
import { InputError, type InputIssue } from './input-error.ts'

const MAX_DEPTH = 64

/**
 * Checks what a caller sent for `op` and returns it unchanged, but for objects and arrays that came as JSON text.
 * Throws {@link InputError} with every field that failed.
 */
export function parseArguments(op: Operation, raw: unknown): JsonObject {
  const checked = checkArguments(op, raw)
  if ('issues' in checked) throw new InputError(op.tool, checked.issues)
  return checked.args
}

/** The same, for callers who have found issues of their own. */
export function checkArguments(op: Operation, raw: unknown): { args: JsonObject } | { issues: readonly InputIssue[] } {
  const issues: InputIssue[] = []
  const unwrapped = unwrap(raw ?? {}, op.input, [], issues)
  if (issues.length > 0) return { issues }
  const parsed = op.input.safeParse(unwrapped, { reportInput: true })
  // What was checked is sent as it came: zod would sort its keys.
  if (parsed.success) return { args: unwrapped as JsonObject } // the schema is an object, and it matched
  return { issues: parsed.error.issues.flatMap((issue) => describeIssue(issue, op.input)) }
}

/** Some clients send nested objects and arrays as JSON text. Only where the schema wants one is it read as such. */
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
      // zod passes over this key in open objects, so it would be sent unchecked.
      if (key === '__proto__') issues.push({ path: formatPath(at), message: 'is not allowed as a field name' })
      return [key, unwrap(item, childSchema(inner, key), at, issues)]
    }),
  )
}

/** What is wrong with a value that would not arrive as it was given. */
function describeLoss(value: unknown): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : 'must be well-formed Unicode'
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return undefined
  // Infinity is what JSON text such as 1e400 turns into; it would be sent as null.
  const exact = Number.isFinite(value) && !Number.isInteger(value)
  return exact ? undefined : 'is too large to keep its digits; send it as a string'
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
  return nearest ? `is not a known field (nearest: ${nearest})` : `is not a known field (known: ${known.join(', ')})`
}

/** Part of a name is nearer than a name that needs more than half of its letters changed. */
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
