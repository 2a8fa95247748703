import * as z from 'zod'
import { asObject, isObject, type JsonObject, noContent, readOwn, replaceInexactNumbers } from '../operations/json.ts'
import type { Operation } from '../operations/operation.ts'
import { mapTexts, quoteUntrusted, type Redact } from '../sanitize.ts'

/** Largest body of a successful response in MiB, after decompression. */
export const MAX_RESPONSE_MIB = 5
export const MAX_RESPONSE_BYTES = MAX_RESPONSE_MIB * 1024 * 1024
const MAX_ERROR_KIB = 64

/** The body of a response, parsed once. */
export type Body =
  | {
      readonly kind: 'json'
      readonly json: unknown
      /** Fields whose numbers JavaScript would alter, and which hold their digits as text instead. */
      readonly inexactFields: readonly string[]
    }
  | { readonly kind: 'empty' }
  /** No JSON, so that Metronome itself has not sent it. `what` it is instead. */
  | { readonly kind: 'foreign'; readonly what: string }
  /** Not even text; `problem` says why. */
  | { readonly kind: 'unreadable'; readonly problem: string }

/** How one attempt ended. */
export type AttemptResult =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly headers: Pick<Headers, 'get'>
      readonly body: Body
    }
  /** Nothing of the request was written. */
  | {
      readonly kind: 'not_sent'
      readonly reason: string
      /** `overloaded`: too many calls wait for a slot; `queued`: this one waited, and its time ran out. */
      readonly cause?: 'timeout' | 'cancelled' | 'overloaded' | 'queued'
    }
  /** The request may have arrived; no complete response did. */
  | { readonly kind: 'no_response'; readonly reason: string; readonly cause?: 'timeout' | 'cancelled' }

export type WholeResponse = Extract<AttemptResult, { kind: 'response' }>

/** A usable body, or a sentence about what is wrong with the response. */
export type ReadResult =
  | { readonly ok: true; readonly body: JsonObject }
  | { readonly ok: false; readonly problem: string }

/** Reads an attempt's response: a 2xx with the documented shape, or the reason why there is none. */
export function readResult(op: Operation, result: AttemptResult): ReadResult {
  if (result.kind === 'not_sent') return { ok: false, problem: `Could not reach Metronome: ${result.reason}.` }
  if (result.kind === 'no_response') return { ok: false, problem: `No response from Metronome: ${result.reason}.` }
  return isSuccess(result.status) ? readSuccess(op, result) : { ok: false, problem: describeError(result) }
}

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** How many bytes of a response are read. An error is a sentence; one that is longer is not Metronome's. */
export function maxBytes(status: number): number {
  return isSuccess(status) ? MAX_RESPONSE_BYTES : MAX_ERROR_KIB * 1024
}

/** What a body is that exceeds its limit. */
export function tooLarge(status: number): Body {
  if (!isSuccess(status)) return { kind: 'foreign', what: `more than ${MAX_ERROR_KIB} KiB` }
  return { kind: 'unreadable', problem: `more than ${MAX_RESPONSE_MIB} MiB` }
}

/** Metronome's own error, a JSON object with a text `message`; `undefined` when the body is none. */
export function readErrorBody(result: AttemptResult): JsonObject | undefined {
  if (result.kind !== 'response' || result.body.kind !== 'json') return undefined
  const { json } = result.body
  return isObject(json) && typeof json.message === 'string' ? json : undefined
}

/** Turns numbers that JavaScript would alter into strings of the same digits, and names their fields. */
function quoteInexactNumbers(text: string): { readonly text: string; readonly fields: readonly string[] } {
  const fields = new Set<string>()
  const kept = replaceInexactNumbers(text, (digits, field) => {
    fields.add(field)
    return `"${digits}"`
  })
  return { text: kept, fields: Array.from(fields) }
}

function readSuccess(op: Operation, { status, body }: WholeResponse): ReadResult {
  const fail = (what: string): ReadResult => ({ ok: false, problem: `Metronome responded ${status} with ${what}` })
  if (body.kind === 'unreadable') {
    const advice = 'limit' in op.input.shape ? ' Lower limit.' : ''
    return fail(`${body.problem}; the limit is ${MAX_RESPONSE_MIB} MiB of JSON.${advice}`)
  }
  if (body.kind === 'foreign') return fail(`${body.what} instead of JSON.`)
  const json = body.kind === 'json' ? body.json : null
  if (op.output === noContent && isNoContent(json)) return { ok: true, body: { success: true, ...asObject(json) } }
  if (op.output === noContent) return fail('a body that does not report success.')
  const path = findMismatch(op.output, json)
  if (path === undefined && isObject(json)) {
    const fields = body.kind === 'json' ? body.inexactFields : []
    return { ok: true, body: fields.length > 0 ? { ...json, ...inexactNumbersNote(fields) } : json }
  }
  const where = path !== undefined && path.length > 0 ? `at ${quoteUntrusted(path.join('.'))}` : 'as a whole'
  return fail(`JSON that does not match the documented schema (${where}).`)
}

/**
 * The path of the first value that does not match; `undefined` when all do. zod alone would collect an issue for every
 * element of a wrong list: 5 MiB of them, which 5 KB of gzip can hold, took 10 s and 2.7 GB.
 */
function findMismatch(schema: z.core.$ZodType, value: unknown): PropertyKey[] | undefined {
  if (schema instanceof z.ZodOptional) return value === undefined ? undefined : findMismatch(schema.unwrap(), value)
  if (schema instanceof z.ZodNullable) return value === null ? undefined : findMismatch(schema.unwrap(), value)
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      const path = findMismatch(schema.element, item)
      if (path) return [index, ...path]
    }
    return undefined
  }
  if (schema instanceof z.ZodObject && isObject(value)) {
    for (const [name, field] of Object.entries(schema.shape)) {
      const path = findMismatch(field, readOwn(value, name))
      if (path) return [name, ...path]
    }
    return undefined
  }
  return z.safeParse(schema, value).success ? undefined : []
}

/** Whether a response can be Metronome's own: JSON, or no body at all. */
export function isFromMetronome({ body }: WholeResponse): boolean {
  return body.kind !== 'foreign'
}

function inexactNumbersNote(fields: readonly string[]): JsonObject {
  const names = fields.map((field) => quoteUntrusted(field)).join(', ')
  return { _note: `Numbers with more digits than JavaScript can represent are given as text: ${names}.` }
}

/** An error response in one sentence: status, Metronome's own message, and every further field of its body. */
function describeError({ status, body }: WholeResponse): string {
  const details = status >= 300 && status < 400 ? '; redirects are not followed' : describeErrorBody(body)
  return `Metronome responded ${status}${details}.`
}

function describeErrorBody(body: Body): string {
  if (body.kind === 'foreign') return ` with ${body.what}`
  if (body.kind !== 'json' || !isObject(body.json)) return ''
  const { message, stack: _, ...others } = body.json
  const isText = typeof message === 'string'
  const quoted = isText && message !== '' ? `: "${quoteUntrusted(message)}"` : ''
  const fields = Object.entries(isText || message === undefined ? others : { message, ...others })
    .slice(0, 8)
    .map(([name, value]) => {
      const shown = typeof value === 'string' ? value : JSON.stringify(value)
      return `${quoteUntrusted(name)}: ${quoteUntrusted(shown)}`
    })
  return quoted + (fields.length > 0 ? ` (${fields.join(', ')})` : '')
}

/** Deeper JSON could not be written again. */
const MAX_DEPTH = 256
/**
 * More values are no page of Metronome's: 100 customers with 2,000 aliases each have 200,000. 5 MiB can hold 2.6 million,
 * for which parsing takes 200 MB.
 */
const MAX_VALUES = 600_000

/** Parses the text of a body. Text that is no JSON, or nested too deep to be passed on, is foreign. */
export function parseBody(text: string, redact: Redact = (kept) => kept): Body {
  if (text.trim() === '') return { kind: 'empty' }
  if (hasMoreValues(text, MAX_VALUES))
    return { kind: 'unreadable', problem: `more than ${MAX_VALUES.toLocaleString('en')} values` }
  const { text: exact, fields } = quoteInexactNumbers(redact(text))
  try {
    const json: unknown = JSON.parse(exact)
    if (isDeeperThan(json, MAX_DEPTH)) return { kind: 'foreign', what: describeText(text) }
    // An escape of JSON can hide a secret from a look at the text.
    return { kind: 'json', json: text.includes('\\') ? mapTexts(json, redact) : json, inexactFields: fields }
  } catch {
    return { kind: 'foreign', what: describeText(text) }
  }
}

/** Whether JSON may have more values than `max`: each but the first follows a comma or a bracket. */
function hasMoreValues(text: string, max: number): boolean {
  if (text.length <= max) return false
  let count = 0
  for (let index = 0; index < text.length && count <= max; index++) if (',[{'.includes(text.charAt(index))) count += 1
  return count > max
}

function describeText(text: string): string {
  if (/^\s*<(!doctype|html)/i.test(text)) return 'an HTML page'
  return /^\s*[[{]/.test(text) ? 'invalid or too deeply nested text' : 'text'
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return (
    levels === 0 || (Array.isArray(value) ? value : Object.values(value)).some((item) => isDeeperThan(item, levels - 1))
  )
}

/** Operations without a body may get an envelope; one that reports a failure, or something else, is no success. */
function isNoContent(json: unknown): boolean {
  if (json === null) return true
  if (!isObject(json) || ['message', 'error', 'errors'].some((name) => Object.hasOwn(json, name))) return false
  const { success = true } = json
  return success === true && (Object.keys(json).length === 0 || 'data' in json || 'success' in json)
}
