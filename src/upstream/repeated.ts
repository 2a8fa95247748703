import type { Attempt, Ending } from './attempt.ts'
import type { UpstreamRequest } from './request.ts'
import { MAX_RETRY_AFTER_SECONDS, readRetryAfter, type Sleep, waitBefore } from './waiting.ts'

/** A call is sent at most this many times more than once. */
const MAX_REPEATS = 2

export interface RepeatPlan {
  readonly headers: Record<string, string>
  readonly mayRepeat: (history: readonly Ending[]) => boolean
  /** Limit of one attempt in milliseconds. */
  readonly attemptMs: number
  /** When all attempts must have ended, in milliseconds of `Date.now()`. */
  readonly deadline: number
  readonly signal: AbortSignal | undefined
  readonly sleep: Sleep
  /** Told after each attempt. */
  readonly onEnding?: ((ending: Ending) => void) | undefined
  /** Told before each wait: its length, and the number of the attempt that follows. */
  readonly onRepeat?: (waitMs: number, attemptNumber: number) => void
}

/** Sends a request up to three times and adds to `history` how each attempt ended. Returns the last ending. */
export async function sendRepeatedly(
  attempt: Attempt,
  request: UpstreamRequest,
  plan: RepeatPlan,
  history: Ending[] = [],
): Promise<Ending> {
  const { headers, mayRepeat, attemptMs, deadline, signal, sleep } = plan
  for (;;) {
    const timeoutMs = Math.max(1, Math.min(attemptMs, deadline - Date.now()))
    const ending = await attempt(request, { headers, timeoutMs, signal })
    history.push(ending)
    plan.onEnding?.(ending)
    if (history.length > MAX_REPEATS || !mayRepeat(history)) return ending
    const retryAfter = readRetryAfter(ending)
    const wait = waitBefore(history.length - 1, retryAfter)
    const tooLong = retryAfter !== undefined && retryAfter > MAX_RETRY_AFTER_SECONDS
    if (tooLong || Date.now() + wait >= deadline) return ending
    plan.onRepeat?.(wait, history.length + 1)
    await sleep(wait, signal)
  }
}
