import { afterEach, describe, expect, test } from 'vitest'
import { acme, acmeStripe } from '../../src/operations/examples.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { noContent } from '../../src/operations/json.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { rowOf } from '../contract.ts'
import { connectClient, operationOf } from '../support/harness.ts'
import { customerResponse, startRest } from '../support/http.ts'
import { stopListeners } from '../support/listeners.ts'
import { ask, ROUTES, record, restRequest } from '../support/rest.ts'

afterEach(stopListeners)

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/

/** Arguments that succeed on a new sandbox. */
const argsOf = (tool: string): JsonObject => rowOf(tool).write?.args[0] ?? operationOf(tool).example.input

test.each(ROUTES)('%s is served at %s %s, with the JSON of the sandbox unchanged', async (tool, method) => {
  const upstream: string[] = []
  const sandbox = createSandbox()
  const { url } = await startRest(async (input, init) => {
    const answer = await sandbox.fetch(input, init)
    upstream.push(await answer.clone().text())
    return answer
  })
  const { status, headers, text } = await ask(url, restRequest(tool, argsOf(tool)))
  expect(upstream).toHaveLength(1)
  const empty = operationOf(tool).output === noContent
  expect({ status, json: JSON.parse(text) }).toEqual({
    status: 200,
    json: empty ? { success: true } : JSON.parse(upstream[0] ?? ''),
  })
  expect(headers).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  expect('idempotency-key' in headers).toBe(method === 'POST' && operationOf(tool).kind === 'write')
})

const MORE: readonly (readonly [string, JsonObject])[] = [
  [
    'list-customers',
    {
      limit: 2,
      next_page: 'a+b/c=&d ü',
      ingest_alias: 'team@acme.example',
      customer_ids: [acme.id, acmeStripe.id],
      only_archived: false,
      salesforce_account_ids: ['0015 5', 'ü'],
    },
  ],
  ['get-customer', { customer_id: acme.id.toUpperCase() }],
  [
    'update-customer-configuration',
    { customer_id: acme.id, salesforce_account_id: null, leave_stripe_invoices_in_draft: null },
  ],
  ['create-update-customer-ingest-aliases', { customer_id: acme.id, ingest_aliases: [] }],
  ['create-customer', { name: 'Zoë "&" Söhne\n😀', custom_fields: { z: '1', a: '2' } }],
]

describe('a route and its tool send the same request for the same arguments', () => {
  const cases = [...ROUTES.map(([tool]) => [tool, argsOf(tool)] as const), ...MORE]

  test.each(cases)('%s %j', async (tool, args) => {
    const answer = async () => Response.json(operationOf(tool).example.output)
    const [byTool, byRoute] = [record(answer), record(answer)]
    const { callTool } = await connectClient({ upstream: { fetch: byTool.fetch } })
    await callTool(tool, args)
    const { url } = await startRest(byRoute.fetch)
    expect(await ask(url, restRequest(tool, args))).toMatchObject({ status: 200 })

    for (const { headers } of [...byTool.sent, ...byRoute.sent])
      if (operationOf(tool).kind === 'write') {
        expect(headers['idempotency-key']).toMatch(UUID)
        headers['idempotency-key'] = 'a UUID'
      }
    expect(byTool.sent).toHaveLength(1)
    expect(byRoute.sent).toEqual(byTool.sent)
  })
})

test.each([
  ['joined by commas', `customer_ids=${acme.id},${acmeStripe.id}`],
  ['joined by encoded commas', `customer_ids=${acme.id}%2C${acmeStripe.id}`],
  ['repeated', `customer_ids=${acme.id}&customer_ids=${acmeStripe.id}`],
])('a list %s is read', async (_, query) => {
  const { fetch, sent } = record(async () => Response.json({ data: [], next_page: null }))
  const { url } = await startRest(fetch)
  await ask(url, { method: 'GET', path: `/v1/v1/customers?${query}` })
  expect(sent.map(({ url }) => url)).toEqual([`/v1/customers?customer_ids=${acme.id}%2C${acmeStripe.id}`])
})

test('fields that Metronome adds to a response stay, in their order', async () => {
  const body = '{"zeta":1,"data":{"id":"x","new":[{"b":2,"a":null}]},"alpha":{}}'
  const { url } = await startRest(async () => new Response(body, { status: 201 }))
  expect(await ask(url, restRequest('get-customer', { customer_id: acme.id }))).toMatchObject({
    status: 200,
    text: body,
  })
})

test('a note is in the same place as over MCP', async () => {
  const { url } = await startRest(async (_, init) => {
    // Every answer to the write is lost; reading back shows that it was done.
    if (init?.method === 'POST') throw new TypeError('lost')
    return customerResponse('Acme EU')
  })
  const { status, json } = await ask(
    url,
    restRequest('update-customer-name', { customer_id: acme.id, name: 'Acme EU' }),
  )
  expect(status).toBe(200)
  expect(Object.keys(json)).toEqual(['data', '_note'])
  expect(json._note).toMatch(/^Outcome: applied\. /)
})
