import { describe, expect, test } from 'vitest'
import { WRITES } from '../contract.ts'
import { countEffects, FAULTS, type Fault } from '../support/fault-injection.ts'
import { expectTrue, startFaultyCalls } from '../support/write-outcome.ts'

// Up to three attempts: a fault on the first, on the first two, on all three, and mixed pairs.
const plans: Fault[][] = FAULTS.flatMap((first) => [
  [first],
  [first, first],
  [first, first, first],
  ...FAULTS.filter((second) => second !== first).map((second): Fault[] => [first, second, 'reset']),
])

const combinations = plans.flatMap((plan) =>
  // Without a read, all that counts is what each attempt may have done, which a plan of one fault shows.
  (new Set(plan).size === 1 ? [false, true] : [false]).flatMap((readsFail) =>
    // A late attempt commits before the retry, before the verification, or after the call.
    (plan.includes('pending') || plan.includes('delayed') ? [1, 2, 9] : [1]).map((commitsAfter) => ({
      plan,
      readsFail,
      commitsAfter,
    })),
  ),
)

describe.each(WRITES)('$tool', ({ tool, write }) => {
  const [args] = write.args

  test(`reports a true outcome for all ${combinations.length} combinations of faults, and is never applied twice`, async () => {
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
