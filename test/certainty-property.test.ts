import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonObject } from '../src/operation/define.ts'
import { acme, acmeNetsuite, acmeStripe } from '../src/operations/samples.ts'
import { FAULTS } from './support/faulty-metronome.ts'
import { startCertainty } from './support/told.ts'
import { countEffects, isInPlace } from './support/writes.ts'

const SEQUENCES = 2_000
const seed = Number(process.env.CERTAINTY_SEED ?? Date.now() % 1_000_000)

const NOWHERE = '00000000-0000-4000-8000-000000000000'
const OLD_MILL = 'fe285c0d-448b-4c06-be51-0c6ff2382850'

const customerId = fc.constantFrom<string>(acme.id, acme.id, OLD_MILL, NOWHERE)
const aliases = fc.subarray(['nova', 'orbit', 'acme-prod'])

/** Few values, so that the same ones come again: twins, conflicts, writes that change nothing. */
const write: fc.Arbitrary<readonly [tool: string, args: JsonObject]> = fc.oneof(
  fc.tuple(
    fc.constant('create-customer'),
    fc.record({ name: fc.constantFrom('Nova', 'Orbit'), ingest_aliases: aliases }),
  ),
  fc.tuple(fc.constant('archive-customer'), fc.record({ id: customerId })),
  fc.tuple(
    fc.constant('update-customer-name'),
    fc.record({ customer_id: customerId, name: fc.constantFrom(acme.name, 'Acme Europe', 'x'.repeat(200)) }),
  ),
  fc.tuple(
    fc.constant('create-update-customer-ingest-aliases'),
    fc.record({ customer_id: customerId, ingest_aliases: aliases }),
  ),
  fc.tuple(
    fc.constant('update-customer-configuration'),
    fc.record({ customer_id: customerId, salesforce_account_id: fc.constantFrom('sf-1', 'sf-2', null) }),
  ),
  fc.tuple(
    fc.constant('set-customer-billable-status'),
    fc.record({
      customer_id: customerId,
      billable_status: fc.constantFrom('billable', 'unbillable'),
      effective_at: fc.constant('2026-02-01T00:00:00Z'),
    }),
  ),
  fc.tuple(
    fc.constant('archive-billing-provider-configurations-customer'),
    fc.record({ customer_id: customerId, customer_billing_provider_configuration_ids: fc.constant([acmeStripe.id]) }),
  ),
  fc.tuple(
    fc.constant('archive-revenue-system-configurations-customer'),
    fc.record({ customer_id: customerId, customer_revenue_system_configuration_ids: fc.constant([acmeNetsuite.id]) }),
  ),
  fc.tuple(
    fc.constant('set-billing-provider-configurations-customer'),
    customerId.map((customer_id) => ({
      data: [{ customer_id, billing_provider: 'stripe', configuration: acmeStripe.configuration }],
    })),
  ),
  fc.tuple(
    fc.constant('set-revenue-system-configurations-customer'),
    customerId.map((customer_id) => ({
      data: [{ customer_id, provider: 'netsuite', configuration: acmeNetsuite.configuration }],
    })),
  ),
)

const step = fc.record({
  write,
  faults: fc.array(fc.constantFrom(...FAULTS), { maxLength: 3 }),
  readsFail: fc.boolean(),
  landsAfter: fc.constantFrom(1, 2, 3, 9),
})

test(`the word is never wrong in ${SEQUENCES} random sequences (CERTAINTY_SEED=${seed})`, async () => {
  const told: Record<string, number> = {}
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 4 }), async (steps) => {
    const { metronome, call } = startCertainty()
    const calls: { word: string; text: string; key: string | undefined; inPlace: boolean }[] = []
    for (const { write, faults, ...options } of steps) {
      const [tool, args] = write
      const before = metronome.keys.length
      metronome.plan(faults, options)
      const { word, text } = await call(tool, args)
      const keys = new Set(metronome.keys.slice(before))
      expect(keys.size, 'one Idempotency-Key per call').toBeLessThanOrEqual(1)
      calls.push({ word, text, key: Array.from(keys)[0], inPlace: isInPlace(metronome.store, tool, args) })
      told[word] = (told[word] ?? 0) + 1
    }
    metronome.land()
    for (const { word, text, key, inPlace } of calls) {
      const effects = key === undefined ? 0 : countEffects(metronome.store, key)
      expect(effects, text).toBeLessThanOrEqual(1)
      if (word === 'answered') expect(effects, text).toBe(1)
      if (word === 'applied') expect(effects === 1 || inPlace, text).toBe(true)
      if (word === 'not_applied') expect(effects, text).toBe(0)
    }
  })
  await fc.assert(property, { numRuns: SEQUENCES, seed })
  // Every word was told often: the property is not empty.
  for (const word of ['answered', 'applied', 'not_applied', 'unknown']) expect(told[word], word).toBeGreaterThan(50)
}, 60_000)
