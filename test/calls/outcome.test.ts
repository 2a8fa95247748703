import { describe, expect, test } from 'vitest'
import { type Attempt, decide, type Evidence } from '../../src/calls/outcome.ts'
import type { Comparison } from '../../src/operations/operation.ts'

const NONE: Attempt = { effect: 'none', isValidationError: false }
const VALIDATION_ERROR: Attempt = { effect: 'none', isValidationError: true }
const CONFLICT: Attempt = { effect: 'conflict', isValidationError: false }
const FINAL: Attempt = { effect: 'final', isValidationError: false }
const AMBIGUOUS: Attempt = { effect: 'ambiguous', isValidationError: false }

const show = (inPlace: Comparison['inPlace'], isHeldByAnother?: true): Evidence => ({
  kind: 'read',
  comparison: { inPlace, evidence: '', ...(isHeldByAnother && { isHeldByAnother }) },
})
const ALL = show('all')
const PART = show('part')
const NOTHING = show('none')
const HELD = show('part', true)
const UNREADABLE: Evidence = { kind: 'unreadable' }

/** Attempts, reads since, and what follows: an outcome with its reason, or another read. */
type Row = [rule: string, attempts: Attempt[], evidence: Evidence[], decision: string]

function describeDecision(attempts: Attempt[], evidence: Evidence[], isCallerKey: boolean): string {
  const decision = decide(attempts, evidence, isCallerKey)
  return decision.kind === 'decided' ? `${decision.outcome}: ${decision.reason}` : 'read the records'
}

describe('with a fresh Idempotency-Key', () => {
  test.each<Row>([
    ['an attempt had no effect', [NONE], [], 'not_applied: no_attempt_acted'],
    ['no attempt had an effect', [NONE, NONE, VALIDATION_ERROR], [], 'not_applied: no_attempt_acted'],

    ['an ambiguous attempt needs a read', [AMBIGUOUS], [], 'read the records'],
    ['an ambiguous attempt before one without effect does, too', [AMBIGUOUS, NONE], [], 'read the records'],
    ['a final attempt needs a read', [FINAL], [], 'read the records'],
    ['a conflict needs a read', [CONFLICT], [], 'read the records'],

    ['everything is in place after an ambiguous attempt', [AMBIGUOUS], [ALL], 'applied: in_place'],
    ['everything is in place after a final attempt', [FINAL], [ALL], 'applied: in_place'],
    ['everything is in place on the second read', [FINAL], [NOTHING, ALL], 'applied: in_place'],
    ['everything is in place after a conflict', [CONFLICT], [ALL], 'applied: in_place'],

    ['another customer holds the alias', [CONFLICT], [HELD], 'not_applied: held_by_another'],
    ['another customer holds the alias of a later attempt', [NONE, CONFLICT], [HELD], 'not_applied: held_by_another'],
    ['beside an ambiguous attempt a conflict shows nothing', [AMBIGUOUS, CONFLICT], [HELD], 'unknown: ambiguous'],
    ['beside a final attempt it does not either', [CONFLICT, FINAL], [HELD], 'unknown: ambiguous'],
    ['a conflict whose holder cannot be found', [CONFLICT], [NOTHING], 'unknown: ambiguous'],
    ['a conflict whose holder is not fully shown', [CONFLICT], [PART], 'unknown: ambiguous'],

    ['one read that shows nothing may lag behind', [FINAL], [NOTHING], 'read the records'],
    ['two reads show nothing after a final attempt', [FINAL], [NOTHING, NOTHING], 'not_applied: final_and_absent'],
    [
      'a final attempt ends the ambiguous ones',
      [AMBIGUOUS, FINAL],
      [NOTHING, NOTHING],
      'not_applied: final_and_absent',
    ],
    ['the second read shows a part', [FINAL], [NOTHING, PART], 'unknown: ambiguous'],
    ['the second read fails', [FINAL], [NOTHING, UNREADABLE], 'unknown: unreadable'],

    ['nothing is in place after an ambiguous attempt', [AMBIGUOUS], [NOTHING], 'unknown: ambiguous'],
    ['a part is in place, or a field is not shown', [AMBIGUOUS], [PART], 'unknown: ambiguous'],
    ['a part is in place after a final attempt', [FINAL], [PART], 'unknown: ambiguous'],
    ['the read fails', [AMBIGUOUS], [UNREADABLE], 'unknown: unreadable'],
    ['the read after a conflict fails', [CONFLICT], [UNREADABLE], 'unknown: unreadable'],
  ])('%s', (_, attempts, evidence, decision) => {
    expect(describeDecision(attempts, evidence, false)).toBe(decision)
  })
})

describe("with the caller's own Idempotency-Key, under which an earlier call may have acted", () => {
  test.each<Row>([
    ['every attempt failed validation', [VALIDATION_ERROR, VALIDATION_ERROR], [], 'not_applied: no_attempt_acted'],
    ['an attempt was not sent', [NONE], [], 'unknown: earlier_call_may_have_acted'],
    ['one of the attempts was not sent', [NONE, VALIDATION_ERROR], [], 'unknown: earlier_call_may_have_acted'],
    ['everything is in place', [CONFLICT], [ALL], 'applied: in_place'],
    ['another customer holds the alias', [CONFLICT], [HELD], 'unknown: earlier_call_may_have_acted'],
    ['two reads show nothing after a final attempt', [FINAL], [NOTHING, NOTHING], 'not_applied: final_and_absent'],
    ['nothing is in place after an ambiguous attempt', [AMBIGUOUS], [NOTHING], 'unknown: ambiguous'],
  ])('%s', (_, attempts, evidence, decision) => {
    expect(describeDecision(attempts, evidence, true)).toBe(decision)
  })
})
