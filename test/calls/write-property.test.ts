import fc from 'fast-check'
import { expect, test } from 'vitest'
import { WRITES } from '../contract.ts'
import { countEffects, FAULTS } from '../support/fault-injection.ts'
import { expectTrue, type ReportedCall, startFaultyCalls, type Truth } from '../support/write-outcome.ts'

const { WRITE_OUTCOME_SEED, WRITE_OUTCOME_RUNS } = process.env

const runs = [
  { seed: Number(WRITE_OUTCOME_SEED ?? 20260728), sequences: Number(WRITE_OUTCOME_RUNS ?? 300) },
  // A sequence of this seed once had a wrong outcome. nightly.yml tries many more, of another seed each time.
  { seed: 474090, sequences: 500 },
]

// A counterexample shows the drawn values, so they are no whole rows.
const writes = new Map(WRITES.map(({ tool, write }) => [tool, write]))
const calls = WRITES.flatMap(({ tool, write }) => write.args.map((args) => ({ tool, args })))

/** Few values, so that the same ones come again: equal records, conflicts, writes that change nothing. */
const step = fc.record({
  call: fc.constantFrom(...calls),
  faults: fc.array(fc.constantFrom(...FAULTS), { maxLength: 3 }),
  readsFail: fc.boolean(),
  commitsAfter: fc.constantFrom(1, 2, 3, 9),
})

type Finished = Pick<ReportedCall, 'outcome'> & Pick<Truth, 'wasInPlace'> & { details: string; key: string | undefined }

test.each(runs)(
  'no outcome is wrong in $sequences random sequences (WRITE_OUTCOME_SEED=$seed)',
  async (run) => {
    const counts = { response: 0, applied: 0, not_applied: 0, unknown: 0 }
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
      const { metronome, call } = startFaultyCalls()
      const finished: Finished[] = []
      for (const {
        call: { tool, args },
        faults,
        ...options
      } of steps) {
        const previous = metronome.keys.length
        metronome.plan(faults, options)
        const { outcome, text } = await call(tool, args)
        const [key, ...otherKeys] = new Set(metronome.keys.slice(previous))
        expect(otherKeys, 'one Idempotency-Key per call').toEqual([])
        const wasInPlace = writes.get(tool)?.isInPlace(metronome.store, args) ?? false
        finished.push({ outcome, key, wasInPlace, details: `${tool}: ${outcome}, ${text}` })
        counts[outcome] += 1
      }
      metronome.commit()
      for (const { outcome, key, wasInPlace, details } of finished) {
        const effects = key === undefined ? 0 : countEffects(metronome.store, key)
        expectTrue(outcome, { effects, wasInPlace }, details)
      }
    })
    await fc.assert(property, { numRuns: run.sequences, seed: run.seed })
    // Every outcome was reported often: the property is not empty.
    expect(Math.min(...Object.values(counts)), JSON.stringify(counts)).toBeGreaterThanOrEqual(50)
  },
  600_000,
)
