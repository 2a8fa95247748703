import { describe, expect, test } from 'vitest'
import type { FetchInit } from '../../src/metronome/fetch.ts'
import { acme, acmeStripe } from '../../src/operations/examples.ts'
import { ARCHIVED_ID, CONTRACT, ID, UNKNOWN_ID } from '../contract.ts'
import { callWith } from '../support/call-upstream.ts'
import { countEffects, createFaultyMetronome, type Fault } from '../support/fault-injection.ts'
import { createHarness } from '../support/harness.ts'
import { reportCalls, startFaultyCalls } from '../support/write-outcome.ts'

const ALIASES = 'create-update-customer-ingest-aliases'
const BILLING = 'set-billing-provider-configurations-customer'
const HARBORLINE_ID = 'c0904fc0-bd34-4152-9a50-89d0bc2927e0'

const nova = { name: 'Nova Freight', ingest_aliases: ['nova'] }
const rename = { customer_id: ID, name: 'Acme Europe' }
const { id: _, ...likeAcme } = acme
const { customer_id, billing_provider, configuration, delivery_method } = acmeStripe
const likeStripe = { billing_provider, configuration, delivery_method }

/** The same fault on all three attempts. */
const thrice = (fault: Fault): Fault[] => [fault, fault, fault]

/** Responds to nothing. */
const hang = (_: string, { signal }: FetchInit) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))

describe('a write without a response', () => {
  test('that was applied returns the record and says how that was found out', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('lost-response'))
    const { outcome, text, body } = await call('create-customer', nova)
    expect(outcome).toBe('applied')
    expect(body).toMatchObject({ data: { name: 'Nova Freight', ingest_aliases: ['nova'], archived_at: null } })
    expect(text).toMatch(
      /^Outcome: applied\. No response from Metronome: .* Sent 3 times with the same Idempotency-Key\. A customer with exactly these values exists: id "[0-9a-f-]{36}", active, created_at "/,
    )
    expect(metronome.keys).toHaveLength(3)
  })

  test('that changed nothing since the values were in place before is applied', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('reset'))
    expect(await call('update-customer-name', { customer_id: ID, name: acme.name })).toMatchObject({
      outcome: 'applied',
    })
    expect(metronome.store.effects).toEqual([])
  })

  test.each([
    ['from an earlier call', nova, 1],
    ['from long ago', likeAcme, 0],
  ])('is applied when an equal customer %s exists, whose created_at is shown', async (_, args, effects) => {
    const { metronome, call } = startFaultyCalls()
    if (effects > 0) await call('create-customer', args)
    metronome.plan(thrice('reset'))
    const { outcome, text } = await call('create-customer', args)
    const created = Array.from(metronome.store.customers.values()).find(({ name }) => name === args.name)
    expect(outcome).toBe('applied')
    expect(text).toContain(`id "${created?.id}", active, created_at "${created?.created_at}"`)
    expect(metronome.store.effects).toHaveLength(effects)
  })

  test('is applied when an equal configuration exists, which may be older', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('reset'))
    const { outcome, text } = await call(BILLING, { data: [{ customer_id, ...likeStripe }] })
    expect(outcome).toBe('applied')
    expect(text).toContain(`exist, from this call or from before: ids "${acmeStripe.id}".`)
  })

  test('is unknown when each of two equal configurations needs a record of its own', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('reset'))
    const item = { customer_id, ...likeStripe }
    expect(await call(BILLING, { data: [item, item] })).toMatchObject({ outcome: 'unknown' })
  })

  test('is unknown when another customer holds the alias, whom the text describes', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('reset'))
    const { outcome, text } = await call('create-customer', { name: 'Other', ingest_aliases: ['acme-prod'] })
    expect(outcome).toBe('unknown')
    expect(text).toMatch(new RegExp(`Customer "${ID}" \\(active, created_at .*name is "Acme Robotics"`))
  })

  test('is unknown when nothing is in place, since an attempt may still act', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('reset'))
    const { outcome, text } = await call('update-customer-name', rename)
    expect(outcome).toBe('unknown')
    expect(text).toMatch(/name is "Acme Robotics".*Check the customer with get-customer/)
  })

  test('is unknown when a field cannot be read', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('lost-response'))
    const args = { customer_id: ID, leave_stripe_invoices_in_draft: true, salesforce_account_id: 'sf-new' }
    const { outcome, text } = await call('update-customer-configuration', args)
    expect(outcome).toBe('unknown')
    expect(text).toContain('leave_stripe_invoices_in_draft cannot be read')
  })

  test('is unknown without any read for a create without an alias', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('lost-response'))
    const { outcome, text } = await call('create-customer', { name: 'Nova Freight' })
    expect(outcome).toBe('unknown')
    expect(text).toMatch(/list-customers {"search":"Nova Freight"} before creating it again/)
    expect(metronome.count()).toBe(3)
  })

  test('is unknown when the records cannot be read, with the response of the write', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(['error-500-applied'], { readsFail: true })
    const { outcome, text, status } = await call('update-customer-name', rename)
    expect({ outcome, status }).toEqual({ outcome: 'unknown', status: 500 })
    expect(text).toMatch(
      /responded 500: .*No record could be read that shows whether it was applied\. Check the customer with get-customer/,
    )
  })

  test('that was never sent is not_applied without any read, and a later one is applied', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('not-sent'))
    expect(await call('create-customer', nova)).toMatchObject({ outcome: 'not_applied' })
    expect(metronome.count()).toBe(3)
    metronome.plan(thrice('lost-response'))
    expect(await call('create-customer', nova)).toMatchObject({ outcome: 'applied' })
  })
})

describe("after Metronome's own 500", () => {
  /** One call after one such 500, with the waits that it made. */
  async function callAfter500(fault: Fault, [tool, args]: readonly [string, object], staleReads = 0) {
    const metronome = createFaultyMetronome()
    metronome.plan([fault], { staleReads })
    const harness = createHarness({ upstream: metronome.upstream })
    const result = await callWith(harness, [tool, args])
    return { result, waits: harness.waits, reads: metronome.count() - metronome.keys.length }
  }

  test('a write that the records show is applied', async () => {
    const { result, waits, reads } = await callAfter500('error-500-applied', ['update-customer-name', rename])
    expect(result).toMatchObject({ ok: true, body: { data: { name: 'Acme Europe' } } })
    expect({ waits, reads }).toEqual({ waits: [], reads: 1 })
  })

  test('a write of which they show nothing is unknown, and is not retried', async () => {
    const { result, waits, reads } = await callAfter500('error-500', ['update-customer-name', rename])
    const message = expect.stringContaining('In get-customer name is "Acme Robotics".')
    expect(result).toMatchObject({ status: 500, outcome: 'unknown', message })
    expect({ waits, reads }).toEqual({ waits: [], reads: 1 })
  })

  test('a write that a lagging read does not show is unknown', async () => {
    const { result } = await callAfter500('error-500-applied', ['update-customer-name', rename], 1)
    expect(result).toMatchObject({ outcome: 'unknown' })
  })

  test('a create whose alias nobody holds is unknown', async () => {
    const { result, reads } = await callAfter500('error-500', ['create-customer', nova])
    const message = expect.stringContaining('No customer holds the requested alias.')
    expect(result).toMatchObject({ outcome: 'unknown', message })
    // Active and archived customers.
    expect(reads).toBe(2)
  })

  test.each(['acme-prod', 'old-mill'])('a create whose alias %s another customer holds is unknown', async (alias) => {
    const args = { name: 'Other', ingest_aliases: [alias] }
    expect((await callAfter500('error-500', ['create-customer', args])).result).toMatchObject({ outcome: 'unknown' })
  })

  test('configurations for a customer that does not exist are unknown', async () => {
    const { result } = await callAfter500('none', [BILLING, { data: [{ customer_id: UNKNOWN_ID, ...likeStripe }] }])
    const message = expect.stringContaining('Metronome also returns 500 for a customer that does not exist')
    expect(result).toMatchObject({ status: 500, outcome: 'unknown', message })
  })

  test.each([
    [BILLING, { data: [{ customer_id: ID.toUpperCase(), ...likeStripe }] }],
    [
      'archive-billing-provider-configurations-customer',
      { customer_id: ID, customer_billing_provider_configuration_ids: [acmeStripe.id.toUpperCase()] },
    ],
  ])('%s with an id in capitals is applied', async (tool, args) => {
    expect((await callAfter500('error-500-applied', [tool, args])).result).toMatchObject({ ok: true })
  })

  test('of a gateway a write that nothing shows is unknown', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(['error-page-applied'], { readsFail: true })
    expect(await call('update-customer-name', rename)).toMatchObject({ outcome: 'unknown', status: 500 })
    metronome.plan(['error-page-applied'], { staleReads: 1 })
    const args = { customer_id: ID, name: 'Acme Asia' }
    expect(await call('update-customer-name', args)).toMatchObject({ outcome: 'unknown', status: 500 })
  })
})

describe('a conflict', () => {
  test('with an attempt of the same call that is still pending is retried', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(['pending'], { commitsAfter: 2 })
    expect(await call('create-customer', nova)).toMatchObject({ outcome: 'response' })
    expect(metronome.keys).toHaveLength(3)
    expect(countEffects(metronome.store, metronome.keys[0])).toBe(1)
  })

  test('on create is not_applied, and the text describes the holder and how it differs', async () => {
    const { metronome, call } = startFaultyCalls()
    const { outcome, text, status } = await call('create-customer', { name: 'Other', ingest_aliases: ['acme-prod'] })
    expect({ outcome, status }).toEqual({ outcome: 'not_applied', status: 409 })
    expect(text).toMatch(
      new RegExp(`Customer "${ID}" \\(active, .*name is "Acme Robotics"; ingest_aliases is .*Use that customer`),
    )
    expect(metronome.keys).toHaveLength(1)
  })

  test.each([
    ['', likeAcme],
    [', its configurations included', { ...likeAcme, customer_billing_provider_configurations: [likeStripe] }],
  ])('on create is applied when the holder equals the whole request%s', async (_, args) => {
    const { call } = startFaultyCalls()
    const { outcome, text, body } = await call('create-customer', args)
    expect(outcome).toBe('applied')
    expect(text).toMatch(/responded 409: .*exactly these values exists: id .*created_at "2024-01-08/)
    expect(body).toMatchObject({ data: { id: ID } })
  })

  test('on create is not_applied when the holder lacks a requested configuration', async () => {
    const { call } = startFaultyCalls()
    const other = { ...likeStripe, configuration: { ...configuration, stripe_customer_id: 'cus_other' } }
    const args = { ...likeAcme, customer_billing_provider_configurations: [other] }
    const { outcome, text } = await call('create-customer', args)
    expect(outcome).toBe('not_applied')
    expect(text).toContain('its billing configurations are not exactly those requested')
  })

  test('on create finds an archived holder', async () => {
    const { call } = startFaultyCalls()
    const { outcome, text } = await call('create-customer', { name: 'Mill', ingest_aliases: ['old-mill'] })
    expect(outcome).toBe('not_applied')
    expect(text).toMatch(new RegExp(`${ARCHIVED_ID}" \\(archived_at .*archived customer cannot be used`))
  })

  test('on aliases is not_applied, and the text names the holder', async () => {
    const { call } = startFaultyCalls()
    const args = { customer_id: HARBORLINE_ID, ingest_aliases: ['harborline', 'acme-prod'] }
    const { outcome, text } = await call(ALIASES, args)
    expect(outcome).toBe('not_applied')
    expect(text).toContain(`Customer "${ID}" (active`)
  })

  test('after an ambiguous attempt is unknown, since that attempt may have created the holder', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(['reset'])
    const args = { name: 'Other', ingest_aliases: ['acme-prod'] }
    expect(await call('create-customer', args)).toMatchObject({ outcome: 'unknown', status: 409 })
  })
})

describe("with the caller's own Idempotency-Key", () => {
  test('a 409 may come from an earlier call that is pending', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.store.pending.set('chosen', () => {})
    expect(await call('archive-customer', { id: ID }, 'chosen')).toMatchObject({ outcome: 'unknown', status: 409 })
    expect(metronome.keys).toEqual(['chosen'])
  })

  test.each<[string, Fault[], string, RegExp]>([
    ['that was rejected as invalid is not_applied', ['none'], 'not_applied', /is archived/],
    ['that was never sent, and is in place, is applied', thrice('not-sent'), 'applied', /shows archived_at/],
  ])('a write %s', async (_, faults, outcome, message) => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(faults)
    const report = await call('archive-customer', { id: ARCHIVED_ID }, 'chosen')
    expect(report).toMatchObject({ outcome, text: expect.stringMatching(message) })
  })

  test('a write that was never sent, and is not in place, is unknown', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(thrice('not-sent'))
    const report = await call('archive-customer', { id: ID }, 'chosen')
    expect(report).toMatchObject({
      outcome: 'unknown',
      text: expect.stringContaining('This call did nothing, but an earlier one with this Idempotency-Key may have.'),
    })
  })

  test('an alias that another customer holds makes a create unknown', async () => {
    const { call } = startFaultyCalls()
    const args = { name: 'Other', ingest_aliases: ['acme-prod'] }
    expect(await call('create-customer', args, 'chosen')).toMatchObject({ outcome: 'unknown', status: 409 })
  })

  test('a 500, which stays stored under the key, is unknown with the advice to use a new key', async () => {
    const { metronome, call } = startFaultyCalls()
    metronome.plan(['error-500'])
    const { outcome, text } = await call('update-customer-name', rename, 'chosen')
    expect(outcome).toBe('unknown')
    expect(text).toContain('after that check, retry with a new key')
  })
})

describe('the budget', () => {
  test('covers retries and verification when the upstream hangs', async () => {
    const timeoutMs = 200
    const harness = createHarness({ upstream: { fetch: hang }, timeoutMs })
    const startedAt = performance.now()
    const results = await Promise.all(CONTRACT.map(({ tool, request }) => callWith(harness, [tool, request.args])))
    expect(results.map((result) => result.ok || result.code)).toEqual(CONTRACT.map(() => 'timed_out'))
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs * 3)
  })

  test('leaves time for a retry when the first attempt hangs', async () => {
    const { metronome } = startFaultyCalls()
    let attempts = 0
    const fetch = (url: string, init: FetchInit) =>
      attempts++ === 0 ? hang(url, init) : metronome.upstream.fetch(url, init)
    const call = reportCalls({ ...metronome.upstream, fetch }, 1_500)
    expect(await call('update-customer-name', rename)).toMatchObject({
      outcome: 'response',
      body: { data: { name: 'Acme Europe' } },
    })
  })
})

describe('cancelling', () => {
  test('ends the retries; a write that may have been applied is logged once, with its key', async () => {
    const { metronome } = startFaultyCalls()
    metronome.plan(['unavailable-applied'])
    const cancel = new AbortController()
    const harness = createHarness({ upstream: metronome.upstream })
    const channel = { signal: cancel.signal, onProgress: () => cancel.abort() }
    const result = await callWith(harness, ['archive-customer', { id: ID }], {}, channel)
    expect(result).toMatchObject({ outcome: 'unknown' })
    const [key, ...others] = metronome.keys
    expect(others).toEqual([])
    expect(harness.logLines.filter((line) => line.startsWith('warn'))).toEqual([
      `warn write-outcome-unknown ${JSON.stringify({ tool: 'archive-customer', 'idempotency-key': key })}`,
    ])
  })

  test('before anything was sent is not_applied and logs no warning', async () => {
    const { metronome } = startFaultyCalls()
    const harness = createHarness({ upstream: metronome.upstream })
    const signal = AbortSignal.abort()
    const result = await callWith(harness, ['archive-customer', { id: ID }], {}, { signal })
    expect(result).toMatchObject({ code: 'cancelled', outcome: 'not_applied' })
    expect(metronome.count()).toBe(0)
    expect(harness.logLines.filter((line) => line.startsWith('warn'))).toEqual([])
  })

  test('by the program, which stops, ends every call in flight with its outcome', async () => {
    const harness = createHarness({ upstream: { fetch: hang } })
    const calls = [
      callWith(harness, ['archive-customer', { id: ID }]),
      callWith(harness, ['get-customer', { customer_id: ID }]),
    ]
    await new Promise((resolve) => setImmediate(resolve))
    harness.interrupt()
    const message = expect.stringContaining('this server is stopping')
    expect(await Promise.all(calls)).toMatchObject([
      { code: 'cancelled', outcome: 'unknown', message },
      { code: 'cancelled', outcome: undefined, message },
    ])
  })
})
