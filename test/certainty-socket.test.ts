import { describe, expect, test } from 'vitest'
import { FAULT_NAMES } from '../src/sandbox/faults.ts'
import { openSandboxSocket } from './support/sandbox-socket.ts'
import { tellOf } from './support/told.ts'
import { countEffects, isInPlace, writes } from './support/writes.ts'

const BUDGET_MS = 1_500

// Each fault on the first attempt, on the first two and on all three; lost reads as well.
const specifications = FAULT_NAMES.filter((name) => name !== 'random').flatMap((name) => [
  `${name}:1`,
  `${name}:2`,
  `${name}:3`,
  `${name}:3,reset:3@reads`,
])

describe.each(writes)('$tool, over a real socket to the sandbox', ({ tool, args }) => {
  test.concurrent.each(specifications)('tells the truth after %s', async (faults) => {
    const sandbox = await openSandboxSocket(faults)
    try {
      const { word, text } = await tellOf(sandbox.upstream, BUDGET_MS)(tool, args)
      const inPlace = isInPlace(sandbox.store, tool, args)
      for (const land of sandbox.store.underWay.values()) land()
      const keys = new Set(sandbox.requests.flatMap(({ idempotencyKey }) => idempotencyKey ?? []))
      const effects = countEffects(sandbox.store, Array.from(keys)[0])
      expect(keys.size, text).toBeLessThanOrEqual(1)
      expect(effects, text).toBeLessThanOrEqual(1)
      if (word === 'answered') expect(effects, text).toBe(1)
      if (word === 'applied') expect(effects === 1 || inPlace, text).toBe(true)
      if (word === 'not_applied') expect(effects, text).toBe(0)
    } finally {
      await sandbox.close()
    }
  })
})
