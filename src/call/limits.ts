import type { CallError } from '../calls/errors.ts'
import type { Clock } from '../metronome/retry.ts'

const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 60_000
const GIVE_UP_MS = 600_000
/** Timers of Node overflow at 25 days. */
const MAX_SLEEP_MS = 3_600_000

export interface LimitsOptions {
  readonly stop: AbortController
  readonly clock: Clock
}

/** What one row has met so far. */
export interface RowPauses {
  limitedSince?: number
  nextMs?: number
}

/** Pauses after 429 responses: of one row, or of all. */
export function createLimits({ stop, clock }: LimitsOptions) {
  const all: RowPauses & { openAt: number } = { openAt: 0 }
  let lastOther = clock.now()

  async function waitUntil(time: () => number): Promise<void> {
    for (let ms = time() - clock.now(); ms > 0 && !stop.signal.aborted; ms = time() - clock.now())
      await clock.sleep(Math.min(ms, MAX_SLEEP_MS), stop.signal)
  }

  /** Retry-After, or a pause that doubles. */
  function findPause({ retryAfterSeconds }: CallError, pauses: RowPauses): number {
    if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1000
    const { nextMs = FIRST_PAUSE_MS } = pauses
    pauses.nextMs = Math.min(2 * nextMs, MAX_PAUSE_MS)
    return nextMs
  }

  return {
    waitForAll: () => waitUntil(() => all.openAt),
    /** Resolves with whether to send the row again, after a 429 response; any other response is `undefined`. */
    async waitAfter(error: CallError | undefined, row: RowPauses): Promise<boolean> {
      const now = clock.now()
      if (!error) {
        lastOther = now
        delete all.nextMs
        return false
      }
      row.limitedSince ??= now
      const isOfCustomer = error.rateLimitScope === 'customer'
      const since = isOfCustomer ? row.limitedSince : Math.max(row.limitedSince, lastOther)
      if (now - since >= GIVE_UP_MS || stop.signal.aborted) return false
      if (isOfCustomer) {
        const until = now + findPause(error, row)
        await waitUntil(() => until)
      } else if (error.retryAfterSeconds !== undefined || all.openAt <= now) {
        // Otherwise another row in flight has met the same limit.
        all.openAt = Math.max(all.openAt, now + findPause(error, all))
      }
      return true
    },
  }
}
