import { describe, expect, test } from 'vitest'
import { FAULT_NAMES, type FaultPlan } from '../../src/sandbox/fault-spec.ts'
import { WRITES } from '../contract.ts'
import { countEffects } from '../support/fault-injection.ts'
import { startSandboxServer } from '../support/sandbox-server.ts'
import { expectTrue, reportCalls } from '../support/write-outcome.ts'

const BUDGET_MS = 1_500
const FAULTS = FAULT_NAMES.filter((name) => name !== 'random')

/** Every fault once for each write: on one, two or all three attempts, and sometimes with lost reads. */
function planFaults(writeIndex: number): [name: string, plan: FaultPlan][] {
  return FAULTS.map((fault, faultIndex) => {
    const attempts = 1 + ((writeIndex + faultIndex) % 3)
    const losesReads = (writeIndex + faultIndex) % 4 === 0
    const name = `${fault} on ${attempts} of 3 attempts${losesReads ? ' and lost reads' : ''}`
    return [name, { writes: Array(attempts).fill(fault), reads: losesReads ? Array(3).fill('reset') : [] }]
  })
}

describe.each(WRITES.map((row, index) => ({ ...row, index })))('$tool over a socket', ({ tool, write, index }) => {
  const [args] = write.args

  test.concurrent.each(planFaults(index))('reports a true outcome after %s', async (_, plan) => {
    const sandbox = await startSandboxServer(plan)
    try {
      const { outcome, text } = await reportCalls(sandbox.upstream, BUDGET_MS)(tool, args)
      const wasInPlace = write.isInPlace(sandbox.store, args)
      for (const commit of sandbox.store.pending.values()) commit()
      const [key, ...otherKeys] = sandbox.keys
      expect(otherKeys, text).toEqual([])
      expectTrue(outcome, { effects: countEffects(sandbox.store, key), wasInPlace }, `${outcome}, ${text}`)
    } finally {
      await sandbox.close()
    }
  })
})
