import { describe, expect, test } from 'vitest'
import { checkArguments, configure, ID } from './support/arguments.ts'

const { refuse, accept } = checkArguments()

const nest = (depth: number): unknown => (depth === 0 ? 1 : { deeper: nest(depth - 1) })

test.each<[string, string, unknown, RegExp]>([
  [
    'a misspelt field',
    'list-customers',
    { ingest_aliases: 'a' },
    /ingest_aliases is not a known field \(nearest: ingest_alias\)/,
  ],
  ['camel case', 'get-customer', { customerId: ID }, /customerId is not a known field \(nearest: customer_id\)/],
  ['a whole body', 'archive-customer', { body: { id: ID } }, /body is not a known field/],
  [
    'a nested misspelt field',
    'create-customer',
    { name: 'a', customer_billing_provider_configurations: [{ billing_provider: 'stripe', deliverymethod: 'tackle' }] },
    /customer_billing_provider_configurations\[0\]\.deliverymethod is not a known field \(nearest: delivery_method\)/,
  ],
  [
    'a nested field far from all',
    'get-embeddable-customer-dashboard',
    { customer_id: ID, dashboard: 'usage', dashboard_options: [{ key: 'a', value: 'b', entirely_different_name: 1 }] },
    /dashboard_options\[0\]\.entirely_different_name is not a known field \(known: key, value\)/,
  ],
  [
    '__proto__ at the top',
    'create-customer',
    JSON.parse('{"name":"Acme","__proto__":{"ingest_aliases":["x"]}}'),
    /__proto__ is not allowed as a field name/,
  ],
  [
    '__proto__ inside an open object',
    'set-billing-provider-configurations-customer',
    configure(JSON.parse('{"a":{"__proto__":{"x":1}}}')),
    /data\[0\]\.configuration\.a\.__proto__ is not allowed/,
  ],
  [
    '__proto__ inside JSON text',
    'set-billing-provider-configurations-customer',
    { data: `[{"customer_id":"${ID}","billing_provider":"stripe","configuration":{"__proto__":1}}]` },
    /configuration\.__proto__ is not allowed/,
  ],
  ['constructor at the top', 'get-customer', { customer_id: ID, constructor: 1 }, /constructor is not a known field/],
  [
    'hasOwnProperty at the top',
    'get-customer',
    { customer_id: ID, hasOwnProperty: 1 },
    /hasOwnProperty is not a known field/,
  ],
])('an unknown argument is refused: %s', async (_, tool, args, message) => {
  expect(await refuse(tool, args)).toMatch(message)
})

test('fields of an open object may be named like members of every object', async () => {
  const configured = configure({ constructor: 'a', toString: 'b', 1: 'c' })
  expect(await accept('set-billing-provider-configurations-customer', configured)).toEqual(configured)
})

test.each<[string, unknown, RegExp]>([
  [
    'an integer beyond 2^53',
    configure({ netsuite_customer_id: 2 ** 53 }),
    /configuration\.netsuite_customer_id is too large to keep its digits/,
  ],
  ['a negative one', configure({ deep: [{ id: -(2 ** 53) }] }), /configuration\.deep\[0\]\.id is too large/],
  [
    'one inside JSON text',
    { data: `[{"customer_id":"${ID}","billing_provider":"stripe","configuration":{"id":12345678901234567890}}]` },
    /configuration\.id is too large/,
  ],
  [
    'a number beyond all numbers',
    { data: `[{"customer_id":"${ID}","billing_provider":"stripe","configuration":{"id":1e400}}]` },
    /configuration\.id is too large/,
  ],
])('a number that would change on its way is refused: %s', async (_, args, message) => {
  expect(await refuse('set-billing-provider-configurations-customer', args)).toMatch(message)
})

test.each<[string, string, unknown, RegExp]>([
  ['a name', 'update-customer-name', { customer_id: ID, name: 'a\ud800' }, /name must be well-formed Unicode/],
  [
    'an alias',
    'create-customer',
    { name: 'a', ingest_aliases: ['\udc00'] },
    /ingest_aliases\[0\] must be well-formed Unicode/,
  ],
  ['a filter', 'list-customers', { ingest_alias: '\ud83d' }, /ingest_alias must be well-formed Unicode/],
  [
    'a value of an open object',
    'set-billing-provider-configurations-customer',
    configure({ a: ['\ud83d'] }),
    /configuration\.a\[0\] must be well-formed Unicode/,
  ],
  [
    'a name of a custom field',
    'create-customer',
    { name: 'a', custom_fields: { 'a\ud800': 'b' } },
    /must be well-formed Unicode/,
  ],
])('a lone surrogate is refused in %s', async (_, tool, args, message) => {
  expect(await refuse(tool, args)).toMatch(message)
})

test('nesting is limited, also when it comes as JSON text', async () => {
  const tool = 'set-billing-provider-configurations-customer'
  expect(await refuse(tool, configure(nest(100)))).toMatch(/is nested deeper than 64 levels/)
  const text = `[{"customer_id":"${ID}","billing_provider":"stripe","configuration":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}]`
  expect(await refuse(tool, { data: text })).toMatch(/is nested deeper than 64 levels/)
  expect(await accept(tool, configure(nest(30)))).toEqual(configure(nest(30)))
})

describe('an object or array that came as JSON text is read', () => {
  test('at the top', async () => {
    expect(
      await accept('create-update-customer-ingest-aliases', { customer_id: ID, ingest_aliases: '["a", "b"]' }),
    ).toEqual({ ingest_aliases: ['a', 'b'] })
    expect(await accept('create-customer', { name: 'a', custom_fields: ' {"tier": "gold"} ' })).toEqual({
      name: 'a',
      custom_fields: { tier: 'gold' },
    })
  }, 20_000)

  test('inside arrays, and inside other JSON text', async () => {
    const item = { customer_id: ID, billing_provider: 'stripe', configuration: { stripe_customer_id: 'cus_1' } }
    const asText = JSON.stringify({ ...item, configuration: JSON.stringify(item.configuration) })
    expect(await accept('set-billing-provider-configurations-customer', { data: JSON.stringify([asText]) })).toEqual({
      data: [item],
    })
  })

  test('but not where text is wanted', async () => {
    expect(await accept('update-customer-name', { customer_id: ID, name: '["a"]' })).toEqual({ name: '["a"]' })
    const configured = configure({ note: '{"a":1}', list: '[1]' })
    expect(await accept('set-billing-provider-configurations-customer', configured)).toEqual(configured)
  })

  test('and checked like any other', async () => {
    const tool = 'create-update-customer-ingest-aliases'
    expect(await refuse(tool, { customer_id: ID, ingest_aliases: '["a", ""]' })).toMatch(
      /ingest_aliases\[1\] must have/,
    )
    expect(await refuse(tool, { customer_id: ID, ingest_aliases: '["a"' })).toMatch(
      /ingest_aliases .*expected array, received string/,
    )
    expect(await refuse(tool, { customer_id: ID, ingest_aliases: '{"a":1}' })).toMatch(
      /expected array, received object/,
    )
    expect(await refuse(tool, { customer_id: ID, ingest_aliases: '5' })).toMatch(/expected array, received string/)
  })
})
