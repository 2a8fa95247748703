import { setTimeout as delay } from 'node:timers/promises'
import type { WriteOperation } from '../operations/operation.ts'
import { type AttemptResult, readErrorBody } from './response.ts'

/**
 * What an attempt may have done to a write. `none`: nothing. `invalid`: nothing, and neither has an earlier one under its
 * Idempotency-Key. `conflict`: nothing, if another customer holds the alias. `ambiguous`: anything, also later.
 */
export type Effect = 'none' | 'invalid' | 'conflict' | 'ambiguous'

interface AttemptRule {
  /** The same words appear in the documentation. */
  readonly when: string
  matches(result: AttemptResult, op: Pick<WriteOperation, 'verification'>): boolean
  readonly effect: Effect
  /** With the same Idempotency-Key and body. */
  readonly retry: 'always' | 'never' | 'after_ambiguous'
}

const hasStatus = (result: AttemptResult, ...statuses: readonly number[]): boolean =>
  result.kind === 'response' && statuses.includes(result.status)

/** The attempts of a write; the first rule that matches applies. */
export const WRITE_RULES: readonly AttemptRule[] = [
  // Known, not guessed: no byte of the request was written, so the retry is the first that Metronome sees.
  { when: 'not sent: no connection', matches: ({ kind }) => kind === 'not_sent', effect: 'none', retry: 'always' },
  // The write may be done. The key makes the retry return its stored response instead of writing again.
  { when: 'no complete response', matches: ({ kind }) => kind === 'no_response', effect: 'ambiguous', retry: 'always' },
  { when: '429', matches: (result) => hasStatus(result, 429), effect: 'none', retry: 'always' },
  // Alone it tells that another customer holds the alias. After an attempt that may have arrived it may be about that
  // attempt, which still runs under the key or has taken the alias itself: then the retry finds what became of it.
  {
    when: '409 that reports an alias conflict',
    matches: (result, { verification }) =>
      hasStatus(result, 409) && verification.reportsConflicts === true && readErrorBody(result) !== undefined,
    effect: 'conflict',
    retry: 'after_ambiguous',
  },
  // A gateway may send any of these after it has passed the request on. Metronome stores none of them under the key.
  {
    when: 'any other 409, 408, 502, 503, 504',
    matches: (result) => hasStatus(result, 409, 408, 502, 503, 504),
    effect: 'ambiguous',
    retry: 'always',
  },
  // nginx logs it when the client has gone: whether it had passed the request on by then is not known.
  { when: '499', matches: (result) => hasStatus(result, 499), effect: 'ambiguous', retry: 'never' },
  // Metronome looks at the key first: had an earlier request under it been accepted, its response would come back.
  { when: '400, 422', matches: (result) => hasStatus(result, 400, 422), effect: 'invalid', retry: 'never' },
  {
    when: 'any other 4xx',
    matches: (result) => result.kind === 'response' && result.status >= 400 && result.status < 500,
    effect: 'none',
    retry: 'never',
  },
  // Metronome keeps its own 500 under the key: a retry would only return it again.
  {
    when: 'anything else: 500 and other 5xx, a redirect, a 2xx that cannot be read',
    matches: () => true,
    effect: 'ambiguous',
    retry: 'never',
  },
]

/** One attempt of a write, with what follows from how it ended. */
export interface WriteAttempt extends Pick<AttemptRule, 'effect' | 'retry'> {
  readonly result: AttemptResult
}

export function classify(op: Pick<WriteOperation, 'verification'>, result: AttemptResult): WriteAttempt {
  const rule = WRITE_RULES.find(({ matches }) => matches(result, op))
  if (!rule) throw new Error('the last rule matches every attempt')
  return { result, effect: rule.effect, retry: rule.retry }
}

/** Under a key that may have been used before, a 409 may be about that call: to wait for it is the caller's decision. */
export function mayRetryWrite(attempts: readonly WriteAttempt[], keyMayHaveBeenUsed: boolean): boolean {
  const last = lastOf(attempts)
  if (isGivenUp(last.result) || last.retry === 'never') return false
  const isReused = keyMayHaveBeenUsed && hasStatus(last.result, 409)
  if (last.retry === 'always' && !isReused) return true
  return attempts.slice(0, -1).some(({ effect }) => effect === 'ambiguous')
}

/** Reads have no effect: what may pass is tried again. */
export function mayRetryRead(attempts: readonly ReadAttempt[]): boolean {
  const { result } = lastOf(attempts)
  if (isGivenUp(result)) return false
  return result.kind !== 'response' || result.status === 408 || result.status === 429 || result.status >= 500
}

function isGivenUp(result: AttemptResult): boolean {
  return result.kind !== 'response' && (result.cause === 'cancelled' || result.cause === 'overloaded')
}

/** Time, in milliseconds, and waiting for it. */
export interface Clock {
  now(): number
  /** Ends early when the signal aborts. */
  sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void>
}

export const systemClock: Clock = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => {}),
}

export const MAX_RETRIES = 2
/** A longer Retry-After is reported, not waited for. */
export const MAX_RETRY_AFTER_SECONDS = 5
const BASE_BACKOFF_MS = 250
const MIN_ATTEMPT_MS = 1_000

/** One attempt of a read. */
export interface ReadAttempt {
  readonly result: AttemptResult
}

export interface RetryOptions<Attempt extends ReadAttempt> {
  /** Sends once, and gives up after so many milliseconds. */
  readonly send: (attemptMs: number) => Promise<Attempt>
  readonly mayRetry: (attempts: readonly Attempt[]) => boolean
  /** Limit of one attempt in milliseconds. */
  readonly attemptMs: number
  /** Limit of the call in milliseconds, from which the shortest useful attempt follows. */
  readonly timeoutMs: number
  /** When all attempts must have ended, on the clock. */
  readonly deadline: number
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  readonly onRetry: (waitMs: number, attemptNumber: number) => void
}

/** Sends up to three times. Returns how each attempt ended, in order; never empty. */
export async function sendWithRetries<Attempt extends ReadAttempt>({
  send,
  mayRetry,
  attemptMs,
  timeoutMs,
  deadline,
  clock,
  signal,
  onRetry,
}: RetryOptions<Attempt>): Promise<Attempt[]> {
  const minAttemptMs = Math.min(MIN_ATTEMPT_MS, timeoutMs / 10)
  const attempts: Attempt[] = []
  for (;;) {
    const attempt = await send(Math.max(1, Math.floor(Math.min(attemptMs, deadline - clock.now()))))
    attempts.push(attempt)
    if (attempts.length > MAX_RETRIES || !mayRetry(attempts)) return attempts
    const retryAfter = readRetryAfter(attempt.result) ?? 0
    const waitMs = Math.max(backoff(attempts.length - 1), retryAfter * 1000)
    const isTooLate = clock.now() + waitMs + minAttemptMs > deadline
    if (retryAfter > MAX_RETRY_AFTER_SECONDS || isTooLate) return attempts
    onRetry(waitMs, attempts.length + 1)
    await clock.sleep(waitMs, signal)
    if (signal?.aborted) return attempts
  }
}

/** The attempt that decides what a call reports. */
export function lastOf<Attempt extends ReadAttempt>(attempts: readonly Attempt[]): Attempt {
  const last = attempts.at(-1)
  if (!last) throw new Error('a call makes at least one attempt')
  return last
}

/** Exponential with jitter, in milliseconds; the first retry is number 0. */
function backoff(retry: number): number {
  return BASE_BACKOFF_MS * 2 ** retry * (0.5 + Math.random() / 2)
}

const MAX_SECONDS = 365 * 24 * 3600

/** Seconds that an error response asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date. */
export function readRetryAfter(result: AttemptResult): number | undefined {
  if (result.kind !== 'response' || result.status < 400) return undefined
  const milliseconds = readNumber(result.headers.get('retry-after-ms'))
  if (milliseconds !== undefined) return Math.min(MAX_SECONDS, milliseconds / 1000)
  const header = result.headers.get('retry-after')
  // A date is on the clock of the server that wrote it, which its own Date header shows.
  const now = Date.parse(result.headers.get('date') ?? '')
  const until = Date.parse(header ?? '') - (Number.isNaN(now) ? Date.now() : now)
  const seconds = readNumber(header) ?? until / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(MAX_SECONDS, Math.max(0, seconds))
}

function readNumber(header: string | null): number | undefined {
  return header !== null && /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) : undefined
}
