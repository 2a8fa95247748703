import type { Log } from '../log.ts'
import type { Operation } from '../operation/define.ts'
import { InputError } from '../operation/input-error.ts'
import { LoadError } from '../program-error.ts'
import { BusyError, CancelledError, MissingKeyError, type Outcome, SHUTDOWN, UpstreamError } from './errors.ts'

export interface Failure {
  /** For a person or a model: what failed, what was answered, what to do next. */
  readonly message: string
  /** Only for writes. */
  readonly outcome?: Outcome
}

/** These say themselves what to tell the caller, and that nothing was sent. */
const NOTHING_SENT = [InputError, LoadError, MissingKeyError, BusyError]

/**
 * Turns an error of a call into its answer. A call that its caller has cancelled has none, the error is thrown again;
 * one that the end of the program cuts off has.
 */
export function describeFailure(op: Operation, error: unknown, log: Log, signal?: AbortSignal): Failure {
  const message = describe(op, error, log, signal)
  if (op.hints.readOnly) return { message }
  const outcome = readOutcome(error)
  return { message: `${reserveWords(message)} Outcome: ${outcome}.`, outcome }
}

function describe(op: Operation, error: unknown, log: Log, signal: AbortSignal | undefined): string {
  if (error instanceof CancelledError) {
    if (signal?.reason !== SHUTDOWN) throw error
    return `${op.tool}: this server is stopping and has cut the call off. ${op.hints.readOnly ? 'Call again.' : 'Look it up before you call again.'}`
  }
  if (error instanceof UpstreamError || isNothingSent(error)) return error.message
  log('error', 'internal-error', { tool: op.tool, error: String(error) })
  return `${op.tool}: an error inside this server, not at Metronome.`
}

function isNothingSent(error: unknown): error is Error {
  return NOTHING_SENT.some((kind) => error instanceof kind)
}

function readOutcome(error: unknown): Outcome {
  if (isNothingSent(error)) return 'not_applied'
  return error instanceof UpstreamError && error.outcome ? error.outcome : 'unknown'
}

/** In a failed write the three words stand once, as its outcome; anywhere else they are written with a capital. */
function reserveWords(message: string): string {
  return message.replace(/\b(applied|not_applied|unknown)\b/g, (word) => word.charAt(0).toUpperCase() + word.slice(1))
}
