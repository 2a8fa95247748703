import type { Effect } from '../metronome/retry.ts'
import type { Comparison } from '../operations/operation.ts'

/**
 * What is known about a write without a usable 2xx response. `applied`: the read showed all that the call asked for.
 * `not_applied`: nothing that this call did is in place, and no attempt of it can act any more. `unknown`: anything else.
 */
export type Outcome = 'applied' | 'not_applied' | 'unknown'

/** What the verification reads found; `unreadable` when one failed or could not be made. */
export type Evidence = { readonly kind: 'read'; readonly comparison: Comparison } | { readonly kind: 'unreadable' }

/** Why a write is not applied, or why that is not known; the message follows from it. */
export type Reason = 'no_attempt_acted' | 'earlier_call_may_have_acted' | 'held_by_another' | 'unreadable' | 'ambiguous'

export type Decision =
  | { readonly outcome: 'applied'; readonly shown: Extract<Comparison, { isInPlace: true }> }
  | { readonly outcome: 'not_applied' | 'unknown'; readonly reason: Reason }

/**
 * Decides the outcome of a write when its attempts alone tell it; `undefined` when the records must be read. Under an
 * Idempotency-Key that may have been used before, an earlier call may have acted, unless Metronome found the request invalid.
 */
export function decideFromAttempts(effects: readonly Effect[], keyMayHaveBeenUsed: boolean): Decision | undefined {
  const hadNoEffect = effects.every((effect) => effect === 'none' || effect === 'invalid')
  const areAllInvalid = effects.every((effect) => effect === 'invalid')
  if (!hadNoEffect || (keyMayHaveBeenUsed && !areAllInvalid)) return undefined
  return { outcome: 'not_applied', reason: 'no_attempt_acted' }
}

/**
 * Decides it from what the records show. Records that show nothing prove nothing: an attempt may act later, and reads may
 * lag behind.
 */
export function decideFromRecords(
  effects: readonly Effect[],
  evidence: Evidence,
  keyMayHaveBeenUsed: boolean,
): Decision {
  const comparison = evidence.kind === 'read' ? evidence.comparison : undefined
  if (comparison?.isInPlace) return { outcome: 'applied', shown: comparison }
  const mayHaveActed = effects.includes('ambiguous') || (effects.includes('conflict') && !comparison?.isHeldByAnother)
  if (mayHaveActed) return { outcome: 'unknown', reason: comparison ? 'ambiguous' : 'unreadable' }
  return keyMayHaveBeenUsed
    ? { outcome: 'unknown', reason: 'earlier_call_may_have_acted' }
    : { outcome: 'not_applied', reason: 'held_by_another' }
}
