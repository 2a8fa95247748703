import type { Effect } from '../metronome/retry.ts'
import type { Comparison } from '../operations/operation.ts'

/**
 * What is known about a write without a usable 2xx response. `applied`: the last read showed all that the call asked
 * for. `not_applied`: nothing that this call did is in place, and no attempt of it can act any more. `unknown`: anything else.
 */
export type Outcome = 'applied' | 'not_applied' | 'unknown'

/** How one attempt ended, as far as the decision needs it. */
export interface Attempt {
  readonly effect: Effect
  /** 400 or 422: Metronome rejected the request before it looked at the Idempotency-Key. */
  readonly isValidationError: boolean
}

/** What one round of verification reads found; `unreadable` when a read failed or could not be made. */
export type Evidence = { readonly kind: 'read'; readonly comparison: Comparison } | { readonly kind: 'unreadable' }

/** Why the outcome is what it is; the message follows from it. */
export type Reason =
  | 'no_attempt_acted'
  | 'earlier_call_may_have_acted'
  | 'held_by_another'
  | 'in_place'
  | 'final_and_absent'
  | 'unreadable'
  | 'ambiguous'

export type Decision =
  | { readonly kind: 'decided'; readonly outcome: Outcome; readonly reason: Reason }
  /** The records must be read, once more if they have been read before; at least one second lies between two reads. */
  | { readonly kind: 'read_records' }

/**
 * Decides the outcome of a write from its attempts and what has been read since. With an Idempotency-Key of the caller's
 * own, an earlier call under it may have acted.
 */
export function decide(attempts: readonly Attempt[], evidence: readonly Evidence[], isCallerKey: boolean): Decision {
  const has = (effect: Effect): boolean => attempts.some((attempt) => attempt.effect === effect)
  const mayHaveActed = has('ambiguous') || has('final')

  if (!mayHaveActed && !has('conflict')) {
    const isKnownToMetronome = attempts.every(({ isValidationError }) => isValidationError)
    if (isCallerKey && !isKnownToMetronome) return decided('unknown', 'earlier_call_may_have_acted')
    return decided('not_applied', 'no_attempt_acted')
  }

  const last = evidence.at(-1)
  if (!last) return { kind: 'read_records' }
  if (last.kind === 'unreadable') return decided('unknown', 'unreadable')
  const { inPlace, isHeldByAnother = false } = last.comparison
  if (inPlace === 'all') return decided('applied', 'in_place')

  if (!mayHaveActed && isHeldByAnother)
    return isCallerKey ? decided('unknown', 'earlier_call_may_have_acted') : decided('not_applied', 'held_by_another')

  if (has('final') && evidence.every(showsNothing))
    return evidence.length < 2 ? { kind: 'read_records' } : decided('not_applied', 'final_and_absent')
  return decided('unknown', 'ambiguous')
}

function decided(outcome: Outcome, reason: Reason): Decision {
  return { kind: 'decided', outcome, reason }
}

function showsNothing(evidence: Evidence): boolean {
  return evidence.kind === 'read' && evidence.comparison.inPlace === 'none'
}
