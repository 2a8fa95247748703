import { describe, expect, test } from 'vitest'
import { createAuditLog } from '../../src/calls/guards/audit.ts'
import type { FetchInit } from '../../src/metronome/fetch.ts'
import { acmeDetail, acmeStripe } from '../../src/operations/examples.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { ID, UNKNOWN_ID } from '../contract.ts'
import { callWith } from '../support/call-upstream.ts'
import { createHarness, type HarnessOptions } from '../support/harness.ts'

const BILLING = 'set-billing-provider-configurations-customer'
const ARCHIVE_BILLING = 'archive-billing-provider-configurations-customer'

type Read = (path: string, query: URLSearchParams) => JsonObject

/** A Metronome that responds to every write with `respond`, and shows these records. */
function createMetronome(
  read: Read,
  respond = () => Response.json({ message: 'Unexpected internal error' }, { status: 500 }),
) {
  return async (url: string, { method }: FetchInit): Promise<Response> => {
    const { pathname, searchParams } = new URL(url)
    const isRead = method === 'GET' || pathname.startsWith('/v1/get')
    return isRead ? Response.json(read(pathname, searchParams)) : respond()
  }
}

function callAgainst(
  read: Read,
  call: readonly [string, object],
  respond?: () => Response,
  options: HarnessOptions = {},
) {
  const upstream = { fetch: createMetronome(read, respond), baseUrl: 'http://metronome.invalid' }
  return callWith(createHarness({ upstream, ...options }), call)
}

describe('after a 500 of a write that is done', () => {
  const nova = { ...acmeDetail, id: UNKNOWN_ID, name: 'Nova', ingest_aliases: ['nova'] }
  const create = ['create-customer', { name: 'Nova', ingest_aliases: ['nova'] }] as const

  /** The pages of the active holders, of which one has the customer. */
  const onPage = (holder: number, last: number) => (_: string, query: URLSearchParams) => {
    if (query.get('only_archived') === 'true') return { data: [], next_page: null }
    const page = Number(query.get('next_page') ?? 1)
    return { data: page === holder ? [nova] : [], next_page: page === last ? null : String(page + 1) }
  }

  test.each([
    [1, 1],
    [2, 2],
    [3, 3],
    [1, 2],
    [2, 4],
  ])('a customer on page %i of %i of the holders is found', async (page, last) => {
    const result = await callAgainst(onPage(page, last), create)
    expect(result).toMatchObject({ ok: true, body: { data: { id: UNKNOWN_ID } } })
  })

  test('no more than three pages are read, and nothing is said about the others', async () => {
    expect(await callAgainst(onPage(4, 4), create)).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('was found in the first 3 pages'),
    })
  })

  const { customer_id, billing_provider, delivery_method } = acmeStripe
  const item = { customer_id, billing_provider, delivery_method }
  const rule = { invoice_type: 'usage', fiat_credit_type_id: '2714E483-4FF1-48E4-9E25-AC732E8F24F2', max_amount: 10 }
  const withRule = { ...item, unbillable_invoices_configuration: [rule] }

  test.each<[what: string, requested: JsonObject, recorded: JsonObject]>([
    [
      'a UUID in lower case',
      withRule,
      { unbillable_invoices_configuration: [{ ...rule, fiat_credit_type_id: rule.fiat_credit_type_id.toLowerCase() }] },
    ],
    ['a further key', withRule, { unbillable_invoices_configuration: [{ ...rule, created_at: 'now' }] }],
    ['a number as text', withRule, { unbillable_invoices_configuration: [{ ...rule, max_amount: '10' }] }],
    [
      'a boolean as text',
      { ...item, configuration: { aws_is_subscription_product: true } },
      { configuration: { aws_is_subscription_product: 'true' } },
    ],
    [
      'an id in another case',
      { ...item, configuration: { azure_subscription_id: 'ABC' } },
      { configuration: { azure_subscription_id: 'abc' } },
    ],
  ])('a configuration that is shown with %s is not called absent', async (_, requested, recorded) => {
    const record = { id: 'c1', archived_at: null, ...requested, ...recorded }
    const result = await callAgainst(() => ({ data: [record] }), [BILLING, { data: [requested] }])
    expect(result).toMatchObject({ outcome: 'unknown' })
  })

  test.each<[what: string, tool: string, args: JsonObject, recorded: JsonObject]>([
    ['a name without its outer blank', 'update-customer-name', { name: 'Acme Europe ' }, { name: 'Acme Europe' }],
    ['an older name, since reads may lag', 'update-customer-name', { name: 'Acme Europe' }, { name: 'Acme' }],
    ['an alias in another spelling', 'create-update-customer-ingest-aliases', { ingest_aliases: ['Nova'] }, {}],
  ])('%s is not called absent', async (_, tool, args, recorded) => {
    const read = () => ({ data: { ...acmeDetail, ...recorded } })
    expect(await callAgainst(read, [tool, { customer_id: ID, ...args }])).toMatchObject({ outcome: 'unknown' })
  })

  test('an archive of which archived_at is not shown is unknown, and not called active', async () => {
    const { archived_at: _, ...record } = acmeDetail
    expect(await callAgainst(() => ({ data: record }), ['archive-customer', { id: ID }])).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('get-customer does not show archived_at.'),
    })
  })

  test('archived configurations of which archived_at is not shown are unknown, and not called active', async () => {
    const { archived_at: _, ...record } = acmeStripe
    const args = { customer_id: ID, customer_billing_provider_configuration_ids: [record.id] }
    expect(await callAgainst(() => ({ data: [record] }), [ARCHIVE_BILLING, args])).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('0 are archived, 0 are active, 1 are not shown as either'),
    })
  })

  test.each(['constructor', 'toString', '__proto__'])('a key %s is not one that every object has', async (key) => {
    const record = { id: 'c1', archived_at: null, ...item, configuration: {} }
    const requested = { ...item, configuration: JSON.parse(`{"${key}":"x"}`) }
    const result = await callAgainst(() => ({ data: [record] }), [BILLING, { data: [requested] }])
    expect(result).toMatchObject({ ok: false, outcome: key === '__proto__' ? 'not_applied' : 'unknown' })
    if (key !== '__proto__') expect(result).toMatchObject({ message: expect.stringContaining('similar') })
  })
})

describe('a 409 for more aliases than are looked up', () => {
  const conflict = () => Response.json({ message: 'Ingest alias already exists' }, { status: 409 })
  const aliases = Array.from({ length: 8 }, (_, index) => `alias-${index}`)

  test('says how many were', async () => {
    const call = ['create-customer', { name: 'Nova', ingest_aliases: aliases }] as const
    expect(await callAgainst(() => ({ data: [], next_page: null }), call, conflict)).toMatchObject({
      outcome: 'unknown',
      message: expect.stringContaining('Of the 8 requested aliases, 5 were looked up, and no customer holds these.'),
    })
  })
})

describe('a 200 of a tool without a body', () => {
  const call = ['create-update-customer-ingest-aliases', { customer_id: ID, ingest_aliases: ['new'] }] as const
  const respond = (text: string) => () => new Response(text, { status: 200 })

  test.each(['', ' \n', 'null', '{}', '{"data":null}', '{"data":{"id":"x"}}'])('is a success with %j', async (text) => {
    expect(await callAgainst(() => ({ data: acmeDetail }), call, respond(text))).toMatchObject({ ok: true })
  })

  test.each([
    '{"message":"Unexpected internal error"}',
    '{"error":"x"}',
    '{"errors":[]}',
    '{"success":false}',
    '{"data":{},"error":"x"}',
    '{"data":{},"errors":["x"]}',
    '{"success":true,"message":"x"}',
    '[]',
    'true',
    '"ok"',
  ])('is ambiguous with %j', async (text) => {
    expect(await callAgainst(() => ({ data: acmeDetail }), call, respond(text))).toMatchObject({ outcome: 'unknown' })
  })
})

describe('a call that is rejected here under a key of an earlier one', () => {
  const EARLIER = /This call sent nothing; an earlier one with this Idempotency-Key may have acted\.$/
  const key = { value: 'order-1', mayHaveBeenUsed: true, givenIn: 'header' } as const
  const create = { name: 'Nova' }
  const audit = createAuditLog({ append: () => Promise.reject(new Error('full')), context: {}, onError() {} })

  test.each<[why: string, options: HarnessOptions, call: readonly [string, object], code: string]>([
    ['invalid arguments', {}, ['create-customer', { nam: 'Nova' }], 'invalid_arguments'],
    ['a missing key', { apiKey: undefined }, ['create-customer', create], 'missing_key'],
    ['a stopping server', {}, ['create-customer', create], 'cancelled'],
    ['an audit log that cannot be written', { audit }, ['create-customer', create], 'audit_failed'],
    ['a form that cannot be shown', { confirmArchives: true }, ['archive-customer', { id: ID }], 'not_confirmed'],
  ])('reports no outcome for %s', async (why, options, call, code) => {
    const harness = createHarness(options)
    if (why === 'a stopping server') harness.interrupt()
    const result = await callWith(harness, call, { idempotencyKey: key })
    expect(result).toMatchObject({ code, outcome: undefined, message: expect.stringMatching(EARLIER) })
  })

  test('reports not_applied under a fresh key', async () => {
    const harness = createHarness()
    harness.interrupt()
    expect(await callWith(harness, ['create-customer', create])).toMatchObject({ outcome: 'not_applied' })
  })

  test.each(['order-1', 4711])('holds for the argument %j of clients that send no headers', async (idempotency_key) => {
    const args = { ...create, idempotency_key, nam: 'x' }
    expect(await callWith(createHarness(), ['create-customer', args])).toMatchObject({
      code: 'invalid_arguments',
      outcome: undefined,
      message: expect.stringMatching(EARLIER),
    })
  })
})
