import type { Log } from '../log.ts'
import type { Operation } from '../operation/define.ts'
import { InputError } from '../operation/input-error.ts'
import { CancelledError, MissingKeyError, type Outcome, UpstreamError } from './errors.ts'

export interface Failure {
  /** For a person or a model: what failed, what was answered, what to do next. */
  readonly message: string
  /** Only for writes. */
  readonly outcome?: Outcome
}

/** Turns an error of a call into its answer. A cancelled call has none: it is thrown again. */
export function describeFailure(op: Operation, error: unknown, log: Log): Failure {
  if (error instanceof CancelledError) throw error
  const expected = error instanceof InputError || error instanceof MissingKeyError || error instanceof UpstreamError
  if (!expected) log('error', 'internal-error', { tool: op.tool, error: JSON.stringify(String(error)) })
  const message = expected ? error.message : `${op.tool}: an error inside this server, not at Metronome.`
  if (op.hints.readOnly) return { message }
  const outcome = readOutcome(error)
  return { message: `${reserveWords(message)} Outcome: ${outcome}.`, outcome }
}

function readOutcome(error: unknown): Outcome {
  if (error instanceof InputError || error instanceof MissingKeyError) return 'not_applied'
  return error instanceof UpstreamError && error.outcome ? error.outcome : 'unknown'
}

/** In a failed write the three words stand once, as its outcome; anywhere else they are written with a capital. */
function reserveWords(message: string): string {
  return message.replace(/\b(applied|not_applied|unknown)\b/g, (word) => word.charAt(0).toUpperCase() + word.slice(1))
}
