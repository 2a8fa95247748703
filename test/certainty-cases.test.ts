import { describe, expect, test } from 'vitest'
import { asObjects } from '../src/operation/json.ts'
import { operations } from '../src/operations/index.ts'
import { acme, acmeStripe } from '../src/operations/samples.ts'
import type { FetchOptions } from '../src/upstream/attempt.ts'
import { createClient } from '../src/upstream/client.ts'
import { CancelledError } from '../src/upstream/errors.ts'
import { createFaultyMetronome, matchesAny } from './support/faulty-metronome.ts'
import { startCertainty } from './support/told.ts'
import { countEffects, operationOf, writeOperations, writes } from './support/writes.ts'

const nova = { name: 'Nova Freight', ingest_aliases: ['nova'] }
const { id: _, ...asAcme } = acme
const lost = ['resetDone', 'resetDone', 'resetDone'] as const
const reset = ['reset', 'reset', 'reset'] as const
const harborline = 'c0904fc0-bd34-4152-9a50-89d0bc2927e0'
const archivedMill = 'fe285c0d-448b-4c06-be51-0c6ff2382850'

describe('reading back', () => {
  test('a create whose three answers were lost succeeds with the record and says how it was found out', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(lost)
    const { word, text, body } = await call('create-customer', nova)
    expect(word).toBe('applied')
    expect(body).toMatchObject({ data: { name: 'Nova Freight', ingest_aliases: ['nova'], archived_at: null } })
    expect(text).toMatch(
      /Tried 3 times under one Idempotency-Key.*Customer "?[0-9a-f-]{36}"? has the alias "nova".*as asked for/,
    )
    expect(metronome.keys).toHaveLength(3)
  })

  test('a create without an alias cannot be found, so it stays open with the look-up to make', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(lost)
    const { word, text } = await call('create-customer', { name: 'Nova Freight' })
    expect(word).toBe('unknown')
    expect(text).toMatch(/list-customers.*before you create it again/)
  })

  test('an equal customer from a call shortly before is not taken for the one of this call', async () => {
    const { metronome, call } = startCertainty()
    expect(await call('create-customer', nova)).toMatchObject({ word: 'answered' })
    metronome.plan(reset)
    expect(await call('create-customer', nova)).toMatchObject({ word: 'unknown' })
  })

  test('an equal customer that is older than the call is not taken for the one of this call', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(reset)
    const { word, text } = await call('create-customer', asAcme)
    expect(word).toBe('unknown')
    expect(text).toMatch(/may be older than this call/)
  })

  test('an alias that another, older customer holds proves that a create was not done', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(reset)
    const { word, text } = await call('create-customer', { name: 'Other', ingest_aliases: ['acme-prod'] })
    expect(word).toBe('not_applied')
    expect(text).toMatch(/its name is "?"?Acme Robotics/)
  })

  test('a create that failed for good leaves the way free for the corrected one', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(['refused', 'refused', 'refused'])
    expect(await call('create-customer', nova)).toMatchObject({ word: 'not_applied' })
    metronome.plan(lost)
    expect(await call('create-customer', nova)).toMatchObject({ word: 'applied' })
  })

  test('after a plain 500 the absence of a trace is a proof, after a lost answer it is none', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(['serverError'])
    expect(await call('create-customer', nova)).toMatchObject({ word: 'not_applied' })
    metronome.plan(reset)
    expect(await call('create-customer', nova)).toMatchObject({ word: 'unknown' })
  })

  test('an added configuration may have been there before, so finding one like it proves nothing', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(lost)
    const { customer_id, billing_provider, configuration } = acmeStripe
    const added = { data: [{ customer_id, billing_provider, configuration }] }
    const { word, text } = await call('set-billing-provider-configurations-customer', added)
    expect(word).toBe('unknown')
    expect(text).toMatch(new RegExp(`${acmeStripe.id}.*fetch-billing-provider-configurations-customer`))
  })

  test.each(['set-billing-provider-configurations-customer', 'set-revenue-system-configurations-customer'])(
    '%s for a customer id in capitals is not denied when it was done',
    async (tool) => {
      const { metronome, call } = startCertainty()
      metronome.plan(['serverErrorDone'])
      const [added] = asObjects(writes.find((write) => write.tool === tool)?.args.data)
      const { word, text } = await call(tool, { data: [{ ...added, customer_id: acme.id.toUpperCase() }] })
      expect(word).toBe('unknown')
      expect(text).toContain('There is one like it')
    },
  )

  test('an archived configuration is recognised by its id in capitals', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(['serverErrorDone'])
    const args = { customer_id: acme.id, customer_billing_provider_configuration_ids: [acmeStripe.id.toUpperCase()] }
    const { word, body } = await call('archive-billing-provider-configurations-customer', args)
    expect(word).toBe('applied')
    expect(body).toEqual({ data: args })
  })

  test('an added configuration that is shown without some of its keys is not denied', () => {
    const { write } = operationOf('set-billing-provider-configurations-customer')
    const { customer_id, billing_provider, configuration } = acmeStripe
    const asked = { ...configuration, leave_stripe_invoices_in_draft: true }
    const start = { isBefore: () => undefined, hasTwin: false }
    const args = { data: [{ customer_id, billing_provider, configuration: asked }] }
    expect(write?.judge(args, [{ data: [acmeStripe] }], start)).toMatchObject({ kind: 'undecided' })
    const other = { ...acmeStripe, configuration: { ...configuration, stripe_customer_id: 'cus_other' } }
    expect(write?.judge(args, [{ data: [other] }], start)).toMatchObject({ kind: 'absent' })
  })

  test('the draft setting cannot be read back', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(lost)
    const draft = { customer_id: acme.id, leave_stripe_invoices_in_draft: true, salesforce_account_id: 'sf-new' }
    expect(await call('update-customer-configuration', draft)).toMatchObject({ word: 'unknown' })
  })

  test('a read-back that fails does not hide the first error', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(['serverErrorDone'], { readsFail: true })
    const { word, text } = await call('update-customer-name', { customer_id: acme.id, name: 'Acme Europe' })
    expect(word).toBe('unknown')
    expect(text).toMatch(/answered 500.*Reading back failed.*get-customer/)
  })
})

describe('409', () => {
  test('one that answers a repeat is not taken for a conflict while the first attempt is under way', async () => {
    const { metronome, call } = startCertainty()
    metronome.plan(['late'], { landsAfter: 2 })
    expect(await call('create-customer', nova)).toMatchObject({ word: 'answered' })
    expect(metronome.keys).toHaveLength(3)
    expect(countEffects(metronome.store, metronome.keys[0])).toBe(1)
  })

  test('under a key that the caller chose may mean its earlier call, so it proves nothing', async () => {
    const { metronome } = startCertainty()
    metronome.store.underWay.set('chosen', () => {})
    const client = createClient({
      upstream: metronome.upstream,
      timeoutMs: 10_000,
      log: () => {},
      sleep: async () => {},
    })
    const context = { key: undefined, idempotencyKey: 'chosen', isKeyShared: true }
    const call = client.call(operationOf('create-customer'), nova, context)
    await expect(call).rejects.toMatchObject({ outcome: 'unknown', status: 409 })
    expect(metronome.keys).toEqual(['chosen', 'chosen', 'chosen'])
  })

  test('on create names the holder and how it differs', async () => {
    const { metronome, call } = startCertainty()
    const { word, text } = await call('create-customer', { name: 'Acme Two', ingest_aliases: ['acme-prod'] })
    expect(word).toBe('not_applied')
    expect(text).toMatch(/answered 409/)
    expect(text).toContain(acme.id)
    expect(text).toMatch(/active, name "?"?Acme Robotics.*its aliases are.*Use that customer or another alias/)
    expect(metronome.keys).toHaveLength(1)
  })

  test('on create says when the holder is just what was asked for', async () => {
    const { call } = startCertainty()
    const { text } = await call('create-customer', asAcme)
    expect(text).toMatch(/it is what was asked for, so go on with its id/)
  })

  test('on create finds an archived holder', async () => {
    const { call } = startCertainty()
    const { text } = await call('create-customer', { name: 'Mill', ingest_aliases: ['old-mill'] })
    expect(text).toMatch(new RegExp(`${archivedMill}.*archived`))
  })

  test('on aliases names the holder', async () => {
    const { call } = startCertainty()
    const wanted = { customer_id: harborline, ingest_aliases: ['harborline', 'acme-prod'] }
    const { word, text } = await call('create-update-customer-ingest-aliases', wanted)
    expect(word).toBe('not_applied')
    expect(text).toContain(acme.id)
  })

  test('on aliases does not name the customer itself, whose id came in capitals', () => {
    const { write } = operationOf('create-update-customer-ingest-aliases')
    const args = { customer_id: acme.id.toUpperCase(), ingest_aliases: ['acme-prod'] }
    expect(write?.conflict?.explain(args, [{ data: [acme] }])).toBe('')
  })
})

describe('budget', () => {
  test('a hanging upstream ends every write within its budget, repeats and read-back included', async () => {
    const metronome = createFaultyMetronome(matchesAny(writeOperations))
    const hanging: typeof fetch = (_, init) =>
      new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
    const timeoutMs = 200
    const client = createClient({ upstream: { ...metronome.upstream, fetch: hanging }, timeoutMs, log: () => {} })
    const startedAt = performance.now()
    const calls = operations.map((op) => client.call(op, op.example.input, { key: undefined }).catch((error) => error))
    await Promise.all(calls)
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs * 3)
  })

  test('a first attempt that hangs leaves time for a repeat', async () => {
    const metronome = createFaultyMetronome(matchesAny(writeOperations))
    let first = true
    const upstream = {
      ...metronome.upstream,
      fetch: (url: string, init: FetchOptions) => {
        if (!first) return metronome.upstream.fetch(url, init)
        first = false
        return new Promise<never>((_resolve, reject) =>
          init.signal.addEventListener('abort', () => reject(init.signal.reason)),
        )
      },
    }
    const client = createClient({ upstream, timeoutMs: 1_500, log: () => {}, sleep: async () => {} })
    const reply = await client.call(
      operationOf('update-customer-name'),
      { customer_id: acme.id, name: 'New' },
      { key: undefined },
    )
    expect(reply.body).toMatchObject({ data: { name: 'New' } })
  })

  test('without a fault every operation sends exactly one request', async () => {
    for (const op of operations) {
      const { metronome, call } = startCertainty()
      expect(await call(op.tool, op.example.input)).toMatchObject({ word: 'answered' })
      expect(metronome.count(), op.tool).toBe(1)
    }
  })
})

describe('cancelling', () => {
  test('stops the waiting, and a write that may have been done leaves one line with its key', async () => {
    const metronome = createFaultyMetronome(matchesAny(writeOperations))
    metronome.plan(['unavailableDone'])
    const lines: unknown[][] = []
    const cancel = new AbortController()
    const client = createClient({
      upstream: metronome.upstream,
      timeoutMs: 10_000,
      log: (...line) => void lines.push(line),
    })
    const onProgress = () => cancel.abort()
    const call = client.call(
      operationOf('archive-customer'),
      { id: acme.id },
      { key: undefined, signal: cancel.signal, onProgress },
    )
    await expect(call).rejects.toBeInstanceOf(CancelledError)
    expect(metronome.keys).toHaveLength(1)
    expect(lines.filter(([level]) => level === 'warn')).toEqual([
      [
        'warn',
        'write-cancelled',
        { tool: 'archive-customer', 'idempotency-key': metronome.keys[0], outcome: 'unknown' },
      ],
    ])
  })

  test('before anything was sent leaves no line', async () => {
    const metronome = createFaultyMetronome(matchesAny(writeOperations))
    const lines: unknown[][] = []
    const client = createClient({
      upstream: metronome.upstream,
      timeoutMs: 10_000,
      log: (...line) => void lines.push(line),
    })
    const call = client.call(
      operationOf('archive-customer'),
      { id: acme.id },
      { key: undefined, signal: AbortSignal.abort() },
    )
    await expect(call).rejects.toBeInstanceOf(CancelledError)
    expect(lines.filter(([level]) => level === 'warn')).toEqual([])
  })
})
