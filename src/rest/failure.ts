import type { Log } from '../log.ts'
import type { Operation } from '../operation/define.ts'
import { InputError } from '../operation/input-error.ts'
import { BusyError, CancelledError, MissingKeyError, UpstreamError } from '../upstream/errors.ts'
import { describeFailure } from '../upstream/failure.ts'
import type { Problem } from './problem.ts'

/** Turns an error of a call into its problem. That of a call whose caller has left is thrown again. */
export function readProblem(op: Operation, error: unknown, log: Log, signal: AbortSignal): Problem {
  const { message, outcome } = describeFailure(op, error, log, signal)
  const common = { detail: message, outcome }
  if (error instanceof InputError) return { ...common, status: 400, kind: 'invalid-input', errors: error.issues }
  // Not 401: it is this server that lacks a key, and nothing that the caller could send would help.
  if (error instanceof MissingKeyError) return { ...common, status: 503, kind: 'not-ready' }
  if (error instanceof BusyError) return { ...common, status: 503, kind: 'not-ready', headers: { 'retry-after': '1' } }
  if (error instanceof UpstreamError) return { ...common, ...readUpstreamError(error) }
  if (!(error instanceof CancelledError)) return { ...common, status: 500 }
  return outcome === 'unknown'
    ? { ...common, status: 502, kind: 'outcome-unknown' }
    : { ...common, status: 503, kind: 'not-ready', headers: { 'retry-after': '1' } }
}

function readUpstreamError(error: UpstreamError): Pick<Problem, 'status' | 'kind' | 'headers'> {
  const { status, timedOut, outcome, retryAfterSeconds } = error
  const gatewayStatus = timedOut || status === 504 ? 504 : 502
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterSeconds)) }
  // Metronome's own status would say less than is known: a 500 may well have been done.
  if (outcome === 'unknown') return { status: gatewayStatus, kind: 'outcome-unknown', headers }
  if (status === undefined || status < 400 || status > 599)
    return { status: gatewayStatus, kind: 'no-usable-answer', headers }
  return { status, kind: 'metronome-refused', headers: status === 401 ? { ...headers, ...CHALLENGE } : headers }
}

// A 401 has to name the scheme.
const CHALLENGE = { 'www-authenticate': 'Bearer realm="metronome"' }
