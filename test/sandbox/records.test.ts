import { expect, test } from 'vitest'
import { acme, acmeDetail, acmeNetsuite, acmeStripe } from '../../src/operations/examples.ts'
import { buildRecords, parseRecords } from '../../src/sandbox/records.ts'
import { createStore, type Records } from '../../src/sandbox/store.ts'

function parse(json: unknown): Records {
  const parsed = parseRecords(json)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.records
}

test('the records of a store are those that Metronome returns, and make the same store', () => {
  const records = buildRecords(createStore())
  expect(records).toEqual({
    customers: expect.arrayContaining([acmeDetail]),
    billing_provider_configurations: expect.arrayContaining([acmeStripe]),
    revenue_system_configurations: expect.arrayContaining([acmeNetsuite]),
  })
  expect(buildRecords(createStore(parse(JSON.parse(JSON.stringify(records)))))).toEqual(records)
})

test('later billable statuses are kept, and custom field keys of the records are registered', () => {
  const current_billable_status = { value: 'unbillable', effective_at: '2026-01-01T00:00:00Z' }
  const later_billable_statuses = [{ value: 'billable', effective_at: '2099-01-01T00:00:00Z' }]
  const customer = { ...acmeDetail, custom_fields: { tier: 'gold' }, current_billable_status, later_billable_statuses }
  const store = createStore(parse({ customers: [customer] }))
  expect(buildRecords(store).customers).toEqual([customer])
  expect(Array.from(store.customFieldKeys)).toEqual(expect.arrayContaining(['segment', 'region', 'tier']))
})

test('a record may have nothing but what is required', () => {
  const { customers, billing, revenue } = parse({
    customers: [{ name: 'Bolt' }, { id: acme.id.toUpperCase(), name: 'Acme' }],
    billing_provider_configurations: [{ customer_id: acme.id, billing_provider: 'stripe' }],
    revenue_system_configurations: [{ customer_id: acme.id.toUpperCase(), provider: 'netsuite' }],
  })
  expect(customers).toMatchObject([
    { name: 'Bolt', ingest_aliases: [], custom_fields: {}, salesforce_account_id: null, archived_at: null },
    { id: acme.id, name: 'Acme' },
  ])
  expect(billing).toMatchObject([
    { customer_id: acme.id, configuration: {}, delivery: { id: acmeStripe.delivery_method_id, provider: 'stripe' } },
  ])
  expect(revenue).toMatchObject([{ customer_id: acme.id, delivery: { method: 'direct_to_billing_provider' } }])
})

test('delivery methods and fields of another account are accepted', () => {
  const { billing } = parse({
    customers: [{ ...acmeDetail, plan: 'new' }],
    billing_provider_configurations: [{ ...acmeStripe, delivery_method_id: acme.id, delivery_method: 'pigeon' }],
  })
  expect(billing).toMatchObject([{ delivery: { id: acme.id, method: 'pigeon', provider: 'stripe' } }])
})

test.each([
  [[], /^its content is missing or invalid$/],
  [{ customer: [] }, /^customer is unknown$/],
  [{ customers: {} }, /^customers is missing or invalid$/],
  [{ customers: [{ name: 'A' }, { name: 5 }] }, /^customers\[1\]\.name is missing or invalid$/],
  [{ customers: [{ name: 'A', id: 'a' }] }, /^customers\[0\]\.id is /],
  [{ customers: [{ name: 'A', created_at: 'today' }] }, /^customers\[0\]\.created_at is /],
  [{ revenue_system_configurations: [{ customer_id: acme.id }] }, /^revenue_system_configurations\[0\]\.provider is /],
  [{ customers: [acmeDetail, { id: acme.id, name: 'B' }] }, /^two customers have the same id$/],
])('%j is rejected with the place', (json, message) => {
  expect(parseRecords(json)).toEqual({ ok: false, message: expect.stringMatching(message) })
})
