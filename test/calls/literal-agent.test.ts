import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/operations/json.ts'
import { ID } from '../contract.ts'
import { createFaultyMetronome, type Fault } from '../support/fault-injection.ts'
import { createHarness } from '../support/harness.ts'

const { LITERAL_AGENT_SEED, LITERAL_AGENT_RUNS } = process.env
const SEED = Number(LITERAL_AGENT_SEED ?? 20261129)
const RUNS = Number(LITERAL_AGENT_RUNS ?? 2_000)

const stripe = { stripe_customer_id: 'cus_literal', stripe_collection_method: 'send_invoice' }

/** What adds a record, how the records are read, and which of them are the one that was asked for. */
const TASKS = [
  {
    tool: 'create-customer',
    args: { name: 'Nova Freight' },
    check: { tool: 'list-customers', args: { limit: 100 } },
    isWanted: ({ name }: JsonObject) => name === 'Nova Freight',
  },
  {
    tool: 'create-customer',
    args: { name: 'Nova Freight', ingest_aliases: ['nova'] },
    check: { tool: 'list-customers', args: { ingest_alias: 'nova' } },
    isWanted: ({ name }: JsonObject) => name === 'Nova Freight',
  },
  {
    tool: 'set-billing-provider-configurations-customer',
    args: {
      data: [
        {
          customer_id: ID,
          billing_provider: 'stripe',
          delivery_method: 'direct_to_billing_provider',
          configuration: stripe,
        },
      ],
    },
    check: { tool: 'fetch-billing-provider-configurations-customer', args: { customer_id: ID } },
    isWanted: ({ configuration }: JsonObject) => JSON.stringify(configuration).includes('cus_literal'),
  },
  {
    tool: 'set-revenue-system-configurations-customer',
    args: {
      data: [{ customer_id: ID, provider: 'netsuite', configuration: { netsuite_customer_id: 'literal' } }],
    },
    check: { tool: 'fetch-revenue-system-configurations-customer', args: { customer_id: ID } },
    isWanted: ({ configuration }: JsonObject) => JSON.stringify(configuration).includes('literal'),
  },
] as const

const FAULTS: readonly Fault[] = [
  'none',
  'lost-response',
  'reset',
  'pending',
  'delayed',
  'unavailable',
  'unavailable-applied',
  'gateway-timeout',
  'error-500',
  'error-500-applied',
  'error-page-applied',
  'html-applied',
  'not-sent',
  'rate-limit',
]

type Path = 'done' | 'retried under the key' | 'checked' | 'called anew'

/** Does what the texts say, and nothing else. The task ends when a record is there and the agent knows it. */
async function runAgent(task: (typeof TASKS)[number], faults: readonly Fault[], commitsAfter: number) {
  const metronome = createFaultyMetronome()
  metronome.plan(faults, { commitsAfter })
  const { call, caller } = createHarness({ upstream: metronome.upstream, timeoutMs: 10_000 })
  const paths: Path[] = []
  let args: JsonObject = task.args
  for (let step = 0; step < 12; step += 1) {
    try {
      await call({ tool: task.tool, args }, caller)
      paths.push('done')
      break
    } catch (error) {
      const text = String(error)
      const [, key] = /"idempotency_key": "([^"]+)" within 24 hours/.exec(text) ?? []
      if (/call again in a minute/.test(text)) metronome.commit()
      else if (key !== undefined) {
        paths.push('retried under the key')
        args = { ...task.args, idempotency_key: key }
      } else if (/make that check first, and then a new call/.test(text)) {
        paths.push('checked')
        // What is still on its way under a stored response will not act any more.
        metronome.commit()
        const { data } = await call({ ...task.check }, caller)
        if ((data as JsonObject[]).some(task.isWanted)) break
        paths.push('called anew')
        args = task.args
      } else {
        expect(error).toMatchObject({ outcome: args.idempotency_key === undefined ? 'not_applied' : 'unknown' })
        paths.push('called anew')
      }
    }
  }
  metronome.commit()
  const { data } = await call({ ...task.check }, caller)
  return { paths, wanted: (data as JsonObject[]).filter(task.isWanted).length }
}

test(`an agent that does what the texts say adds exactly one record in ${RUNS} runs (LITERAL_AGENT_SEED=${SEED})`, async () => {
  const taken = new Map<Path, number>()
  const run = fc.asyncProperty(
    fc.constantFrom(...TASKS),
    fc.array(fc.constantFrom(...FAULTS), { maxLength: 8 }),
    fc.constantFrom(1, 2, 5),
    async (task, faults, commitsAfter) => {
      const { paths, wanted } = await runAgent(task, faults, commitsAfter)
      for (const path of paths) taken.set(path, (taken.get(path) ?? 0) + 1)
      expect({ wanted, paths }).toEqual({ wanted: 1, paths })
    },
  )
  await fc.assert(run, { numRuns: RUNS, seed: SEED })
  console.log(`paths taken: ${Array.from(taken, ([path, times]) => `${path} ${times}`).join(', ')}`)
  // Each path was taken often, or the property would say nothing about it.
  expect(Math.min(...taken.values()), JSON.stringify(Array.from(taken))).toBeGreaterThan(100)
  expect(taken.size).toBe(4)
}, 300_000)
