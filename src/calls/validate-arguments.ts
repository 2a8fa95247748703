import { createHash } from 'node:crypto'
import { closestMatch } from 'leven'
import * as z from 'zod'
import { describeIssue } from '../operations/describe-issue.ts'
import {
  childSchema,
  isNullable,
  isObject,
  isOptional,
  type JsonObject,
  MAX_VALUES,
  parseExactJson,
  plainType,
  readText,
  type Schema,
  tryParse,
} from '../operations/json.ts'
import type { Operation, Read, WriteOperation } from '../operations/operation.ts'
import { CallError, type InputIssue, invalidArguments } from './errors.ts'

// Bounds that no real call comes near, so that no request can exhaust memory or block the process.
const MAX_DEPTH = 64
const MAX_LIST_ITEMS = 2_000
const MAX_CHARACTERS = 10_000
/** More issues than these are not described. */
const MAX_ISSUES = 1_000

/** What some clients send where they mean null; none of them is a value that anybody wants to store. */
const PLACEHOLDERS = new Set(['', 'null', 'None', 'undefined'])

/** Fields that n8n adds to the arguments of every call. */
const N8N_FIELDS = new Set(['toolCallId', 'sessionId', 'action', 'chatInput', 'tool'])

/** What a call's arguments are checked against. */
export type ToolInput = Pick<Operation, 'tool' | 'input' | 'argumentRules'>

/** A client with an Idempotency-Key of its own gives it as part of the request; only others have an argument for it. */
export function inputOf(op: Operation, hasOwnKey: boolean): ToolInput {
  const { tool, argumentRules } = op
  const keyedInput = op.kind === 'write' && !hasOwnKey ? op.keyedInput : undefined
  return { tool, argumentRules, input: keyedInput ?? op.input }
}

/**
 * Checks the arguments of a call and returns them in their own key order, as Metronome takes them. Tolerates what clients
 * send and their users cannot change: `null` for an optional field counts as absent, JSON text is parsed where an object or
 * array belongs, and a value of the wrong type is read where it can mean one thing only.
 * `found` are issues that the adapter has found already. Throws a `CallError` with every invalid field.
 */
export function validateArguments(op: ToolInput, raw: unknown, found: readonly InputIssue[] = []): JsonObject {
  const input: InputState = { issues: [...found], values: 0 }
  const args = normalize(raw ?? {}, op.input, [], input)
  if (input.issues.length > found.length) throw invalidArguments(op.tool, input.issues)
  const { success, error } = op.input.safeParse(args, { reportInput: true })
  if (success && found.length === 0 && isObject(args)) return op.argumentRules?.translate?.(args) ?? args
  const invalid = error?.issues.slice(0, MAX_ISSUES).flatMap((issue) => toInputIssues(issue, op)) ?? []
  throw invalidArguments(op.tool, [...found, ...invalid])
}

/** A SHA-256 in base64url, the same for equal arguments or records, whatever the order of their keys. */
export function digestJson(value: unknown): string {
  const sortKeys = (_: string, item: unknown) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).sort()) : item
  return createHash('sha256')
    .update(JSON.stringify(value, sortKeys) ?? '')
    .digest('base64url')
}

/** Checks unusual arguments of a write against a record. Throws a `CallError`; then nothing has been sent. */
export async function checkPrecondition(
  { tool, precondition }: WriteOperation,
  args: JsonObject,
  read: (read: Read) => Promise<JsonObject>,
): Promise<void> {
  const needed = precondition?.read(args)
  if (!precondition || !needed) return
  const body = await read(needed).catch((error: unknown) => {
    if (!(error instanceof CallError)) throw error
    const message = `${tool}: ${precondition.reason}, and that cannot be read; nothing was sent. ${error.message}`
    throw new CallError(error.code, message, { ...error, cause: error })
  })
  const issues = precondition.findIssues(args, body)
  if (issues.length > 0) throw invalidArguments(tool, issues)
}

interface InputState {
  readonly issues: InputIssue[]
  /** Values seen so far. */
  values: number
}

function normalize(value: unknown, schema: Schema, path: readonly PropertyKey[], input: InputState): unknown {
  const type = plainType(schema)
  const meant = readMeaning(value, type)
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
  const flaw = findFlaw(meant, path)
  if (flaw) report(flaw)
  if (Array.isArray(meant)) {
    if (meant.length > MAX_LIST_ITEMS) {
      report(`has more than ${MAX_LIST_ITEMS} items`)
      return undefined
    }
    return meant.map((item, index) => {
      if (isPlaceholder(item, childSchema(type, index))) report(`must not be ${JSON.stringify(item)}`, [...path, index])
      return normalize(item, childSchema(type, index), [...path, index], input)
    })
  }
  if (!isObject(meant)) return meant

  const entries: [string, unknown][] = []
  for (const [key, item] of Object.entries(meant)) {
    if (input.values > MAX_VALUES) break
    const field = childSchema(type, key)
    const at = [...path, key]
    if (path.length === 0 && !field && N8N_FIELDS.has(key)) continue
    if (item === null && isOptional(field) && !isNullable(field)) continue
    if (isOptional(field) && isPlaceholder(item, field))
      report(`must not be ${JSON.stringify(item)}; ${instead(field)}`, at)
    const keyFlaw = findFlaw(key, at)
    if (keyFlaw) report(keyFlaw, at)
    // zod skips this key in open objects, so it would be sent unchecked.
    if (key === '__proto__') report('is not allowed as a field name', at)
    entries.push([key, normalize(item, field, at, input)])
  }
  return Object.fromEntries(entries)
}

/** The value of the field's own type that a value can only mean; any other value stays as it is. */
function readMeaning(value: unknown, type: Schema): unknown {
  if (typeof value === 'string') return isContainer(type) ? parseContainer(value) : readText(value, type)
  return type instanceof z.ZodString && Number.isSafeInteger(value) ? String(value) : value
}

function instead(field: Schema): string {
  return isNullable(field) ? 'use null to clear it, or leave the field out' : 'leave the field out instead'
}

/** Whether a text is in the place of a null. */
function isPlaceholder(value: unknown, schema: Schema): boolean {
  return typeof value === 'string' && PLACEHOLDERS.has(value) && plainType(schema) instanceof z.ZodString
}

// A known slip of models: the end of one argument and the start of the next land inside a value.
const TOOL_CALL_MARKUP = /<\/?(\w+:)?(parameter|invoke)(?![\w-])/i

/** Why a value, whatever its field, is not what was meant, or would not arrive as it was given. */
function findFlaw(value: unknown, [argument]: readonly PropertyKey[]): string | undefined {
  if (typeof value === 'number') return describeLoss(value)
  if (typeof value !== 'string') return undefined
  if (!value.isWellFormed()) return 'must be well-formed Unicode'
  if (value.length > MAX_CHARACTERS && Array.from(value).length > MAX_CHARACTERS)
    return `has more than ${MAX_CHARACTERS} characters`
  const isMarkup = TOOL_CALL_MARKUP.test(value) || value.includes(`</${String(argument)}>`)
  return isMarkup ? 'holds markup of a tool call; send each field as an argument of its own' : undefined
}

function describeLoss(value: number): string | undefined {
  if (Number.isSafeInteger(value)) return undefined
  // Numbers that parsing would alter arrive as Infinity, which would be sent as null.
  const exact = Number.isFinite(value) && !Number.isInteger(value)
  return exact ? undefined : 'exceeds the range of exact numbers; send it as a string'
}

function parseContainer(text: string): unknown {
  return /^\s*[[{]/.test(text) ? (tryParse(text, parseExactJson) ?? text) : text
}

function isContainer(schema: Schema): boolean {
  return schema instanceof z.ZodObject || schema instanceof z.ZodArray || schema instanceof z.ZodRecord
}

function toInputIssues(issue: z.core.$ZodIssue, { input, argumentRules }: ToolInput): InputIssue[] {
  if (issue.code !== 'unrecognized_keys')
    return [{ path: formatPath(issue.path), message: describeIssue(issue, input) }]
  const type = plainType(issue.path.reduce<Schema>(childSchema, input))
  const known = type instanceof z.ZodObject ? Object.keys(type.shape) : []
  const misplaced = new Map(issue.path.length === 0 ? Object.entries(argumentRules?.misplaced ?? {}) : [])
  return issue.keys.map((key) => ({
    path: formatPath([...issue.path, key]),
    message: misplaced.get(key) ?? unknownField(key, known),
  }))
}

function unknownField(key: string, known: string[]): string {
  const nearest = findNearest(key.slice(0, 64), known)
  return nearest
    ? `is not a known field (did you mean ${nearest}?)`
    : `is not a known field (known: ${known.join(', ')})`
}

/** A name that contains the key, or the other way round, comes before one that differs in up to half of its letters. */
export function findNearest(key: string, known: string[]): string | undefined {
  const whole = known.find((name) => name.endsWith(`_${key}`) || (key.length > 2 && name.includes(key)))
  return (
    whole ??
    known.find((name) => key.includes(name)) ??
    closestMatch(key, known, { maxDistance: Math.ceil(key.length / 2) })
  )
}

function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text ? `${text}.${String(key)}` : String(key)
  }, '')
}
