import { setTimeout as delay } from 'node:timers/promises'
import type { WriteOperation } from '../operations/operation.ts'
import type { AttemptResult } from './response.ts'
import { hasErrorBody } from './response.ts'

/**
 * What an attempt may have done to a write. `none`: nothing. `conflict`: nothing, if another customer holds the alias.
 * `final`: something or nothing, but no attempt under this Idempotency-Key can act any more. `ambiguous`: anything, also later.
 */
export type Effect = 'none' | 'conflict' | 'final' | 'ambiguous'

interface AttemptRule {
  /** The same words appear in the documentation. */
  readonly when: string
  matches(result: AttemptResult, op: Pick<WriteOperation, 'verification'>): boolean
  readonly effect: Effect
  /** Retried with the same Idempotency-Key and body. */
  readonly retry: boolean | 'after an ambiguous attempt'
}

const hasStatus = (result: AttemptResult, ...statuses: readonly number[]): boolean =>
  result.kind === 'response' && statuses.includes(result.status)

/** The attempts of a write; the first rule that matches applies. */
export const WRITE_RULES: readonly AttemptRule[] = [
  { when: 'not sent: no connection', matches: ({ kind }) => kind === 'not_sent', effect: 'none', retry: true },
  { when: 'no complete response', matches: ({ kind }) => kind === 'no_response', effect: 'ambiguous', retry: true },
  { when: '429', matches: (result) => hasStatus(result, 429), effect: 'none', retry: true },
  {
    when: '409 that reports an alias conflict',
    matches: (result, { verification }) =>
      hasStatus(result, 409) && verification.reportsConflicts === true && hasErrorBody(result),
    effect: 'conflict',
    retry: 'after an ambiguous attempt',
  },
  {
    when: 'any other 409, 408, 502, 503, 504',
    matches: (result) => hasStatus(result, 409, 408, 502, 503, 504),
    effect: 'ambiguous',
    retry: true,
  },
  { when: '499', matches: (result) => hasStatus(result, 499), effect: 'ambiguous', retry: false },
  {
    when: 'any other 4xx',
    matches: (result) => result.kind === 'response' && result.status >= 400 && result.status < 500,
    effect: 'none',
    retry: false,
  },
  // Metronome keeps a 500 under the Idempotency-Key: a retry would only return it again.
  {
    when: "500 with Metronome's error body",
    matches: (result) => hasStatus(result, 500) && hasErrorBody(result),
    effect: 'final',
    retry: false,
  },
  {
    when: 'anything else: other 5xx, a redirect, a 2xx that cannot be read',
    matches: () => true,
    effect: 'ambiguous',
    retry: false,
  },
]

function ruleFor(op: Pick<WriteOperation, 'verification'>, result: AttemptResult): AttemptRule {
  const rule = WRITE_RULES.find(({ matches }) => matches(result, op))
  if (!rule) throw new Error('the last rule matches every attempt')
  return rule
}

export function classify(op: Pick<WriteOperation, 'verification'>, result: AttemptResult): Effect {
  return ruleFor(op, result).effect
}

export function mayRetryWrite(op: Pick<WriteOperation, 'verification'>, results: readonly AttemptResult[]): boolean {
  const last = results.at(-1)
  if (!last || isGivenUp(last)) return false
  const { retry } = ruleFor(op, last)
  return typeof retry === 'boolean' ? retry : results.some((result) => classify(op, result) === 'ambiguous')
}

export function mayRetryRead(results: readonly AttemptResult[]): boolean {
  const last = results.at(-1)
  if (!last || isGivenUp(last)) return false
  return last.kind !== 'response' || last.status === 408 || last.status === 429 || last.status >= 500
}

function isGivenUp(result: AttemptResult): boolean {
  return result.kind !== 'response' && (result.cause === 'cancelled' || result.cause === 'overloaded')
}

/** Waits; ends early when the signal aborts. */
export type Sleep = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>

export const sleep: Sleep = (milliseconds, signal) => delay(milliseconds, undefined, { signal }).catch(() => {})

const MAX_RETRIES = 2
/** A longer Retry-After is reported, not waited for. */
export const MAX_RETRY_AFTER_SECONDS = 5
const BASE_BACKOFF_MS = 250
const MIN_ATTEMPT_MS = 1_000

export interface RetryOptions {
  readonly mayRetry: (results: readonly AttemptResult[]) => boolean
  /** Limit of one attempt in milliseconds. */
  readonly attemptMs: number
  /** Budget of the call in milliseconds, from which the shortest useful attempt follows. */
  readonly budgetMs: number
  /** When all attempts must have ended, on the clock of `performance.now()`. */
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  readonly sleep: Sleep
  readonly onRetry: (waitMs: number, attemptNumber: number) => void
}

/** Sends up to three times. Returns how each attempt ended, in order; never empty. */
export async function sendWithRetries(
  send: (timeoutMs: number) => Promise<AttemptResult>,
  { mayRetry, attemptMs, budgetMs, deadline, signal, sleep, onRetry }: RetryOptions,
): Promise<AttemptResult[]> {
  const minAttemptMs = Math.min(MIN_ATTEMPT_MS, budgetMs / 10)
  const results: AttemptResult[] = []
  for (;;) {
    const result = await send(Math.max(1, Math.floor(Math.min(attemptMs, deadline - performance.now()))))
    results.push(result)
    if (results.length > MAX_RETRIES || !mayRetry(results)) return results
    const retryAfter = readRetryAfter(result) ?? 0
    const waitMs = Math.max(backoff(results.length - 1), retryAfter * 1000)
    const isTooLate = performance.now() + waitMs + minAttemptMs > deadline
    if (retryAfter > MAX_RETRY_AFTER_SECONDS || isTooLate) return results
    onRetry(waitMs, results.length + 1)
    await sleep(waitMs, signal)
    if (signal?.aborted) return results
  }
}

/** The attempt that decides what a call reports. */
export function lastAttempt(results: readonly AttemptResult[]): AttemptResult {
  const last = results.at(-1)
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
