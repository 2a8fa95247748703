import { STATUS_CODES } from 'node:http'
import { type CallError, type CallErrorCode, type InputIssue, InvalidArgumentsError } from '../calls/errors.ts'
import type { Outcome } from '../calls/outcome.ts'
import { cutText, escapeInvisible, type Redact } from '../sanitize.ts'
import { HOMEPAGE } from '../version.ts'

/** Problem types with their titles; docs/rest.md explains them. */
const TYPES = {
  'invalid-input': 'Invalid request',
  'upstream-rejected': 'Metronome rejected the request',
  'bad-upstream-response': 'Bad response from Metronome',
  'outcome-unknown': 'Write outcome unknown',
  'service-unavailable': 'Service unavailable',
} as const

export type ProblemType = keyof typeof TYPES

/** The response to a request that failed, in the members of RFC 9457. */
export interface Problem {
  readonly status: number
  /** Absent where the status says it all. */
  readonly type?: ProblemType | undefined
  readonly detail: string
  readonly errors?: readonly InputIssue[] | undefined
  /** Only for writes. */
  readonly outcome?: Outcome | undefined
  readonly headers?: Readonly<Record<string, string>>
}

const RETRY_SOON = { 'retry-after': '1' }
// RFC 9110: a 401 names the scheme.
const CHALLENGE = { 'www-authenticate': 'Bearer' }

/** How each error of a call is reported; a write with an unknown outcome is reported as such instead. */
const PROBLEMS: Readonly<Record<CallErrorCode, Pick<Problem, 'status' | 'type' | 'headers'>>> = {
  unknown_tool: { status: 404 },
  invalid_arguments: { status: 400, type: 'invalid-input' },
  // Not 401: this server lacks a key, and nothing that the client could send would help.
  missing_key: { status: 503, type: 'service-unavailable' },
  load_failed: { status: 503, type: 'service-unavailable' },
  overloaded: { status: 429, type: 'service-unavailable', headers: RETRY_SOON },
  cancelled: { status: 503, type: 'service-unavailable', headers: RETRY_SOON },
  // Its own status replaces this one.
  upstream_rejected: { status: 502, type: 'upstream-rejected' },
  bad_response: { status: 502, type: 'bad-upstream-response' },
  no_response: { status: 502, type: 'bad-upstream-response' },
  not_confirmed: { status: 403 },
  input_required: { status: 403 },
  audit_failed: { status: 503, type: 'service-unavailable' },
  timed_out: { status: 504, type: 'bad-upstream-response' },
  internal: { status: 500 },
}

const REJECTIONS: readonly number[] = [401, 403, 404, 409]

/** `keyMayHaveBeenUsed`: the client chose the Idempotency-Key of the write. */
export function toProblem(error: CallError, keyMayHaveBeenUsed = false): Problem {
  const { code, status = 0, outcome, retryAfterSeconds, message } = error
  const errors = error instanceof InvalidArgumentsError ? error.issues : undefined
  const problem = PROBLEMS[code]
  const retryAfter = retryAfterSeconds !== undefined && { 'retry-after': String(Math.ceil(retryAfterSeconds)) }
  const common = { detail: message, errors, outcome, headers: { ...problem.headers, ...retryAfter } }
  const gatewayStatus = code === 'timed_out' || status === 504 ? 504 : 502
  // This call did nothing, but an earlier one under the client's key may have: a 502 would hide the cause.
  if (outcome === 'unknown' && keyMayHaveBeenUsed && REJECTIONS.includes(status))
    return { ...common, status, type: 'outcome-unknown' }
  // Any other status of Metronome would say less than is known: a 500 may have been applied.
  if (outcome === 'unknown') return { ...common, status: gatewayStatus, type: 'outcome-unknown' }
  if (code !== 'upstream_rejected') return { ...common, ...problem, headers: common.headers }
  if (status > 599) return { ...common, status: gatewayStatus, type: 'bad-upstream-response' }
  const headers = status === 401 ? { ...common.headers, ...CHALLENGE } : common.headers
  return { ...common, status, type: problem.type, headers }
}

// A body of 512 KiB can hold a quarter of a million invalid values.
const MAX_ERRORS = 1_000
const MAX_FIELD_CHARACTERS = 200

export const PROBLEM_MEDIA_TYPE = 'application/problem+json'

/** The body of a problem, as the OpenAPI document describes it. */
export function problemBody({ status, type, detail, errors, outcome }: Problem) {
  return {
    type: type ? `${HOMEPAGE}/blob/main/docs/rest.md#${type}` : 'about:blank',
    title: type ? TYPES[type] : (STATUS_CODES[status] ?? 'Error'),
    status,
    detail: escapeInvisible(detail),
    ...(errors && { errors: errors.slice(0, MAX_ERRORS).map(describeIssue) }),
    ...(outcome && { outcome }),
  }
}

function describeIssue({ path, message }: InputIssue): { field: string; message: string } {
  return { field: escapeInvisible(cutText(path, MAX_FIELD_CHARACTERS)), message: escapeInvisible(message) }
}

export function problemResponse(problem: Problem, redact: Redact = (text) => text): Response {
  return new Response(redact(JSON.stringify(problemBody(problem))), {
    status: problem.status,
    headers: { ...problem.headers, 'content-type': PROBLEM_MEDIA_TYPE, 'cache-control': 'no-store' },
  })
}
