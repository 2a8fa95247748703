import { describe, expect, test } from 'vitest'
import { WRITES } from '../contract.ts'
import { countEffects, FAULTS, type Fault } from '../support/fault-injection.ts'
import { expectTrue, startFaultyCalls } from '../support/write-outcome.ts'

// Up to three attempts: a fault on the first, on the first two, on all three, and mixed pairs.
const samePlans: Fault[][] = FAULTS.flatMap((fault) => [[fault], [fault, fault], [fault, fault, fault]])
const mixedPlans: Fault[][] = FAULTS.flatMap((first) =>
  FAULTS.filter((second) => second !== first).map((second): Fault[] => [first, second, 'reset']),
)
/** The rules of all writes are the same: each mixed pair is tried with every third tool. */
const EVERY = 3

// A late attempt commits before the retry, before the verification, or after the call.
const withCommits = (plan: Fault[], readsFail: boolean) =>
  (plan.includes('pending') || plan.includes('delayed') ? [1, 2, 9] : [1]).map((commitsAfter) => ({
    plan,
    readsFail,
    commitsAfter,
  }))

describe.each(WRITES)('$tool', ({ tool, write }) => {
  const [args] = write.args
  const share = WRITES.findIndex((each) => each.tool === tool) % EVERY
  const combinations = [
    ...samePlans.flatMap((plan) => [false, true].flatMap((readsFail) => withCommits(plan, readsFail))),
    // Without a read, all that counts is what each attempt may have done, which a plan of one fault shows.
    ...mixedPlans.filter((_, index) => index % EVERY === share).flatMap((plan) => withCommits(plan, false)),
  ]

  test('reports a true outcome for all combinations of faults, and is never applied twice', async () => {
    const outcomes = new Set<string>()
    for (const { plan, ...options } of combinations) {
      const { metronome, call } = startFaultyCalls()
      metronome.plan(plan, options)
      const { outcome, text } = await call(tool, args)
      const wasInPlace = write.isInPlace(metronome.store, args)
      metronome.commit()
      const [key, ...otherKeys] = new Set(metronome.keys)
      const details = `${tool} ${plan.join()} ${JSON.stringify(options)}: ${outcome}, ${text}`
      expect(otherKeys, details).toEqual([])
      expect(new Set(metronome.bodies).size, details).toBeLessThanOrEqual(1)
      expectTrue(outcome, { effects: countEffects(metronome.store, key), wasInPlace }, details)
      outcomes.add(outcome)
    }
    // A program that always reported the same would pass the checks above.
    expect(Array.from(outcomes).sort()).toEqual(['applied', 'not_applied', 'response', 'unknown'])
  }, 60_000)
})
