import { describe, expect, test } from 'vitest'
import { listCustomers } from '../../src/operations/customers.ts'
import { acme, acmeDetail, acmeNetsuite, acmeStripe } from '../../src/operations/examples.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import type { Verification } from '../../src/operations/operation.ts'
import { ID, OTHER_ID } from '../contract.ts'
import { operationOf } from '../support/harness.ts'

const CREATE = 'create-customer'
const ALIASES = 'create-update-customer-ingest-aliases'
const BILLING = 'set-billing-provider-configurations-customer'

function verificationOf(tool: string): Verification<JsonObject> {
  const op = operationOf(tool)
  if (op.kind !== 'write') throw new Error(`${tool} reads`)
  return op.verification
}

/** What the records show of a request: `held` when another customer holds its alias. */
function compare(tool: string, args: JsonObject, bodies: JsonObject[], followUp: JsonObject[] = []): string {
  const comparison = verificationOf(tool).compare(args, bodies, followUp)
  if (comparison.isInPlace) return 'in place'
  return comparison.isHeldByAnother ? 'not in place, held' : 'not in place'
}

type Row = [what: string, asked: JsonObject, shown: JsonObject, expected: string]

describe('a name', () => {
  test.each<[what: string, asked: string, shown: unknown, expected: string]>([
    ['that is equal', 'Acme', 'Acme', 'in place'],
    ['that differs', 'Acme', 'acme', 'not in place'],
    ['that Metronome cut at 160 characters', 'x'.repeat(200), 'x'.repeat(160), 'in place'],
    ['that Metronome cut at 160 code points', '😀'.repeat(200), '😀'.repeat(160), 'in place'],
    ['that starts like the requested one', 'Acme Europe', 'Acme', 'not in place'],
    ['that is not shown', 'Acme', undefined, 'not in place'],
  ])('%s', (_, asked, shown, expected) => {
    expect(compare('update-customer-name', { customer_id: ID, name: asked }, [{ data: { name: shown } }])).toBe(
      expected,
    )
  })
})

describe('ingest aliases', () => {
  test.each<[what: string, asked: string[], shown: unknown, expected: string]>([
    ['in another order', ['a', 'b', 'a'], ['b', 'a'], 'in place'],
    ['of which one is missing', ['a', 'b'], ['a'], 'not in place'],
    ['that were all removed', [], [], 'in place'],
    ['that are not shown', ['a'], undefined, 'not in place'],
  ])('%s', (_, ingest_aliases, shown, expected) => {
    expect(compare(ALIASES, { customer_id: ID, ingest_aliases }, [{ data: { ingest_aliases: shown } }])).toBe(expected)
  })

  const conflict = { conflicting_value: 'acme-prod' }
  const record = { data: { id: OTHER_ID, ingest_aliases: [] } }
  const args = { customer_id: OTHER_ID, ingest_aliases: ['nova', 'acme-prod'] }

  test('that another customer holds', () => {
    expect(compare(ALIASES, args, [record, { data: [acmeDetail] }, { data: [] }])).toBe('not in place, held')
  })

  test('that many others hold, of whom ten are named', () => {
    const holders = Array.from({ length: 300 }, (_, index) => ({ ...acmeDetail, id: `holder-${index}` }))
    const { evidence } = verificationOf(ALIASES).compare(args, [record, { data: holders }, { data: [] }], [])
    expect(evidence.match(/Customer "holder-/g)).toHaveLength(10)
    expect(evidence).toContain('"holder-9"')
    expect(evidence).toContain(' So do 290 more. Use that customer or another alias')
  })

  test('that only the customer itself holds, whose id is in capitals', () => {
    const own = { customer_id: ID.toUpperCase(), ingest_aliases: ['acme-prod'] }
    expect(compare(ALIASES, own, [{ data: acmeDetail }, { data: [acmeDetail] }])).toBe('not in place')
  })

  test('are looked up after a conflict: the one that it names, otherwise the first five', () => {
    const lookUps = (conflict: JsonObject, ingest_aliases: string[]) =>
      verificationOf(ALIASES)
        .reads({ customer_id: ID, ingest_aliases }, conflict)
        .flatMap(({ args }) => args.ingest_alias ?? [])
    expect(lookUps(conflict, args.ingest_aliases)).toEqual(['acme-prod', 'acme-prod'])
    expect(new Set(lookUps({}, ['a', 'b', 'c', 'd', 'e', 'f']))).toEqual(new Set(['a', 'b', 'c', 'd', 'e']))
    expect(verificationOf(ALIASES).reads(args, undefined)).toHaveLength(1)
  })
})

describe('settings of a customer', () => {
  test.each<Row>([
    ['an equal Salesforce id', { salesforce_account_id: 'sf' }, { salesforce_account_id: 'sf' }, 'in place'],
    ['a Salesforce id that was cleared', { salesforce_account_id: null }, { salesforce_account_id: null }, 'in place'],
    ['another Salesforce id', { salesforce_account_id: 'sf' }, { salesforce_account_id: null }, 'not in place'],
    ['a Salesforce id that is not shown', { salesforce_account_id: 'sf' }, {}, 'not in place'],
    ['the draft setting, which is never shown', { leave_stripe_invoices_in_draft: true }, {}, 'not in place'],
    [
      'the draft setting beside an equal Salesforce id',
      { salesforce_account_id: 'sf', leave_stripe_invoices_in_draft: true },
      { salesforce_account_id: 'sf' },
      'not in place',
    ],
  ])('%s', (_, asked, customer_config, expected) => {
    const args = { customer_id: ID, ...asked }
    expect(compare('update-customer-configuration', args, [{ data: { customer_config } }])).toBe(expected)
  })
})

describe('a billable status', () => {
  test.each<Row>([
    ['with the same instant', {}, { value: 'billable', effective_at: '2025-12-31T22:00:00.000Z' }, 'in place'],
    ['with another date', {}, { value: 'billable', effective_at: '2025-01-01T00:00:00Z' }, 'not in place'],
    ['with another value', {}, { value: 'unbillable', effective_at: '2026-01-01T00:00:00+02:00' }, 'not in place'],
    ['without a date', {}, { value: 'billable', effective_at: null }, 'not in place'],
    ['that is not shown', {}, {}, 'not in place'],
  ])('%s', (_, asked, shown, expected) => {
    const args = { customer_id: ID, billable_status: 'billable', effective_at: '2026-01-01T00:00:00+02:00', ...asked }
    const record = { data: { current_billable_status: shown } }
    expect(compare('set-customer-billable-status', args, [record])).toBe(expected)
  })
})

describe('an archive', () => {
  test.each<[what: string, archived_at: unknown, expected: string]>([
    ['that shows its time', '2026-01-01T00:00:00Z', 'in place'],
    ['of an active customer', null, 'not in place'],
    ['of a customer without the field', undefined, 'not in place'],
  ])('%s', (_, archived_at, expected) => {
    expect(compare('archive-customer', { id: ID }, [{ data: { id: ID, archived_at } }])).toBe(expected)
  })

  const archived = { ...acmeStripe, archived_at: '2026-01-01T00:00:00Z' }
  const other = { ...acmeStripe, id: OTHER_ID }
  test.each<[what: string, ids: string[], shown: JsonObject[], expected: string]>([
    ['of a configuration whose id is in capitals', [archived.id.toUpperCase()], [archived], 'in place'],
    ['of a configuration that is named twice', [archived.id, archived.id], [archived], 'in place'],
    ['of active configurations', [acmeStripe.id, OTHER_ID], [acmeStripe, other], 'not in place'],
    ['of which one is active', [archived.id, OTHER_ID], [archived, other], 'not in place'],
    ['of a configuration that is not listed', [OTHER_ID], [archived], 'not in place'],
  ])('%s', (_, customer_billing_provider_configuration_ids, data, expected) => {
    const args = { customer_id: ID, customer_billing_provider_configuration_ids }
    expect(compare('archive-billing-provider-configurations-customer', args, [{ data }])).toBe(expected)
  })
})

describe('added configurations', () => {
  const { customer_id, billing_provider, configuration } = acmeStripe
  const item = { customer_id, billing_provider, configuration }
  const secondRecord = { ...acmeStripe, id: OTHER_ID }
  const withDelivery = { ...item, delivery_method_id: acmeStripe.delivery_method_id }

  test.each<[what: string, asked: JsonObject[], shown: JsonObject[], expected: string]>([
    ['with an equal record', [item], [acmeStripe], 'in place'],
    ['with a record each', [item, item], [acmeStripe, secondRecord], 'in place'],
    ['with one record for two of them', [item, item], [acmeStripe], 'not in place'],
    [
      'whose records must be assigned the right way round',
      [item, { ...item, delivery_method: 'direct_to_billing_provider' }],
      [acmeStripe, { ...secondRecord, delivery_method: 'tackle' }],
      'in place',
    ],
    ['for a customer whose id is in capitals', [{ ...item, customer_id: ID.toUpperCase() }], [acmeStripe], 'in place'],
    [
      'with a delivery method in capitals',
      [{ ...withDelivery, delivery_method_id: acmeStripe.delivery_method_id.toUpperCase() }],
      [acmeStripe],
      'in place',
    ],
    [
      'with an equal record that is archived',
      [item],
      [{ ...acmeStripe, archived_at: '2026-01-01T00:00:00Z' }],
      'not in place',
    ],
    [
      'with a record that differs in one key',
      [item],
      [{ ...acmeStripe, configuration: { ...configuration, stripe_customer_id: 'cus_other' } }],
      'not in place',
    ],
    [
      'with a record that lacks a key',
      [{ ...item, configuration: { ...configuration, leave_stripe_invoices_in_draft: true } }],
      [acmeStripe],
      'not in place',
    ],
    ['with a tax provider, which is not shown', [{ ...item, tax_provider: 'anrok' }], [acmeStripe], 'not in place'],
    ['without any record', [item], [], 'not in place'],
  ])('%s', (_, data, shown, expected) => {
    expect(compare(BILLING, { data }, [{ data: shown }])).toBe(expected)
  })

  test('with a number that Metronome shows as text', () => {
    const data = [{ customer_id, provider: 'netsuite', configuration: { netsuite_customer_id: 12345 } }]
    expect(compare('set-revenue-system-configurations-customer', { data }, [{ data: [acmeNetsuite] }])).toBe('in place')
  })

  test('are read for each customer once, and for at most five customers and fifty items', () => {
    const countReads = (data: JsonObject[]) => verificationOf(BILLING).reads({ data }, undefined).length
    const customers = (count: number) => Array.from({ length: count }, (_, index) => ({ ...item, customer_id: index }))
    expect([countReads([item, item]), countReads(customers(5)), countReads(customers(6))]).toEqual([1, 5, 0])
    expect([countReads(Array(50).fill(item)), countReads(Array(51).fill(item))]).toEqual([1, 0])
  })
})

describe('a created customer', () => {
  const args = { name: acme.name, ingest_aliases: [...acme.ingest_aliases], custom_fields: { segment: 'enterprise' } }
  const archived = { ...acmeDetail, archived_at: '2026-01-01T00:00:00Z' }

  test.each<[what: string, asked: JsonObject, shown: JsonObject[], expected: string]>([
    ['with all values equal', {}, [acmeDetail], 'in place'],
    [
      'found by its external_id',
      { ingest_aliases: undefined, external_id: 'acme-prod' },
      [acmeDetail],
      'not in place, held',
    ],
    ['that nobody is', {}, [], 'not in place'],
    ['with another name', { name: 'Other' }, [acmeDetail], 'not in place, held'],
    ['with more aliases', { ingest_aliases: ['acme-prod'] }, [acmeDetail], 'not in place, held'],
    ['with another custom field', { custom_fields: { segment: 'new' } }, [acmeDetail], 'not in place, held'],
    ['without a custom field', { custom_fields: { tier: 'gold' } }, [acmeDetail], 'not in place, held'],
    ['whose custom fields are not shown', {}, [{ ...acmeDetail, custom_fields: undefined }], 'not in place'],
    ['that is archived', {}, [archived], 'not in place, held'],
    ['whose aliases two customers hold', {}, [acmeDetail, { ...acmeDetail, id: OTHER_ID }], 'not in place, held'],
    [
      'that the list shows without the alias',
      {},
      [{ ...acmeDetail, ingest_aliases: [], external_id: ID }],
      'not in place',
    ],
  ])('%s', (_, asked, data, expected) => {
    expect(compare(CREATE, { ...args, ...asked }, [{ data }, { data: [] }])).toBe(expected)
  })

  const { billing_provider, configuration } = acmeStripe
  const withBilling = { ...args, customer_billing_provider_configurations: [{ billing_provider, configuration }] }

  test.each<[what: string, shown: JsonObject[], expected: string]>([
    ['with its configurations', [acmeStripe], 'in place'],
    ['without its configurations', [], 'not in place, held'],
    ['with configurations that are not fully shown', [{ ...acmeStripe, configuration: undefined }], 'not in place'],
  ])('%s', (_, data, expected) => {
    expect(compare(CREATE, withBilling, [{ data: [acmeDetail] }], [{ data }])).toBe(expected)
  })

  test('that differs in many custom fields is described by twenty differences', () => {
    const custom_fields = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`key-${index}`, 'x']))
    const shown = [{ data: [acmeDetail] }, { data: [] }]
    const { evidence } = verificationOf(CREATE).compare({ ...args, custom_fields }, shown, [])
    expect(evidence.match(/custom field "key-/g)).toHaveLength(20)
    expect(evidence).toContain('custom field "key-19" is null; and 480 more. Use that customer')
  })

  test('is looked up by its first alias among active and archived customers', () => {
    const reads = (args: JsonObject) =>
      verificationOf(CREATE)
        .reads(args, undefined)
        .map((read) => read.args)
    expect(reads(args)).toEqual([
      { ingest_alias: 'team@acme.example' },
      { ingest_alias: 'team@acme.example', only_archived: true },
    ])
    expect(reads({ name: 'Acme' })).toEqual([])
  })

  test('has its configurations read when one customer holds the alias', () => {
    const followUpReads = (args: JsonObject, data: JsonObject[]) =>
      verificationOf(CREATE)
        .followUpReads?.(args, [{ data }])
        .map(({ op, args }) => [op.tool, args.customer_id])
    const expected = [['fetch-billing-provider-configurations-customer', acme.id]]
    expect(followUpReads(withBilling, [acmeDetail])).toEqual(expected)
    expect(followUpReads(args, [acmeDetail])).toEqual([])
    expect(followUpReads(withBilling, [])).toEqual([])
  })
})

describe('the check of a create without an alias', () => {
  const recheck = (name: string) => verificationOf(CREATE).recheckAdvice({ name })

  test.each([
    ['Nova Freight', { search: 'Nova Freight' }],
    ['No\u00adva\u200b "Freight"', { search: 'Nova "Freight"' }],
    ['x'.repeat(300), { search: 'x'.repeat(160) }],
    ['😀'.repeat(200), { search: '😀'.repeat(80) }],
    [`${'x'.repeat(159)}😀`, { search: 'x'.repeat(159) }],
  ])('of %j is a search that finds the name, however Metronome cuts it', (name, args) => {
    expect(recheck(name)).toContain(`Look for it with list-customers ${JSON.stringify(args)} before creating it again`)
    expect(listCustomers.input.safeParse(args).success).toBe(true)
    const match = listCustomers.search?.createMatcher(args)
    for (const stored of [name.slice(0, 160), Array.from(name).slice(0, 160).join('')])
      expect(match?.({ id: ID, name: stored })).toEqual({})
  })

  test('is to read the list where no text of the name can be searched for', () => {
    expect(recheck('\u0301')).toContain('Look for it with list-customers page by page before')
  })
})

test.each(['O’Brien – Söhne', "O'Brien – Söhne", 'O’Brien - Söhne', 'o’brien – söhne', 'O’Brien – Söhne '])(
  'a verification never folds: %j is not in place unless it is the very name',
  (name) => {
    const stored = 'O’Brien – Söhne'
    const expected = name === stored ? 'in place' : 'not in place'
    expect(compare('update-customer-name', { name }, [{ data: { name: stored } }])).toBe(expected)
  },
)
