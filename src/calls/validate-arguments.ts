import { closestMatch } from 'leven'
import * as z from 'zod'
import { isObject, type JsonObject, type Operation } from '../operations/operation.ts'
import { type InputIssue, invalidArguments } from './errors.ts'

// Bounds that no real call comes near, so that no request can exhaust memory or block the process.
const MAX_DEPTH = 64
const MAX_VALUES = 20_000
const MAX_LIST_ITEMS = 2_000
/** More issues than these are not described. */
const MAX_ISSUES = 1_000

/** What some clients send where they mean null; none of them is a value that anybody wants to store. */
const PLACEHOLDERS = new Set(['', 'null', 'None', 'undefined'])

/** Fields that n8n adds to the arguments of every call. */
const N8N_FIELDS = new Set(['toolCallId', 'sessionId', 'action', 'chatInput', 'tool'])

/**
 * Checks the arguments of a call and returns them in their own key order. Tolerates what clients send and their users
 * cannot change: `null` for an optional field counts as absent, JSON text is parsed where an object or array belongs.
 * `found` are issues that the adapter has found already. Throws a `CallError` with every invalid field.
 */
export function validateArguments(
  op: Pick<Operation, 'tool' | 'input'>,
  raw: unknown,
  found: readonly InputIssue[] = [],
): JsonObject {
  const input: InputState = { issues: [...found], values: 0 }
  const args = normalize(raw ?? {}, op.input, [], input)
  if (input.issues.length > found.length) throw invalidArguments(op.tool, input.issues)
  const { success, error } = op.input.safeParse(args, { reportInput: true })
  if (success && found.length === 0 && isObject(args)) return args
  const invalid = error?.issues.slice(0, MAX_ISSUES).flatMap((issue) => describeIssue(issue, op.input)) ?? []
  throw invalidArguments(op.tool, [...found, ...invalid])
}

interface InputState {
  readonly issues: InputIssue[]
  /** Values seen so far. */
  values: number
}

type Schema = z.core.$ZodType | undefined

function normalize(value: unknown, schema: Schema, path: readonly PropertyKey[], input: InputState): unknown {
  const type = schema && unwrap(schema)
  const parsed = typeof value === 'string' && isContainer(type) ? parseContainer(value) : value
  const report = (message: string, at = path): void => {
    if (input.issues.length < MAX_ISSUES) input.issues.push({ path: formatPath(at), message })
  }
  input.values += 1
  if (input.values === MAX_VALUES + 1) report(`hold more than ${MAX_VALUES} values`, [])
  if (input.values > MAX_VALUES) return undefined
  if (path.length > MAX_DEPTH) {
    report(`is nested deeper than ${MAX_DEPTH} levels`, path.slice(0, 3))
    return undefined
  }
  const loss = describeLoss(parsed)
  if (loss) report(loss)
  if (Array.isArray(parsed)) {
    if (parsed.length > MAX_LIST_ITEMS) {
      report(`has more than ${MAX_LIST_ITEMS} items`)
      return undefined
    }
    return parsed.map((item, index) => {
      if (isPlaceholder(item, childSchema(type, index))) report(`must not be ${JSON.stringify(item)}`, [...path, index])
      return normalize(item, childSchema(type, index), [...path, index], input)
    })
  }
  if (!isObject(parsed)) return parsed

  const entries: [string, unknown][] = []
  for (const [key, item] of Object.entries(parsed)) {
    if (input.values > MAX_VALUES) break
    const field = childSchema(type, key)
    const at = [...path, key]
    if (path.length === 0 && !field && N8N_FIELDS.has(key)) continue
    if (item === null && isOptional(field) && !isNullable(field)) continue
    if (isOptional(field) && isPlaceholder(item, field))
      report(`must not be ${JSON.stringify(item)}; ${instead(field)}`, at)
    const keyLoss = describeLoss(key)
    if (keyLoss) report(keyLoss, at)
    // zod skips this key in open objects, so it would be sent unchecked.
    if (key === '__proto__') report('is not allowed as a field name', at)
    entries.push([key, normalize(item, field, at, input)])
  }
  return Object.fromEntries(entries)
}

function instead(field: Schema): string {
  return isNullable(field) ? 'use null to clear it, or leave the field out' : 'leave the field out instead'
}

/** Whether a text is in the place of a null. */
function isPlaceholder(value: unknown, schema: Schema): boolean {
  return (
    typeof value === 'string' &&
    PLACEHOLDERS.has(value) &&
    schema !== undefined &&
    unwrap(schema) instanceof z.ZodString
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

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? unwrap(schema.unwrap()) : schema
}

const isOptional = (schema: Schema): boolean => schema instanceof z.ZodOptional

function isNullable(schema: Schema): boolean {
  return schema instanceof z.ZodNullable || (schema instanceof z.ZodOptional && isNullable(schema.unwrap()))
}

function isContainer(schema: Schema): boolean {
  return schema instanceof z.ZodObject || schema instanceof z.ZodArray || schema instanceof z.ZodRecord
}

function childSchema(schema: Schema, key: PropertyKey): Schema {
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
    (schema, key) => childSchema(schema && unwrap(schema), key),
    root,
  )
  const inner = owner && unwrap(owner)
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
