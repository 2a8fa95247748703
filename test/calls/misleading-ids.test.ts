import { describe, expect, test } from 'vitest'
import type { Fetch } from '../../src/metronome/fetch.ts'
import { ID } from '../contract.ts'
import { accept, reject } from '../support/arguments.ts'
import { callWith } from '../support/call-upstream.ts'
import { createHarness } from '../support/harness.ts'

const ALIASES = 'create-update-customer-ingest-aliases'
const RULE = 'must not have white space around it or invisible characters inside'

const MISLEADING = [
  'acme-prod ',
  '\tacme-prod',
  'acme-prod\u00a0',
  '\u3000acme-prod',
  'acme\u200bprod',
  'acme\u00adprod',
  'acme\u202eprod',
  'acme\ufe0fprod',
  'acme\u3164prod',
  'acme\u2800prod',
  'acme\u0000prod',
  'acme\nprod',
  '\ufeffacme',
].map((id) => [JSON.stringify(id), id] as const)

describe.each(MISLEADING)('the id %s, which is not what it seems', (_, id) => {
  test('is rejected where it is new', async () => {
    expect(await reject('create-customer', { name: 'Acme', ingest_aliases: ['acme', id] })).toEqual([
      `ingest_aliases[1] ${RULE}`,
    ])
    expect(await reject('create-customer', { name: 'Acme', external_id: id })).toEqual([`external_id ${RULE}`])
    expect(await reject('update-customer-configuration', { customer_id: ID, salesforce_account_id: id })).toEqual([
      `salesforce_account_id ${RULE}`,
    ])
  })

  test('is sent as it is in a filter, and the result says so', async () => {
    for (const args of [{ ingest_alias: id }, { salesforce_account_ids: ['sf', id] }]) {
      const { result, sent } = await callAliases('list-customers', args, { data: [], next_page: null })
      expect(result).toEqual({
        ok: true,
        body: {
          data: [],
          next_page: null,
          _note: expect.stringContaining('Sent as given, with white space around it'),
        },
      })
      expect(decodeURIComponent(sent.join())).toContain(id)
    }
  })
})

/** Calls a tool; every read returns `body`, and every write succeeds. */
async function callAliases(tool: string, args: object, body: object | 'not found') {
  const sent: string[] = []
  const fetch: Fetch = async (url, { method, body: text }) => {
    sent.push(`${method} ${new URL(url).pathname}${new URL(url).search}${text ?? ''}`)
    if (method === 'POST') return new Response(null, { status: 200 })
    return body === 'not found' ? Response.json({ message: 'Not found' }, { status: 404 }) : Response.json(body)
  }
  const result = await callWith(createHarness({ upstream: { fetch } }), [tool, args])
  return { result, sent }
}

describe('when a set of aliases is replaced', () => {
  const held = { data: { id: ID, ingest_aliases: ['acme ', 'old'] } }
  const customer = `/v1/customers/${ID}`
  const replace = (ingest_aliases: readonly string[]) => ({ customer_id: ID, ingest_aliases })

  test('clean aliases cost no read', async () => {
    const { result, sent } = await callAliases(ALIASES, replace(['a b', 'ümlaut-日本', '😀']), held)
    expect(result).toEqual({ ok: true, body: { success: true } })
    expect(sent).toEqual([`POST ${customer}/setIngestAliases{"ingest_aliases":["a b","ümlaut-日本","😀"]}`])
  })

  test('a misleading one is kept where the customer holds it already', async () => {
    const { result, sent } = await callAliases(ALIASES, replace(['acme ', 'new']), held)
    expect(result).toEqual({ ok: true, body: { success: true } })
    expect(sent).toEqual([`GET ${customer}`, `POST ${customer}/setIngestAliases{"ingest_aliases":["acme ","new"]}`])
  })

  test('a new one is rejected, and nothing is sent', async () => {
    const { result, sent } = await callAliases(ALIASES, replace(['acme ', 'new ', 'ok']), held)
    expect(result).toMatchObject({
      code: 'invalid_arguments',
      outcome: 'not_applied',
      message: `${ALIASES}: invalid arguments, nothing was sent. ingest_aliases[1] ${RULE}.`,
    })
    expect(sent).toEqual([`GET ${customer}`])
  })

  test('a customer that cannot be read is told, and nothing is sent', async () => {
    const { result, sent } = await callAliases(ALIASES, replace(['acme ']), 'not found')
    expect(result).toMatchObject({
      status: 404,
      outcome: 'not_applied',
      message: expect.stringMatching(/^create-update-.* that cannot be read; nothing was sent\. get-customer: .* 404/),
    })
    expect(sent).toEqual([`GET ${customer}`])
  })
})

test('blanks inside an id are allowed', async () => {
  const customer = { name: 'Acme', ingest_aliases: ['a b', 'team@acme.example', '😀'] }
  expect(await accept('create-customer', customer)).toEqual(customer)
})
