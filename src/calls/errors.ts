import { closestMatch } from 'leven'
import { type AttemptResult, isFromMetronome, type WholeResponse } from '../metronome/response.ts'
import { readRetryAfter } from '../metronome/retry.ts'
import type { Operation } from '../operations/operation.ts'
import { cutText, escapeInvisible } from '../sanitize.ts'
import { codeOf } from '../thrown.ts'
import type { Outcome } from './outcome.ts'

/** What went wrong, for programs; each adapter maps it to its own responses in one table. */
export type CallErrorCode =
  /** No such tool. */
  | 'unknown_tool'
  /** The arguments are invalid; nothing was sent. */
  | 'invalid_arguments'
  /** No Metronome API key is set; nothing was sent. */
  | 'missing_key'
  /** A file of the program could not be loaded; nothing was sent. */
  | 'load_failed'
  /** Too many calls are waiting. */
  | 'overloaded'
  /** The client cancelled the call or closed its connection, or the program is stopping. */
  | 'cancelled'
  /** Metronome responded with an error status. */
  | 'upstream_rejected'
  /** Metronome's response cannot be used. */
  | 'bad_response'
  /** There was no connection, or no complete response. */
  | 'no_response'
  | 'timed_out'
  /** The question to a person is the result of this call; nothing was sent. */
  | 'input_required'
  /** No person has confirmed it; nothing was sent. */
  | 'not_confirmed'
  /** The audit log cannot be written; nothing was sent. */
  | 'audit_failed'
  | 'internal'

/** One argument that is invalid. */
export interface InputIssue {
  /** Path such as `ingest_aliases[3]` or `data[0].customer_id`; empty for the arguments as a whole. */
  readonly path: string
  /** What is wrong, to be read after the path. */
  readonly message: string
}

/** A form with one text field. */
export interface Form {
  readonly message: string
  /** What to type into the field. */
  readonly title: string
}

/** A form, and the state that comes back with its response. */
export interface Question {
  readonly form: Form
  readonly state: string
}

interface CallErrorDetails {
  /** HTTP status of the last response. */
  readonly status?: number | undefined
  /** Seconds that Metronome asked to wait. */
  readonly retryAfterSeconds?: number | undefined
  /** Only of a 429. */
  readonly rateLimitScope?: RateLimitScope | undefined
  /** Only for writes: what the call did. One that is applied is no error. */
  readonly outcome?: Exclude<Outcome, 'applied'> | undefined
  readonly cause?: unknown
}

/** A call that failed. The message is for a person or a model: what failed, what the response was, what to do next. */
export class CallError extends Error {
  override readonly name: string = 'CallError'
  readonly code: CallErrorCode
  readonly status: number | undefined
  readonly retryAfterSeconds: number | undefined
  readonly rateLimitScope: RateLimitScope | undefined
  readonly outcome: CallErrorDetails['outcome']

  constructor(code: CallErrorCode, message: string, details: CallErrorDetails = {}) {
    super(message.toWellFormed(), { cause: details.cause })
    this.code = code
    this.status = details.status
    this.retryAfterSeconds = details.retryAfterSeconds
    this.rateLimitScope = details.rateLimitScope
    this.outcome = details.outcome
  }
}

/** The arguments are invalid; nothing was sent. */
export class InvalidArgumentsError extends CallError {
  override readonly name = 'InvalidArgumentsError'
  readonly issues: readonly InputIssue[]

  constructor(message: string, issues: readonly InputIssue[], details?: CallErrorDetails) {
    super('invalid_arguments', message, details)
    this.issues = issues
  }
}

/** The question to a person is the result of this call; nothing was sent. */
export class InputRequiredError extends CallError {
  override readonly name = 'InputRequiredError'
  readonly question: Question

  constructor(message: string, question: Question) {
    super('input_required', message)
    this.question = question
  }
}

/** Models write underscores for hyphens, or keep a prefix that their client has added. */
export function unknownTool(tool: string, known: readonly string[], hiddenBecause: string | undefined): CallError {
  const shown = escapeInvisible(cutText(tool, 100))
  if (hiddenBecause !== undefined) return new CallError('unknown_tool', `Unknown tool: ${shown} (${hiddenBecause})`)
  const spelled = tool.slice(0, 100).toLowerCase().replaceAll('_', '-')
  const nearest =
    known.find((name) => spelled.endsWith(name)) ??
    closestMatch(spelled, known, { maxDistance: Math.floor(spelled.length / 3) })
  return new CallError('unknown_tool', `Unknown tool: ${shown}${nearest ? `. Did you mean ${nearest}?` : ''}`)
}

const MAX_SHOWN_ISSUES = 10

export function invalidArguments(tool: string, issues: readonly InputIssue[]): CallError {
  const shown = issues
    .slice(0, MAX_SHOWN_ISSUES)
    .map(({ path, message }) => `${cutText(path, 120) || 'arguments'} ${message}.`)
  const hidden = issues.length - shown.length
  const list = hidden > 0 ? [...shown, `And ${hidden} more.`] : shown
  return new InvalidArgumentsError(`${tool}: invalid arguments, nothing was sent. ${list.join(' ')}`, issues)
}

export function stopping(tool: string, reason: string): CallError {
  return new CallError('cancelled', `${tool}: ${reason}, nothing was sent.`)
}

const EARLIER_CALL = 'This call sent nothing; an earlier one with this Idempotency-Key may have acted.'

/** A write that this program has rejected. What an earlier call under the key did is not known. */
export function nothingSent(error: CallError, key: { readonly mayHaveBeenUsed: boolean } | undefined): CallError {
  const mayHaveBeenUsed = key?.mayHaveBeenUsed === true
  const message = mayHaveBeenUsed ? joinSentences(error.message, EARLIER_CALL) : error.message
  const details = { ...error, outcome: mayHaveBeenUsed ? undefined : ('not_applied' as const) }
  if (error instanceof InvalidArgumentsError) return new InvalidArgumentsError(message, error.issues, details)
  return new CallError(error.code, message, details)
}

export function missingKey(tool: string): CallError {
  return new CallError(
    'missing_key',
    `${tool}: METRONOME_API_KEY is not set, nothing was sent. The user sets it in the "env" block of this server in the client's configuration, in a .env file or with --env-file, and restarts the server; --sandbox in its place tries the tools without an account.`,
  )
}

export function loadFailed(tool: string, cause: unknown): CallError {
  return new CallError(
    'load_failed',
    `${tool}: a file of this server could not be loaded (${codeOf(cause) ?? 'invalid'}), nothing was sent. The package was probably updated or removed while it ran. Retry once; if that fails, ask the user to restart this MCP server in their client.`,
    { cause },
  )
}

/** An error that no rule foresees. A write may have been sent. */
export function internalError(op: Operation, cause: unknown): CallError {
  const outcome = op.kind === 'write' ? 'unknown' : undefined
  return new CallError('internal', `${op.tool}: internal server error (not Metronome).`, { outcome, cause })
}

export interface FailureText {
  /** What is wrong with the last attempt, in a sentence. */
  readonly problem: string
  /** Sentences about the records and what to do next. */
  readonly details: readonly string[]
  readonly outcome?: CallError['outcome']
}

/** A read or write that brought no usable response, as an error. */
export function callFailed(op: Operation, last: AttemptResult, { problem, details, outcome }: FailureText): CallError {
  return new CallError(classifyFailure(last), joinSentences(`${op.tool}: ${problem}`, ...details), {
    outcome,
    status: last.kind === 'response' ? last.status : undefined,
    retryAfterSeconds: readRetryAfter(last),
    rateLimitScope: last.kind === 'response' && last.status === 429 ? readRateLimitScope(last) : undefined,
  })
}

/** What a 429 limits: all calls of the account, or those of one customer; `undefined` where Metronome does not say. */
export type RateLimitScope = 'client' | 'customer'

function readRateLimitScope({ headers }: WholeResponse): RateLimitScope | undefined {
  const scope = headers.get('x-metronome-rate-limit-type')
  return scope === 'client' || scope === 'customer' ? scope : undefined
}

/** What to do next; the operation's own advice replaces the general one. */
export function adviseOn(op: Operation, result: AttemptResult): string {
  if (result.kind === 'not_sent') return adviseOnConnection(result)
  if (result.kind === 'no_response') return op.kind === 'read' ? 'Try again later.' : ''
  const seconds = readRetryAfter(result)
  const wait = seconds ? `Wait ${Math.ceil(seconds)} seconds.` : ''
  if (!isFromMetronome(result)) return joinSentences(wait, FOREIGN_ADVICE)
  if (needsApproval(result)) return APPROVAL_ADVICE
  return joinSentences(wait, op.advice?.[result.status] ?? adviseOnStatus(result))
}

const FOREIGN_ADVICE = 'Something between this server and Metronome responded: check the proxy and METRONOME_BASE_URL.'

// Node's codes of certificates that it does not trust.
const CERTIFICATE_ERROR = /CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)/

function adviseOnConnection({ cause, reason }: Extract<AttemptResult, { kind: 'not_sent' }>): string {
  if (cause === 'overloaded' || cause === 'queued') return 'Retry in a few seconds.'
  if (cause === 'cancelled') return ''
  if (CERTIFICATE_ERROR.test(reason))
    return "The certificate is not trusted: behind a company's proxy, set NODE_EXTRA_CA_CERTS to the file of its root certificate."
  return 'Check the network, the proxy and METRONOME_BASE_URL.'
}

// The body of this 403 is not documented; the word may be in its code, error or message.
const APPROVAL_ADVICE =
  'Nothing was queued: writes with this API token need the approval of a person with access to Metronome. Ask that person to make this change, or to submit it for approval, outside these tools.'

function needsApproval({ status, body }: WholeResponse): boolean {
  return status === 403 && body.kind === 'json' && JSON.stringify(body.json).includes('AgenticMutationBlocked')
}

/** What a response of 500 and above, or one that is not Metronome's, means whatever the outcome of a write is. */
export function adviseOnAmbiguity(op: Operation, result: AttemptResult): string {
  if (result.kind !== 'response') return ''
  if (!isFromMetronome(result)) return FOREIGN_ADVICE
  return result.status >= 500 ? (op.advice?.[result.status] ?? '') : ''
}

function adviseOnStatus(response: WholeResponse): string {
  const { status } = response
  if (status === 401)
    return 'The API key is invalid, archived, of another environment, or lacks permission for this operation: keys can be limited to some.'
  if (status === 403) return 'The API key has no access to this operation or record.'
  if (status === 404) return 'Find the id with list-customers, archived customers with only_archived true.'
  if (status === 429) return adviseOnRateLimit(readRateLimitScope(response))
  return status >= 500 ? 'Metronome returned a server error; try again later.' : ''
}

function adviseOnRateLimit(scope: RateLimitScope | undefined): string {
  if (scope === 'customer') return 'The limit is on this customer only: reduce the rate of requests about it.'
  if (scope === 'client') return 'The limit is on the whole account: reduce the rate of all requests.'
  return 'Reduce the request rate.'
}

function classifyFailure(result: AttemptResult): CallErrorCode {
  if (result.kind === 'response') return result.status >= 400 ? 'upstream_rejected' : 'bad_response'
  if (result.cause === 'overloaded' || result.cause === 'queued') return 'overloaded'
  if (result.cause === 'cancelled') return 'cancelled'
  return result.cause === 'timeout' ? 'timed_out' : 'no_response'
}

const joinSentences = (...sentences: readonly string[]): string => sentences.filter(Boolean).join(' ')
