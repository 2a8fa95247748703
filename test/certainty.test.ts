import { describe, expect, test } from 'vitest'
import { FAULTS, type Fault } from './support/faulty-metronome.ts'
import { startCertainty } from './support/told.ts'
import { countEffects, isInPlace, writes } from './support/writes.ts'

// Every sequence of up to three attempts: a fault on the first, on the first two, on all three, and mixed pairs.
const plans: Fault[][] = FAULTS.flatMap((first) => [
  [first],
  [first, first],
  [first, first, first],
  ...FAULTS.filter((second) => second !== first).map((second) => [first, second, 'reset'] as Fault[]),
])

const combinations = plans.flatMap((plan) =>
  [false, true].flatMap((readsFail) =>
    // When a late attempt lands: before the repeat, before the read-back, after the call.
    (plan.includes('late') ? [1, 2, 9] : [1]).map((landsAfter) => ({ plan, readsFail, landsAfter })),
  ),
)

describe.each(writes)('$tool', ({ tool, args }) => {
  test(`tells the truth in each of ${combinations.length} combinations of faults, and is never done twice`, async () => {
    const toldWords = new Set<string>()
    for (const { plan, ...options } of combinations) {
      const { metronome, call } = startCertainty()
      metronome.plan(plan, options)
      const { word, text } = await call(tool, args)
      const inPlace = isInPlace(metronome.store, tool, args)
      metronome.land()
      const [key, ...otherKeys] = new Set(metronome.keys)
      const effects = countEffects(metronome.store, key)
      const story = `${tool} ${plan.join()} ${JSON.stringify(options)}: ${text}`
      expect(otherKeys, story).toEqual([])
      expect(new Set(metronome.bodies).size, story).toBeLessThanOrEqual(1)
      expect(effects, story).toBeLessThanOrEqual(1)
      if (word === 'answered') expect(effects, story).toBe(1)
      if (word === 'applied') expect(effects === 1 || inPlace, story).toBe(true)
      if (word === 'not_applied') expect(effects, story).toBe(0)
      toldWords.add(word)
    }
    // A program that always said the same would pass the checks above.
    expect(Array.from(toldWords)).toEqual(expect.arrayContaining(['answered', 'not_applied', 'unknown']))
  }, 60_000)
})
