import { isObject, type JsonObject, type Operation } from '../operations/operation.ts'
import { noContent } from '../operations/output-schemas.ts'
import { quoteUntrusted } from '../sanitize.ts'

/** Largest response body in MiB, after decompression. */
export const MAX_RESPONSE_MIB = 5
export const MAX_RESPONSE_BYTES = MAX_RESPONSE_MIB * 1024 * 1024

/** How one attempt ended. */
export type AttemptResult =
  /** A whole response; `text` is absent when its body is not readable text, and `problem` says why. */
  | {
      readonly kind: 'response'
      readonly status: number
      readonly headers: Pick<Headers, 'get'>
      readonly text?: string
      readonly problem?: string
    }
  /** Nothing of the request was written. */
  | { readonly kind: 'not_sent'; readonly reason: string; readonly cause?: 'timeout' | 'cancelled' | 'overloaded' }
  /** The request may have arrived; no complete response did. */
  | { readonly kind: 'no_response'; readonly reason: string; readonly cause?: 'timeout' | 'cancelled' }

type Response = Extract<AttemptResult, { kind: 'response' }>

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

/** Whether the body is Metronome's own error: a JSON object with a string `message`. */
export function hasErrorBody(result: AttemptResult): boolean {
  return typeof readErrorBody(result).message === 'string'
}

/** The JSON object of an error response; empty when there is none. */
export function readErrorBody(result: AttemptResult): JsonObject {
  const json = result.kind === 'response' ? parseJson(result.text ?? '') : undefined
  return isObject(json) ? json : {}
}

/** Delimiters of JSON before a number that JavaScript may not represent exactly: many digits, or an exponent. */
const MAYBE_INEXACT = /[:[,]\s*-?(?:\d[\d.]{15,}|[\d.]+[eE])/
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/**
 * Turns numbers that JavaScript would alter into strings of the same digits, and names their fields. Most texts have
 * none and are returned as they are.
 */
function keepDigits(text: string): { readonly text: string; readonly fields: readonly string[] } {
  if (!MAYBE_INEXACT.test(text)) return { text, fields: [] }
  const fields = new Set<string>()
  let lastString = ''
  const kept = text.replace(STRING_OR_NUMBER, (token) => {
    if (token.startsWith('"')) {
      lastString = token
      return token
    }
    if (isExact(token)) return token
    fields.add(lastString)
    return `"${token}"`
  })
  return { text: kept, fields: Array.from(fields) }
}

/** Whether a number of JSON has the same value after it was parsed and written again. */
function isExact(token: string): boolean {
  const written = String(Number(token))
  return written === token || toScientific(written) === toScientific(token)
}

/** Significant digits and exponent, in one form for equal values. */
function toScientific(number: string): string {
  const [, sign = '', integer = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(number) ?? []
  const digits = (integer + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}

function readSuccess(op: Operation, { status, text, problem }: Response): ReadResult {
  const fail = (what: string): ReadResult => ({ ok: false, problem: `Metronome responded ${status} with ${what}` })
  if (text === undefined) {
    const advice = 'limit' in op.input.shape ? ' Lower limit.' : ''
    return fail(`${problem}; the limit is ${MAX_RESPONSE_MIB} MiB of JSON.${advice}`)
  }
  const { text: exact, fields } = keepDigits(text)
  const json = parseJson(exact)
  if (json === undefined) return fail(`${describeText(text)} instead of JSON.`)
  if (op.output === noContent && isEmpty(json)) return { ok: true, body: { success: true } }
  const { success, error } = op.output.safeParse(json)
  if (success && isObject(json)) return { ok: true, body: fields.length > 0 ? { ...json, ...noteOn(fields) } : json }
  const path = error?.issues[0]?.path ?? []
  const where = path.length > 0 ? `at ${quoteUntrusted(path.join('.'))}` : 'as a whole'
  return fail(`JSON that does not match the documented schema (${where}).`)
}

/** Whether a response can be Metronome's own: JSON, or no body at all. */
export function isFromMetronome({ text }: Response): boolean {
  return text === undefined || parseJson(text) !== undefined
}

function noteOn(fields: readonly string[]): JsonObject {
  const names = fields.map((field) => quoteUntrusted(field)).join(', ')
  return { _note: `Numbers with more digits than JavaScript can represent are given as text: ${names}.` }
}

/** An error response in one sentence: status, Metronome's own message, and every further field of its body. */
function describeError({ status, text = '' }: Response): string {
  const details = status >= 300 && status < 400 ? '; redirects are not followed' : describeErrorBody(text)
  return `Metronome responded ${status}${details}.`
}

function describeErrorBody(text: string): string {
  const json = parseJson(text)
  if (json === undefined) return ` with ${describeText(text)}`
  if (!isObject(json)) return ''
  const { message, stack: _, ...others } = json
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

/** `undefined` when the text is not JSON, or nested too deep to be passed on; `null` for blank text. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return null
  try {
    const json: unknown = JSON.parse(text)
    return isDeeperThan(json, MAX_DEPTH) ? undefined : json
  } catch {
    return undefined
  }
}

function describeText(text: string): string {
  if (/^\s*<(!doctype|html)/i.test(text)) return 'an HTML page'
  return /^\s*[[{]/.test(text) ? 'invalid or too deeply nested text' : 'text'
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(item, levels - 1))
}

function isEmpty(json: unknown): boolean {
  return json === null || (typeof json === 'object' && Object.keys(json).length === 0)
}
