import type { JsonObject, Operation } from '../operation/define.ts'
import { quoteForeign } from '../text.ts'
import { type Ending, MAX_ANSWER_MIB } from './attempt.ts'

/** What an answered attempt says: a usable body, or a sentence about what is wrong with it. */
export type Answer = { body: JsonObject } | { problem: string }

type Answered = Extract<Ending, { kind: 'answered' }>

export const isSuccess = (status: number): boolean => status >= 200 && status < 300

/** Reads the body of a 2xx answer and checks that it has the shape which the operation promises. */
export function readAnswer(op: Operation, { status, text, problem }: Answered): Answer {
  if (text === undefined) {
    const advice = 'limit' in op.input.shape ? ' Lower limit.' : ''
    return {
      problem: `Metronome answered ${status} with ${problem}; at most ${MAX_ANSWER_MIB} MiB of JSON are read.${advice}`,
    }
  }
  const json = parseJson(text)
  if (json === undefined) return { problem: `Metronome answered ${status} with ${nameText(text)} instead of JSON.` }
  if (op.emptyAnswer && isEmptyAnswer(json)) return { body: { success: true } }
  const checked = op.output.safeParse(json)
  if (checked.success) return { body: json as JsonObject } // the schema is an object, and it matched
  const issue = checked.error.issues[0]
  const where = issue?.path.length ? `at ${quoteForeign(issue.path.join('.'))}` : 'as a whole'
  return { problem: `Metronome answered ${status} with JSON of another shape than it documents (${where}).` }
}

/** A refusal in one sentence: status, Metronome's own words and every further field of its body. */
export function describeRefusal({ status, text = '' }: Answered): string {
  const said = status >= 300 && status < 400 ? '; redirects are not followed' : describeErrorBody(text)
  return `Metronome answered ${status}${said}.`
}

function describeErrorBody(text: string): string {
  const json = parseJson(text)
  if (json === undefined) return ` with ${nameText(text)}`
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return ''
  const { message, stack: _, ...others } = json as JsonObject
  const isText = typeof message === 'string'
  const words = isText && message !== '' ? `: "${quoteForeign(message)}"` : ''
  const fields = Object.entries(isText || message === undefined ? others : { message, ...others })
    .slice(0, 8)
    .map(
      ([name, value]) =>
        `${quoteForeign(name)}: ${quoteForeign(typeof value === 'string' ? value : JSON.stringify(value))}`,
    )
  return words + (fields.length > 0 ? ` (${fields.join(', ')})` : '')
}

/** `undefined` when the text is not JSON; blank text is the empty answer `null`. */
export function parseJson(text: string): unknown {
  if (text.trim() === '') return null
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function nameText(text: string): string {
  return /^\s*<(!doctype|html)/i.test(text) ? 'an HTML page' : 'text'
}

function isEmptyAnswer(json: unknown): boolean {
  return json === null || (typeof json === 'object' && Object.keys(json).length === 0)
}
