import type { Ending } from './attempt.ts'

/** An answer's `Date` header counts whole seconds. */
export interface ServerClock {
  /** Takes note of an answer that has just come in. */
  observe(ending: Ending): void
  /** Whether an RFC 3339 time of a record lies before the call began; `undefined` when that cannot be told. */
  isBeforeCall(time: unknown): boolean | undefined
}

/** Compares Metronome's time stamps with the start of a call without trusting this machine's clock. */
export function createServerClock(startedAt: number): ServerClock {
  // Metronome's clock, less this machine's, is at least this.
  let leastOffset = Number.NEGATIVE_INFINITY
  return {
    observe(ending) {
      if (ending.kind !== 'answered') return
      const shown = Date.parse(ending.headers.get('date') ?? '')
      if (!Number.isNaN(shown)) leastOffset = Math.max(leastOffset, shown - Date.now())
    },
    isBeforeCall(time) {
      const at = typeof time === 'string' ? Date.parse(time) : Number.NaN
      if (Number.isNaN(at) || leastOffset === Number.NEGATIVE_INFINITY) return undefined
      return at < startedAt + leastOffset
    },
  }
}
