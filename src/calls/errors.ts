import { closestMatch } from 'leven'
import type { AttemptResult } from '../metronome/response.ts'
import { isFromMetronome, readResult } from '../metronome/response.ts'
import { readRetryAfter } from '../metronome/retry.ts'
import type { Operation } from '../operations/operation.ts'
import { escapeInvisible } from '../sanitize.ts'
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

/** A form with text fields, as MCP's elicitation has it. */
export interface Form {
  readonly message: string
  readonly requestedSchema: {
    readonly type: 'object'
    readonly properties: Readonly<Record<string, { readonly type: 'string'; readonly title: string }>>
    readonly required: string[]
  }
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
  readonly issues?: readonly InputIssue[] | undefined
  /** Only for writes: what the call did. */
  readonly outcome?: Outcome | undefined
  /** Only with `input_required`. */
  readonly question?: Question | undefined
  readonly cause?: unknown
}

/** A call that failed. The message is for a person or a model: what failed, what the response was, what to do next. */
export class CallError extends Error {
  override readonly name = 'CallError'
  readonly code: CallErrorCode
  readonly status: number | undefined
  readonly retryAfterSeconds: number | undefined
  readonly issues: readonly InputIssue[] | undefined
  readonly outcome: Outcome | undefined
  readonly question: Question | undefined

  constructor(code: CallErrorCode, message: string, details: CallErrorDetails = {}) {
    super(message, { cause: details.cause })
    this.code = code
    this.status = details.status
    this.retryAfterSeconds = details.retryAfterSeconds
    this.issues = details.issues
    this.outcome = details.outcome
    this.question = details.question
  }
}

/** Models write underscores for hyphens, or keep a prefix that their client has added. */
export function unknownTool(tool: string, known: readonly string[], hiddenBecause: string | undefined): CallError {
  const shown = escapeInvisible(tool.slice(0, 100))
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
    .map(({ path, message }) => `${path.slice(0, 120) || 'arguments'} ${message}.`)
  const hidden = issues.length - shown.length
  const list = hidden > 0 ? [...shown, `And ${hidden} more.`] : shown
  return new CallError('invalid_arguments', `${tool}: invalid arguments, nothing was sent. ${list.join(' ')}`, {
    issues,
  })
}

export function missingKey(tool: string): CallError {
  return new CallError(
    'missing_key',
    `${tool}: METRONOME_API_KEY is not set, nothing was sent. The user sets it in the "env" block of this server in the client's configuration, in a .env file or with --env-file, and restarts the server; --sandbox in its place tries the tools without an account.`,
  )
}

export function loadFailed(tool: string, cause: unknown): CallError {
  const { code = 'invalid' } = Object(cause) as { code?: string } // errors of the file system carry a code
  return new CallError(
    'load_failed',
    `${tool}: a file of this server could not be loaded (${code}), nothing was sent. The package was probably updated or removed while it ran. Retry once; if that fails, ask the user to restart this MCP server in their client.`,
    { cause },
  )
}

/** An error that no rule foresees. A write may have been sent. */
export function internalError(op: Operation, cause: unknown): CallError {
  const outcome = op.kind === 'write' ? 'unknown' : undefined
  return new CallError('internal', `${op.tool}: internal server error (not Metronome).`, { outcome, cause })
}

/** What a failed call says after the description of its last attempt. */
export interface FailureText {
  /** Sentences about the records and what to do next. */
  readonly details: readonly string[]
  readonly outcome?: Outcome
}

/** A read or write that brought no usable response, as an error. */
export function callFailed(op: Operation, last: AttemptResult, { details, outcome }: FailureText): CallError {
  const message = join(`${op.tool}: ${describeAttempt(op, last)}`, ...details)
  return new CallError(codeOf(last), message, {
    outcome,
    status: last.kind === 'response' ? last.status : undefined,
    retryAfterSeconds: readRetryAfter(last),
  })
}

/** The last attempt in one sentence; empty for a usable response. */
export function describeAttempt(op: Operation, result: AttemptResult): string {
  const read = readResult(op, result)
  return read.ok ? '' : read.problem
}

/** What to do next; the operation's own advice replaces the general one. */
export function adviseOn(op: Operation, result: AttemptResult): string {
  if (result.kind === 'not_sent') {
    const { cause } = result
    if (cause === 'overloaded') return 'Retry in a few seconds.'
    return cause === 'cancelled' ? '' : 'Check the network, the proxy and METRONOME_BASE_URL.'
  }
  if (result.kind === 'no_response') return op.kind === 'read' ? 'Try again later.' : ''
  const seconds = readRetryAfter(result)
  const wait = seconds ? `Wait ${Math.ceil(seconds)} seconds.` : ''
  if (!isFromMetronome(result))
    return join(wait, 'Something between this server and Metronome responded: check the proxy and METRONOME_BASE_URL.')
  if (needsApproval(result)) return APPROVAL_ADVICE
  return join(wait, op.advice?.[result.status] ?? adviseOnStatus(result.status))
}

// The body of this 403 is not documented; the word may be in its code, error or message.
const APPROVAL_ADVICE =
  'Nothing was queued: writes with this API token need approval. Submit the write for approval outside these tools.'

function needsApproval({ status, text = '' }: Extract<AttemptResult, { kind: 'response' }>): boolean {
  return status === 403 && text.includes('AgenticMutationBlocked')
}

/** The operation's advice on a server error, which holds whatever the outcome is. */
export function adviseOnServerError(op: Operation, result: AttemptResult): string {
  return result.kind === 'response' && result.status >= 500 ? (op.advice?.[result.status] ?? '') : ''
}

function adviseOnStatus(status: number): string {
  if (status === 401)
    return 'The API key is invalid or lacks permission for this operation: keys can be limited to some. Run `doctor` to see which.'
  if (status === 403) return 'The API key has no access to this operation or record.'
  if (status === 404) return 'Find the id with list-customers, archived customers with only_archived true.'
  if (status === 429) return 'Reduce the request rate.'
  return status >= 500 ? 'Metronome returned a server error; try again later.' : ''
}

function codeOf(result: AttemptResult): CallErrorCode {
  if (result.kind === 'response') return result.status >= 400 ? 'upstream_rejected' : 'bad_response'
  if (result.cause === 'overloaded') return 'overloaded'
  if (result.cause === 'cancelled') return 'cancelled'
  return result.cause === 'timeout' ? 'timed_out' : 'no_response'
}

const join = (...sentences: readonly string[]): string => sentences.filter(Boolean).join(' ')
