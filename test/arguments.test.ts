import { describe, expect, test } from 'vitest'
import { checkArguments, ID } from './support/arguments.ts'

const UUID_RULE = /must be a UUID/

const { refuse, accept } = checkArguments()

describe('a hostile id never reaches a path', () => {
  const ids = [
    '../',
    `../../v1/customers/${ID}`,
    '%2e%2e%2f',
    'a/b',
    '?x=1',
    `${ID}?x=1`,
    '#',
    `${ID}#x`,
    '',
    ' ',
    ` ${ID}`,
    `${ID}\n`,
    `${ID}\u0000`,
    'ｄ7abd0cd-4ae9-4db7-8676-e986a4ebd8dc',
    'acme',
    'd7abd0cd4ae94db78676e986a4ebd8dc',
    `{${ID}}`,
    `${ID},${ID}`,
    '__proto__',
  ]
  test.each(ids.map((id) => [JSON.stringify(id), id]))('%s', async (_, customer_id) => {
    expect(await refuse('get-customer', { customer_id })).toMatch(UUID_RULE)
    expect(await refuse('update-customer-name', { customer_id, name: 'x' })).toMatch(/customer_id must be a UUID/)
    expect(await refuse('archive-customer', { id: customer_id })).toMatch(/ id must be a UUID/)
    expect(await refuse('list-customers', { customer_ids: [ID, customer_id] })).toMatch(/customer_ids\[1\] must be/)
  })
})

const MANY = Array.from({ length: 2001 }, (_, index) => `alias-${index}`)
const status = (effective_at: unknown) => ({ customer_id: ID, billable_status: 'billable', effective_at })

test.each<[string, string, unknown, RegExp]>([
  ['a missing field', 'get-customer', {}, /customer_id is required/],
  ['no arguments at all', 'get-customer', undefined, /customer_id is required/],
  [
    'a missing nested field',
    'set-billing-provider-configurations-customer',
    { data: [{ customer_id: ID }] },
    /data\[0\]\.billing_provider is required/,
  ],
  [
    'null where null has no meaning',
    'list-customers',
    { ingest_alias: null },
    /ingest_alias .*expected string, received null/,
  ],
  ['a null id', 'get-customer', { customer_id: null }, UUID_RULE],
  ['a number as id', 'get-customer', { customer_id: 7 }, UUID_RULE],
  ['an array as id', 'get-customer', { customer_id: [ID] }, UUID_RULE],
  ['limit 0', 'list-customers', { limit: 0 }, /limit .*>=1/],
  ['limit 101', 'list-customers', { limit: 101 }, /limit .*<=100/],
  ['limit 1.5', 'list-customers', { limit: 1.5 }, /limit .*expected int/],
  ['limit -1', 'list-customers', { limit: -1 }, /limit .*>=1/],
  ['limit as text', 'list-customers', { limit: '10' }, /limit .*expected number, received string/],
  [
    'a boolean as text',
    'list-customers',
    { only_archived: 'true' },
    /only_archived .*expected boolean, received string/,
  ],
  ['a boolean as number', 'list-customers', { only_archived: 1 }, /only_archived .*expected boolean, received number/],
  [
    'a number as text field',
    'update-customer-name',
    { customer_id: ID, name: 5 },
    /name .*expected string, received number/,
  ],
  [
    'an id list as comma-separated text',
    'list-customers',
    { customer_ids: `${ID},${ID}` },
    /customer_ids .*expected array, received string/,
  ],
  ['one id instead of a list', 'list-customers', { customer_ids: ID }, /customer_ids .*expected array/],
  ['101 filter ids', 'list-customers', { customer_ids: Array(101).fill(ID) }, /customer_ids .*<=100/],
  [
    'a comma in an array filter',
    'list-customers',
    { salesforce_account_ids: ['a', 'b,c'] },
    /salesforce_account_ids\[1\] must not contain a comma/,
  ],
  ['an empty filter', 'list-customers', { ingest_alias: '' }, /ingest_alias must not be empty/],
  ['an empty cursor', 'list-customers', { next_page: '' }, /next_page must not be empty/],
  ['an empty name', 'create-customer', { name: '' }, /name must not be empty/],
  [
    '2001 aliases',
    'create-update-customer-ingest-aliases',
    { customer_id: ID, ingest_aliases: MANY },
    /ingest_aliases .*<=2000/,
  ],
  [
    'an empty alias',
    'create-update-customer-ingest-aliases',
    { customer_id: ID, ingest_aliases: ['a', ''] },
    /ingest_aliases\[1\] must have 1 to 128/,
  ],
  [
    'an alias of 129 characters',
    'create-customer',
    { name: 'a', ingest_aliases: ['x'.repeat(129)] },
    /ingest_aliases\[0\] must have 1 to 128/,
  ],
  [
    'an alias of 129 emoji',
    'create-customer',
    { name: 'a', ingest_aliases: ['😀'.repeat(129)] },
    /ingest_aliases\[0\] must have 1 to 128/,
  ],
  [
    'a custom field that is no text',
    'create-customer',
    { name: 'a', custom_fields: { seats: 5 } },
    /custom_fields\.seats .*expected string/,
  ],
  [
    'an unknown enum value',
    'get-embeddable-customer-dashboard',
    { customer_id: ID, dashboard: 'invoice' },
    /dashboard .*"invoices"/,
  ],
  [
    'a provider that only the other tool knows',
    'create-customer',
    { name: 'a', customer_billing_provider_configurations: [{ billing_provider: 'workday' }] },
    /customer_billing_provider_configurations\[0\]\.billing_provider/,
  ],
  ['a date without a time', 'set-customer-billable-status', status('2026-01-01'), /effective_at must be an RFC 3339/],
  [
    'a time without an offset',
    'set-customer-billable-status',
    status('2026-01-01T00:00:00'),
    /effective_at must be an RFC 3339/,
  ],
  [
    'a time without seconds',
    'set-customer-billable-status',
    status('2026-01-01T00:00Z'),
    /effective_at must be an RFC 3339/,
  ],
  [
    'a day that does not exist',
    'set-customer-billable-status',
    status('2026-02-30T00:00:00Z'),
    /effective_at must be an RFC 3339/,
  ],
  ['a time stamp as number', 'set-customer-billable-status', status(1767225600), /effective_at must be an RFC 3339/],
  [
    'a date with a trailing newline',
    'set-customer-billable-status',
    status('2026-01-01T00:00:00Z\n'),
    /effective_at must be an RFC 3339/,
  ],
])('%s is refused', async (_, tool, args, message) => {
  expect(await refuse(tool, args)).toMatch(message)
})

test('null and absent stay different', async () => {
  const tool = 'update-customer-configuration'
  expect(await accept(tool, { customer_id: ID, salesforce_account_id: null })).toEqual({ salesforce_account_id: null })
  expect(await accept(tool, { customer_id: ID })).toEqual({})
})

test.each([
  '2026-01-31T00:00:00Z',
  '2026-01-31T00:00:00.123456Z',
  '2026-01-31T23:59:59-11:30',
  '2024-02-29T12:00:00+00:00',
])('the date-time %s goes out as it came', async (effective_at) => {
  expect(await accept('set-customer-billable-status', status(effective_at))).toEqual(status(effective_at))
})

test('all wrong fields are named at once, up to ten', async () => {
  const message = await refuse('set-customer-billable-status', { customer_id: 'x', billable_status: 'y' })
  expect(message).toMatch(/customer_id must.*billable_status .*effective_at must|effective_at is required/)
  const many = await refuse('create-update-customer-ingest-aliases', {
    customer_id: ID,
    ingest_aliases: Array(50).fill(''),
  })
  expect(many).toContain('And 40 more.')
  expect(many.length).toBeLessThan(1500)
})

test('a refused write says not_applied once and neither of the other words; a refused read says none', async () => {
  const said = (message: string) => message.match(/\b(applied|not_applied|unknown)\b/g)
  expect(said(await refuse('archive-customer', { id: 'unknown' }))).toEqual(['not_applied'])
  expect(said(await refuse('archive-customer', { id: ID, applied: true, unknown: 1 }))).toEqual(['not_applied'])
  expect(said(await refuse('create-customer', { name: 'a', not_applied: 'applied' }))).toEqual(['not_applied'])
  expect(said(await refuse('get-customer', {}))).toBeNull()
})
