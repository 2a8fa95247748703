import { describe, expect, test } from 'vitest'
import { decideFromAttempts, decideFromRecords, type Evidence } from '../../src/calls/outcome.ts'
import type { Effect } from '../../src/metronome/retry.ts'

const IN_PLACE: Evidence = { kind: 'read', comparison: { isInPlace: true, evidence: '', body: {} } }
const NOT_IN_PLACE: Evidence = { kind: 'read', comparison: { isInPlace: false, evidence: '' } }
const HELD: Evidence = { kind: 'read', comparison: { isInPlace: false, isHeldByAnother: true, evidence: '' } }
const UNREADABLE: Evidence = { kind: 'unreadable' }

/** Effects of the attempts, what the records show, and the outcome with its reason. */
type Row = [rule: string, effects: Effect[], evidence: Evidence | undefined, decision: string]

/** The decision without reading the records when there is no evidence, otherwise the one that they lead to. */
function describeDecision(effects: Effect[], evidence: Evidence | undefined, mayHaveBeenUsed: boolean): string {
  const fromAttempts = decideFromAttempts(effects, mayHaveBeenUsed)
  if (fromAttempts && evidence) throw new Error('the records are not read')
  const decision = evidence ? decideFromRecords(effects, evidence, mayHaveBeenUsed) : fromAttempts
  if (!decision) return 'read the records'
  return decision.outcome === 'applied' ? 'applied' : `${decision.outcome}: ${decision.reason}`
}

describe('with a fresh Idempotency-Key', () => {
  test.each<Row>([
    ['an attempt had no effect', ['none'], undefined, 'not_applied: no_attempt_acted'],
    ['no attempt had an effect', ['none', 'none', 'invalid'], undefined, 'not_applied: no_attempt_acted'],

    ['an ambiguous attempt needs a read', ['ambiguous'], undefined, 'read the records'],
    ['an ambiguous attempt before one without effect does, too', ['ambiguous', 'none'], undefined, 'read the records'],
    ['a conflict needs a read', ['conflict'], undefined, 'read the records'],

    ['everything is in place after an ambiguous attempt', ['ambiguous'], IN_PLACE, 'applied'],
    ['everything is in place after a conflict', ['conflict'], IN_PLACE, 'applied'],

    ['another customer holds the alias', ['conflict'], HELD, 'not_applied: held_by_another'],
    ['it holds the alias of a later attempt', ['none', 'conflict'], HELD, 'not_applied: held_by_another'],
    ['beside an ambiguous attempt a conflict shows nothing', ['ambiguous', 'conflict'], HELD, 'unknown: ambiguous'],
    ['a conflict whose holder cannot be found', ['conflict'], NOT_IN_PLACE, 'unknown: ambiguous'],
    ['a conflict whose holder cannot be read', ['conflict'], UNREADABLE, 'unknown: unreadable'],

    ['nothing is in place after an ambiguous attempt', ['ambiguous'], NOT_IN_PLACE, 'unknown: ambiguous'],
    ['the read fails after an ambiguous attempt', ['ambiguous'], UNREADABLE, 'unknown: unreadable'],
  ])('%s', (_, effects, evidence, decision) => {
    expect(describeDecision(effects, evidence, false)).toBe(decision)
  })
})

describe('with an Idempotency-Key under which an earlier call may have acted', () => {
  test.each<Row>([
    ['every attempt was invalid', ['invalid', 'invalid'], undefined, 'not_applied: no_attempt_acted'],
    ['an attempt was not sent', ['none'], undefined, 'read the records'],
    ['one of the attempts was not sent', ['none', 'invalid'], undefined, 'read the records'],
    ['everything is in place though no attempt acted', ['none'], IN_PLACE, 'applied'],
    ['nothing is in place, and no attempt acted', ['none'], NOT_IN_PLACE, 'unknown: earlier_call_may_have_acted'],
    ['no record can be read, and no attempt acted', ['none'], UNREADABLE, 'unknown: earlier_call_may_have_acted'],
    ['everything is in place after a conflict', ['conflict'], IN_PLACE, 'applied'],
    ['another customer holds the alias', ['conflict'], HELD, 'unknown: earlier_call_may_have_acted'],
    ['nothing is in place after an ambiguous attempt', ['ambiguous'], NOT_IN_PLACE, 'unknown: ambiguous'],
  ])('%s', (_, effects, evidence, decision) => {
    expect(describeDecision(effects, evidence, true)).toBe(decision)
  })
})
