import { expect, test } from 'vitest'
import { FAULT_NAMES } from '../../src/sandbox/fault-spec.ts'
import { WRITES } from '../contract.ts'
import { countEffects } from '../support/fault-injection.ts'
import { startSandboxServer } from '../support/sandbox-server.ts'
import { expectTrue, reportCalls } from '../support/write-outcome.ts'

const BUDGET_MS = 1_500

/** Each fault with a write of its own: on one, two or all three attempts, and sometimes with lost reads. */
const plans = FAULT_NAMES.filter((name) => name !== 'random').flatMap((fault, index) => {
  const attempts = 1 + (index % 3)
  const losesReads = index % 4 === 0
  const faults = `${fault}:${attempts}${losesReads ? ',reset:3@reads' : ''}`
  const title = `${fault} on ${attempts} of 3 attempts${losesReads ? ' and lost reads' : ''}`
  return WRITES.slice(index % WRITES.length, (index % WRITES.length) + 1).map((row) => ({ ...row, title, faults }))
})

test.concurrent.each(plans)('$tool over a socket reports a true outcome after $title', async (row) => {
  const { tool, write, faults } = row
  const [args] = write.args
  const sandbox = await startSandboxServer(faults)
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
