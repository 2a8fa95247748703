import { afterEach, describe, expect, test, vi } from 'vitest'
import { acme, acmeDetail, acmeNetsuite, acmeStripe } from '../../src/operations/examples.ts'
import { operations } from '../../src/operations/index.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { seedBilling, seedCustomers } from '../../src/sandbox/seed.ts'
import { type OpenSandbox, openSandbox, post } from '../support/sandbox.ts'

const ACTIVE = seedCustomers.filter(({ archived_at }) => archived_at === null).length
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000'
const OLD_MILL = 'fe285c0d-448b-4c06-be51-0c6ff2382850'
const HARBORLINE = 'c0904fc0-bd34-4152-9a50-89d0bc2927e0'

const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
const stripeInput = {
  billing_provider: 'stripe',
  delivery_method: 'direct_to_billing_provider',
  configuration: { stripe_customer_id: 'cus_1', stripe_collection_method: 'send_invoice' },
}

afterEach(() => {
  vi.useRealTimers()
})

interface Listed {
  data: { id: string; name: string; ingest_aliases: string[]; archived_at: string | null }[]
  next_page: string | null
}

async function list(sandbox: OpenSandbox, args: Record<string, unknown> = {}): Promise<Listed> {
  const { body } = await sandbox.call('list-customers', args)
  return body as unknown as Listed // the operation's output schema has checked it
}

async function read(sandbox: OpenSandbox, customer_id: string): Promise<Record<string, unknown>> {
  const { body } = await sandbox.call('get-customer', { customer_id })
  return body.data as Record<string, unknown> // as above
}

async function create(sandbox: OpenSandbox, args: Record<string, unknown>): Promise<string> {
  const { body } = await sandbox.call('create-customer', args)
  return (body.data as { id: string }).id // as above
}

describe('initial state', () => {
  test('holds active companies, the first one from the examples, and an archived one', async () => {
    const sandbox = openSandbox()
    const { data, next_page } = await list(sandbox)
    expect(data[0]).toEqual(acmeDetail)
    expect(data).toHaveLength(ACTIVE)
    expect(next_page).toBeNull()
    expect((await list(sandbox, { only_archived: true })).data).toEqual([
      expect.objectContaining({ id: OLD_MILL, name: 'Old Mill Printing', archived_at: '2025-04-30T16:00:00.000Z' }),
    ])
  })

  test.each(operations)('returns the example output of $tool for its example input', async ({ tool, example }) => {
    const { body } = await openSandbox().call(tool, example.input)
    expect(body).toEqual(maskGenerated(example.output))
  })

  test('marks its results', async () => {
    const { baseUrl, note } = createSandbox()
    expect({ baseUrl, note }).toEqual({
      baseUrl: 'https://sandbox.invalid',
      note: 'Sandbox: nothing here reaches Metronome.',
    })
    expect((await openSandbox().call('list-customers', { limit: 1 })).note).toBe(note)
  })

  test('belongs to one sandbox only', async () => {
    const changed = openSandbox()
    await changed.call('archive-customer', { id: acme.id })
    expect((await list(changed)).data).toHaveLength(ACTIVE - 1)
    expect((await list(openSandbox())).data).toHaveLength(ACTIVE)
    expect(await read(openSandbox(), acme.id)).toEqual(acmeDetail)
  })
})

/** Replaces what differs on every call: ids of new records, and links. */
function maskGenerated(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, item) => {
    if (key === 'id' && item !== acme.id && item !== acmeStripe.id) return uuid
    return key === 'url' ? expect.stringContaining('https://embeddable-dashboards.metronome.com/') : item
  })
}

describe('list-customers', () => {
  test.each([
    ['by alias', { ingest_alias: 'acme-prod' }, ['Acme Robotics']],
    ['active customers only, by alias', { ingest_alias: 'old-mill' }, []],
    ['archived customers only, by alias', { ingest_alias: 'old-mill', only_archived: true }, ['Old Mill Printing']],
    [
      'by ids in any case',
      { customer_ids: [acme.id.toUpperCase(), HARBORLINE, UNKNOWN_ID] },
      ['Acme Robotics', 'Harborline Freight'],
    ],
    ['no archived customers by id', { customer_ids: [OLD_MILL] }, []],
    [
      'by Salesforce accounts',
      { salesforce_account_ids: ['0015500001WS4TeAAL', '0015500001WS4TuAAL'] },
      ['Tidepool Games', 'Tidepool Games'],
    ],
    ['with filters combined', { ingest_alias: 'acme-prod', customer_ids: [HARBORLINE] }, []],
  ])('finds %s', async (_, args, names) => {
    expect((await list(openSandbox(), args)).data.map(({ name }) => name)).toEqual(names)
  })

  test('pages with opaque cursors until null, even while customers are added', async () => {
    const sandbox = openSandbox()
    const first = await list(sandbox, { limit: 9 })
    await create(sandbox, { name: 'Late Comer' })
    const second = await list(sandbox, { limit: 9, next_page: first.next_page })
    const third = await list(sandbox, { limit: 9, next_page: second.next_page })
    expect([first, second, third].map(({ data }) => data.length)).toEqual([9, 9, ACTIVE + 1 - 18])
    expect(new Set([first, second, third].flatMap(({ data }) => data.map(({ id }) => id))).size).toBe(ACTIVE + 1)
    expect(third.next_page).toBeNull()
    expect(first.next_page).not.toContain(first.data.at(-1)?.id)
  })

  test('returns 25 customers by default, and no cursor after a full last page', async () => {
    const sandbox = openSandbox()
    for (let i = 0; i < 25 - ACTIVE; i++) await create(sandbox, { name: `Company ${i}` })
    expect(await list(sandbox)).toMatchObject({ data: { length: 25 }, next_page: null })
    await create(sandbox, { name: 'One more' })
    expect(await list(sandbox)).toMatchObject({ data: { length: 25 }, next_page: expect.any(String) })
  })

  test('rejects an unknown cursor', async () => {
    await expect(list(openSandbox(), { next_page: 'abc' })).rejects.toThrow(/400: "next_page is not a cursor/)
  })
})

describe('create-customer', () => {
  test('returns a customer that reads back with real timestamps', async () => {
    const sandbox = openSandbox()
    const before = Date.now()
    const input = { name: 'Bolt', ingest_aliases: ['bolt', 'bolt-eu', 'bolt'], custom_fields: { segment: 'startup' } }
    const { body } = await sandbox.call('create-customer', input)
    const created = {
      id: uuid,
      external_id: 'bolt',
      ingest_aliases: ['bolt', 'bolt-eu'],
      name: 'Bolt',
      custom_fields: { segment: 'startup' },
    }
    expect(body).toEqual({ data: created })
    const detail = await read(sandbox, (body.data as { id: string }).id)
    expect(detail).toEqual({
      ...created,
      customer_config: { salesforce_account_id: null },
      created_at: expect.any(String),
      updated_at: detail.created_at,
      archived_at: null,
    })
    expect(Date.parse(String(detail.created_at))).toBeGreaterThanOrEqual(before)
  })

  test('uses the id as external id without aliases, and accepts a name twice', async () => {
    const sandbox = openSandbox()
    const [one, other] = [await create(sandbox, { name: 'Same' }), await create(sandbox, { name: 'Same' })]
    expect(one).not.toBe(other)
    expect(await read(sandbox, one)).toMatchObject({ external_id: one, ingest_aliases: [] })
  })

  test('creates its configurations with the customer', async () => {
    const sandbox = openSandbox()
    const customer_id = await create(sandbox, {
      name: 'Bolt',
      customer_billing_provider_configurations: [stripeInput],
      customer_revenue_system_configurations: [{ provider: 'netsuite', configuration: { netsuite_customer_id: 77 } }],
    })
    const billing = await sandbox.call('fetch-billing-provider-configurations-customer', { customer_id })
    expect(billing.body).toEqual({
      data: [{ ...acmeStripe, id: uuid, customer_id, configuration: stripeInput.configuration }],
    })
    const revenue = await sandbox.call('fetch-revenue-system-configurations-customer', { customer_id })
    expect(revenue.body).toEqual({
      data: [{ ...acmeNetsuite, id: uuid, customer_id, configuration: { netsuite_customer_id: '77' } }],
    })
  })

  test('creates nothing when a configuration is invalid', async () => {
    const sandbox = openSandbox()
    const invalid = { ...stripeInput, configuration: { stripe_customer_id: 'cus_1' } }
    await expect(
      sandbox.call('create-customer', {
        name: 'Bolt',
        customer_billing_provider_configurations: [stripeInput, invalid],
      }),
    ).rejects.toThrow(/responded 400: "configuration of stripe requires stripe_collection_method"/)
    expect([sandbox.store.customers.size, sandbox.store.billing.length, sandbox.store.effects]).toEqual([
      seedCustomers.length,
      seedBilling.length,
      [],
    ])
  })

  test('accepts registered custom field keys only', async () => {
    const { send, store } = openSandbox()
    const createWith = (key: string) => send('/v1/customers', post({ name: 'Bolt', custom_fields: { [key]: 'x' } }))
    expect((await createWith('region')).status).toBe(200)
    const unknown = await createWith('tier')
    expect([unknown.status, await unknown.json()]).toEqual([400, { message: 'Invalid custom field keys' }])
    expect(store.effects).toHaveLength(1)
  })

  test('accepts custom field values of up to 200 characters', async () => {
    const { send, store } = openSandbox()
    const createWith = (segment: string) => send('/v1/customers', post({ name: 'Bolt', custom_fields: { segment } }))
    expect((await createWith('🦊'.repeat(200))).status).toBe(200)
    const tooLong = await createWith('n'.repeat(201))
    expect([tooLong.status, await tooLong.json()]).toEqual([
      400,
      { message: 'custom_fields.segment must have at most 200 characters' },
    ])
    expect(store.effects).toHaveLength(1)
  })
})

describe('aliases', () => {
  const taken = (id: string, alias: string) =>
    new RegExp(`responded 409: ".*in use.*" \\(conflicting_id: ${id}, conflicting_value: ${alias}\\)`)

  test.each([
    ['an active', acme.id, 'acme-prod'],
    ['an archived', OLD_MILL, 'old-mill'],
  ])('of %s customer are in use, for create and for replace', async (_, id, alias) => {
    const sandbox = openSandbox()
    const ingest_aliases = ['free', alias]
    await expect(sandbox.call('create-customer', { name: 'Bolt', ingest_aliases })).rejects.toThrow(taken(id, alias))
    const replace = { customer_id: HARBORLINE, ingest_aliases }
    await expect(sandbox.call('create-update-customer-ingest-aliases', replace)).rejects.toThrow(taken(id, alias))
    expect((await list(sandbox, { ingest_alias: 'free' })).data).toEqual([])
  })

  test('are replaced as a whole with an empty 200', async () => {
    const sandbox = openSandbox()
    const body = { ingest_aliases: ['acme-prod', 'acme-eu'] }
    const response = await sandbox.send(`/v1/customers/${acme.id}/setIngestAliases`, post(body))
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(await read(sandbox, acme.id)).toMatchObject({
      external_id: 'acme-prod',
      ingest_aliases: ['acme-prod', 'acme-eu'],
    })
    await create(sandbox, { name: 'Bolt', ingest_aliases: ['team@acme.example'] })
  })
})

describe('archive-customer', () => {
  test('archives the customer and its billing permanently; its aliases stay in use', async () => {
    const sandbox = openSandbox()
    expect((await sandbox.call('archive-customer', { id: acme.id })).body).toEqual({ data: { id: acme.id } })
    const detail = await read(sandbox, acme.id)
    expect(Date.parse(String(detail.archived_at))).toBeGreaterThan(Date.parse(acmeDetail.updated_at))
    expect((await list(sandbox, { ingest_alias: 'acme-prod' })).data).toEqual([])
    expect((await list(sandbox, { ingest_alias: 'acme-prod', only_archived: true })).data).toEqual([detail])

    const fetchArgs = { customer_id: acme.id, include_archived: true }
    const { body } = await sandbox.call('fetch-billing-provider-configurations-customer', fetchArgs)
    expect(body.data).toEqual([{ ...acmeStripe, archived_at: expect.any(String) }])
    await expect(sandbox.call('create-customer', { name: 'x', ingest_aliases: ['acme-prod'] })).rejects.toThrow(/409/)
    await expect(sandbox.call('archive-customer', { id: acme.id })).rejects.toThrow(/responded 400: ".* is archived"/)
  })

  test('prevents any further change', async () => {
    const sandbox = openSandbox()
    const customer_id = OLD_MILL
    for (const [tool, args] of [
      ['update-customer-name', { customer_id, name: 'New' }],
      ['update-customer-configuration', { customer_id, salesforce_account_id: null }],
      ['create-update-customer-ingest-aliases', { customer_id, ingest_aliases: [] }],
      ['set-billing-provider-configurations-customer', { data: [{ customer_id, ...stripeInput }] }],
    ] as const)
      await expect(sandbox.call(tool, args)).rejects.toThrow(/responded 400: ".* is archived"/)
    expect(sandbox.store.effects).toEqual([])
  })
})

describe('customer settings', () => {
  test('a name is silently cut to 160 characters', async () => {
    const sandbox = openSandbox()
    const name = '🦊'.repeat(161)
    const { body } = await sandbox.call('update-customer-name', { customer_id: acme.id, name })
    expect(body).toEqual({ data: { ...acme, name: '🦊'.repeat(160) } })
    const id = await create(sandbox, { name: 'n'.repeat(200) })
    expect(await read(sandbox, id)).toMatchObject({ name: 'n'.repeat(160) })
  })

  test.each([
    ['null clears it', { salesforce_account_id: null }, null],
    ['a value replaces it', { salesforce_account_id: '001X' }, '001X'],
    ['an empty body is accepted', {}, '0015500001WO1ZiABL'],
    [
      'leave_stripe_invoices_in_draft is accepted and changes nothing',
      { leave_stripe_invoices_in_draft: true },
      '0015500001WO1ZiABL',
    ],
  ])('of updateConfig: %s, with an empty 200', async (_, settings, salesforce) => {
    const sandbox = openSandbox()
    const response = await sandbox.send(`/v1/customers/${acme.id}/updateConfig`, post(settings))
    expect([response.status, await response.text()]).toEqual([200, ''])
    const detail = await read(sandbox, acme.id)
    expect(detail).toEqual({
      ...acmeDetail,
      customer_config: { salesforce_account_id: salesforce },
      updated_at: expect.any(String),
    })
    expect(Date.parse(String(detail.updated_at))).toBeGreaterThan(Date.parse(acmeDetail.updated_at))
  })

  test('a billable status reads back as an object', async () => {
    const sandbox = openSandbox()
    const args = { customer_id: acme.id, billable_status: 'unbillable', effective_at: '2026-01-01T00:00:00+02:00' }
    const { body } = await sandbox.call('set-customer-billable-status', args)
    expect(body).toEqual({ data: { id: acme.id, current_billable_status: 'unbillable' } })
    expect(await read(sandbox, acme.id)).toMatchObject({
      current_billable_status: { value: 'unbillable', effective_at: '2026-01-01T00:00:00+02:00' },
    })
  })

  test('a later billable status is kept aside until its date, and the present one is shown', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-06-01T00:00:00Z') })
    const sandbox = openSandbox()
    const set = async (billable_status: string, effective_at: string) => {
      const args = { customer_id: acme.id, billable_status, effective_at }
      return ((await sandbox.call('set-customer-billable-status', args)).body.data as Record<string, unknown>)
        .current_billable_status
    }
    const readStatus = async () => (await read(sandbox, acme.id)).current_billable_status

    expect(await set('unbillable', '2099-01-01T00:00:00Z')).toBe('billable')
    expect(await readStatus()).toEqual({ value: 'billable', effective_at: null })
    expect(await set('unbillable', '2026-07-01T02:00:00+02:00')).toBe('billable')
    expect(await set('billable', '2026-08-01T00:00:00Z')).toBe('billable')
    expect(await set('unbillable', '2026-05-01T00:00:00Z')).toBe('unbillable')
    expect(await set('billable', '2026-04-01T00:00:00Z')).toBe('billable')
    expect(await readStatus()).toEqual({ value: 'billable', effective_at: '2026-04-01T00:00:00Z' })
    vi.setSystemTime(Date.parse('2026-06-30T23:59:59Z'))
    expect(await readStatus()).toMatchObject({ value: 'billable' })
    vi.setSystemTime(Date.parse('2026-07-01T00:00:00Z'))
    expect(await readStatus()).toEqual({ value: 'unbillable', effective_at: '2026-07-01T02:00:00+02:00' })
    vi.setSystemTime(Date.parse('2026-08-01T00:00:00Z'))
    expect(await readStatus()).toEqual({ value: 'billable', effective_at: '2026-08-01T00:00:00Z' })
  })

  test('a later billable status whose responses are lost has the outcome unknown', async () => {
    const sandbox = openSandbox({ faults: 'lost-response:3' })
    const args = { customer_id: acme.id, billable_status: 'unbillable', effective_at: '2099-01-01T00:00:00Z' }
    await expect(sandbox.call('set-customer-billable-status', args)).rejects.toMatchObject({ outcome: 'unknown' })
    expect(sandbox.store.effects).toHaveLength(1)
  })

  test('a dashboard link is different on every call, and bm_group_key_overrides change nothing', async () => {
    const sandbox = openSandbox()
    const args = { customer_id: acme.id, dashboard: 'usage', bm_group_key_overrides: [{ group_key_name: 'region' }] }
    const links = [
      await sandbox.call('get-embeddable-customer-dashboard', args),
      await sandbox.call('get-embeddable-customer-dashboard', args),
    ].map(({ body }) => (body.data as { url: string }).url)
    expect(new Set(links).size).toBe(2)
    for (const link of links)
      expect(link).toMatch(/^https:\/\/embeddable-dashboards\.metronome\.com\/customers\/usage\/v1\?token=[\w-]{32}$/)
  })
})

describe('configurations', () => {
  test('are added, never replaced', async () => {
    const sandbox = openSandbox()
    const data = [{ customer_id: acme.id, ...stripeInput, tax_provider: 'anrok' }]
    const added = await sandbox.call('set-billing-provider-configurations-customer', { data })
    expect(added.body).toEqual({
      data: [
        {
          id: uuid,
          billing_provider: 'stripe',
          customer_id: acme.id,
          configuration: stripeInput.configuration,
          delivery_method_id: acmeStripe.delivery_method_id,
          tax_provider: 'anrok',
        },
      ],
    })
    await sandbox.call('set-billing-provider-configurations-customer', { data })
    const { body } = await sandbox.call('fetch-billing-provider-configurations-customer', { customer_id: acme.id })
    expect(body.data).toHaveLength(3)
  })

  test.each([
    ['an unknown customer', { customer_id: UNKNOWN_ID }, /responded 500: "Unexpected internal error"/],
    ['no delivery method', { delivery_method: undefined }, /responded 400: "one of delivery_method/],
    [
      'an unavailable delivery method',
      { delivery_method: 'tackle' },
      /responded 400: "delivery method tackle is not set up/,
    ],
    ['an unknown delivery method id', { delivery_method_id: UNKNOWN_ID }, /responded 400: "delivery method 0000/],
  ])('are not added when one of two has %s', async (_, invalid, message) => {
    const sandbox = openSandbox()
    const good = { customer_id: acme.id, ...stripeInput }
    const data = [good, JSON.parse(JSON.stringify({ ...good, ...invalid }))]
    await expect(sandbox.call('set-billing-provider-configurations-customer', { data })).rejects.toThrow(message)
    expect(sandbox.store.billing).toHaveLength(seedBilling.length)
  })

  test('accept a delivery method by its id', async () => {
    const { delivery_method: _, ...rest } = stripeInput
    const sandbox = openSandbox()
    const data = [{ customer_id: acme.id, ...rest, delivery_method_id: acmeStripe.delivery_method_id.toUpperCase() }]
    const { body } = await sandbox.call('set-billing-provider-configurations-customer', { data })
    expect(body.data).toMatchObject([{ delivery_method_id: acmeStripe.delivery_method_id }])
  })

  test.each([
    ['billing', 'customer_billing_provider_configuration_ids', acmeStripe],
    ['revenue', 'customer_revenue_system_configuration_ids', acmeNetsuite],
  ] as const)('of %s are archived all or nothing', async (kind, field, present) => {
    const provider = kind === 'billing' ? 'billing-provider' : 'revenue-system'
    const sandbox = openSandbox()
    const archive = (ids: string[]) =>
      sandbox.call(`archive-${provider}-configurations-customer`, { customer_id: acme.id, [field]: ids })
    const fetchAll = async (include_archived: boolean) => {
      const args = { customer_id: acme.id, include_archived }
      return (await sandbox.call(`fetch-${provider}-configurations-customer`, args)).body.data
    }
    await expect(archive([present.id, UNKNOWN_ID])).rejects.toThrow(/responded 400/)
    expect(await fetchAll(false)).toEqual([present])

    const twice = [present.id, present.id]
    expect((await archive(twice)).body).toEqual({ data: { customer_id: acme.id, [field]: twice } })
    expect(await fetchAll(false)).toEqual([])
    expect(await fetchAll(true)).toEqual([{ ...present, archived_at: expect.any(String) }])
    await expect(archive([present.id])).rejects.toThrow(/responded 400/)
  })

  test('of an unknown customer are an empty list; those of another customer cannot be archived', async () => {
    const sandbox = openSandbox()
    for (const kind of ['billing-provider', 'revenue-system']) {
      const { body } = await sandbox.call(`fetch-${kind}-configurations-customer`, { customer_id: UNKNOWN_ID })
      expect(body).toEqual({ data: [] })
    }
    const args = { customer_id: HARBORLINE, customer_billing_provider_configuration_ids: [acmeStripe.id] }
    await expect(sandbox.call('archive-billing-provider-configurations-customer', args)).rejects.toThrow(/400/)
  })
})

describe('invalid requests', () => {
  test.each([
    ['get-customer', { customer_id: UNKNOWN_ID }],
    ['archive-customer', { id: UNKNOWN_ID }],
    ['update-customer-name', { customer_id: UNKNOWN_ID, name: 'New' }],
    ['update-customer-configuration', { customer_id: UNKNOWN_ID, salesforce_account_id: null }],
    ['create-update-customer-ingest-aliases', { customer_id: UNKNOWN_ID, ingest_aliases: [] }],
    ['get-embeddable-customer-dashboard', { customer_id: UNKNOWN_ID, dashboard: 'usage' }],
    [
      'set-customer-billable-status',
      { customer_id: UNKNOWN_ID, billable_status: 'billable', effective_at: '2026-01-01T00:00:00Z' },
    ],
  ])('%s returns 404 for an unknown id', async (tool, args) => {
    await expect(openSandbox().call(tool, args)).rejects.toThrow(
      `Metronome responded 404: "Customer ${UNKNOWN_ID} not found" (code: NotFound).`,
    )
  })

  test.each([
    ['a body that is not JSON', '/v1/customers', post('{'), 'The body is not valid JSON'],
    ['a body that is not an object', '/v1/customers', post('[]'), 'The body is not a JSON object'],
    ['a missing field', '/v1/customers', post({}), expect.stringMatching(/^name: /)],
    ['a malformed id', '/v1/customers/archive', post({ id: 'acme' }), expect.stringMatching(/^id: must be a UUID/)],
    ['a malformed limit', '/v1/customers?limit=ten', {}, expect.stringMatching(/^limit: /)],
    ['a malformed flag', '/v1/customers?only_archived=1', {}, expect.stringMatching(/^only_archived: /)],
  ])('%s is a 400 with a message', async (_, target, init, message) => {
    const response = await openSandbox().send(target, init)
    expect([response.status, await response.json()]).toEqual([400, { message }])
  })

  test('unknown fields are silently ignored', async () => {
    const sandbox = openSandbox()
    const response = await sandbox.send(
      `/v1/customers/${acme.id}/updateConfig`,
      post({ name: 'Other', id: UNKNOWN_ID }),
    )
    expect(response.status).toBe(200)
    expect(await read(sandbox, acme.id)).toMatchObject({ id: acme.id, name: acme.name })
  })

  test('an unknown path or method is a 404', async () => {
    const sandbox = openSandbox()
    for (const [target, init] of [
      ['/v2/customers', {}],
      ['/v1/customers', { method: 'DELETE' }],
    ] as const)
      expect((await sandbox.send(target, init)).status).toBe(404)
  })

  test('an aborted request is not applied', async () => {
    const sandbox = openSandbox()
    const init = { ...post({ name: 'Bolt' }), signal: AbortSignal.abort(new Error('cancelled')) }
    await expect(sandbox.send('/v1/customers', init)).rejects.toThrow('cancelled')
    expect(sandbox.store.effects).toEqual([])
  })
})

describe('Idempotency-Key', () => {
  const bolt = { name: 'Bolt', ingest_aliases: ['bolt'] }

  test('with the same request replays the first response and applies nothing', async () => {
    const sandbox = openSandbox()
    const first = await sandbox.send('/v1/customers', post(bolt, 'key-1'))
    const again = await sandbox.send('/v1/customers', post(bolt, 'key-1'))
    expect([again.status, await again.json()]).toEqual([200, await first.json()])
    expect(sandbox.store.effects).toEqual([{ tool: 'create-customer', idempotencyKey: 'key-1' }])
  })

  test('with another request is a 409', async () => {
    const sandbox = openSandbox()
    await sandbox.send('/v1/customers', post(bolt, 'key-1'))
    const other = await sandbox.send('/v1/customers', post({ name: 'Other' }, 'key-1'))
    expect([other.status, await other.json()]).toEqual([
      409,
      { message: 'Idempotency-Key was used before with other parameters' },
    ])
    expect(sandbox.store.effects).toHaveLength(1)
  })

  test('of a request in flight is a 409 that is not stored', async () => {
    const sandbox = openSandbox()
    sandbox.store.pending.set('key-1', () => {})
    expect((await sandbox.send('/v1/customers', post(bolt, 'key-1'))).status).toBe(409)
    sandbox.store.pending.delete('key-1')
    expect((await sandbox.send('/v1/customers', post(bolt, 'key-1'))).status).toBe(200)
  })

  test('stores errors', async () => {
    const sandbox = openSandbox()
    const taken = post({ ...bolt, ingest_aliases: ['acme-prod'] }, 'key-1')
    expect((await sandbox.send('/v1/customers', taken)).status).toBe(409)
    await sandbox.send(`/v1/customers/${acme.id}/setIngestAliases`, post({ ingest_aliases: [] }))
    expect((await sandbox.send('/v1/customers', taken)).status).toBe(409)
  })

  test('does not store validation failures', async () => {
    const sandbox = openSandbox()
    expect((await sandbox.send('/v1/customers', post({}, 'key-1'))).status).toBe(400)
    expect((await sandbox.send('/v1/customers', post(bolt, 'key-1'))).status).toBe(200)
  })

  test('when absent lets a retry create a second customer', async () => {
    const sandbox = openSandbox()
    for (let i = 0; i < 2; i++) await sandbox.send('/v1/customers', post({ name: 'Bolt' }))
    expect(sandbox.store.customers.size).toBe(seedCustomers.length + 2)
  })
})

test('responses have a date and a content type', async () => {
  const { headers } = await openSandbox().send('/v1/customers')
  expect(headers.get('content-type')).toMatch(/^application\/json/)
  expect(Math.abs(Date.now() - Date.parse(headers.get('date') ?? ''))).toBeLessThan(60_000)
})
