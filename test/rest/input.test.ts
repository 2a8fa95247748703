import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { configureNumber, INEXACT_NUMBERS } from '../support/arguments.ts'
import { customerResponse, type HttpRequest, send, startRest, TOKEN } from '../support/http.ts'
import { stopListeners } from '../support/listeners.ts'
import { ask, record, restRequest } from '../support/rest.ts'

afterEach(stopListeners)

const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const CUSTOMERS = '/v1/v1/customers'
const SETNAME = `${CUSTOMERS}/${ID}/setname`

/** Sends a request that must be rejected, with nothing sent to Metronome. */
async function expectRejection(sent: HttpRequest) {
  const upstream = record(async () => customerResponse('Acme'))
  const { url } = await startRest(upstream.fetch)
  const answer = await ask(url, sent)
  expect(upstream.sent).toEqual([])
  expect(answer.headers['content-type']).toBe('application/problem+json')
  expect(answer.json).toMatchObject({ title: expect.any(String), status: answer.status, detail: expect.any(String) })
  return answer
}

const errorsOf = async (sent: HttpRequest) => {
  const { status, json } = await expectRejection(sent)
  expect(json).toMatchObject({
    type: expect.stringMatching(/docs\/rest\.md#invalid-input$/),
    title: 'Invalid request',
  })
  expect(status).toBe(400)
  return json.errors as { field: string; message: string }[]
}
const fieldsOf = async (sent: HttpRequest) => (await errorsOf(sent)).map(({ field }) => field)
const get = (query: string): HttpRequest => ({ method: 'GET', path: `${CUSTOMERS}?${query}` })
const post = (path: string, body: unknown): HttpRequest => ({
  method: 'POST',
  path,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})

test('every invalid field is named with the problem', async () => {
  expect(await errorsOf(get('limit=101&only_archived=yes&customer_ids=x&ingest_allias=a'))).toEqual([
    { field: 'limit', message: 'must be from 1 to 100' },
    { field: 'customer_ids[0]', message: expect.stringContaining('must be a UUID') },
    { field: 'only_archived', message: 'must be true or false, not text' },
    { field: 'ingest_allias', message: 'is not a known field (did you mean ingest_alias?)' },
  ])
})

test('a rejected write says that it was not applied', async () => {
  const { json } = await expectRejection(post(`${CUSTOMERS}/archive`, { customer_id: ID }))
  expect(json).toMatchObject({
    detail: expect.stringMatching(/^archive-customer: invalid arguments, nothing was sent\. /),
    outcome: 'not_applied',
    errors: [
      { field: 'id', message: 'is required' },
      { field: 'customer_id', message: expect.stringContaining('is not a known field') },
    ],
  })
})

describe('in the query', () => {
  test.each([
    ['limit=0', ['limit']],
    ['limit=1.0', ['limit']],
    ['limit=1e1', ['limit']],
    ['limit=0x10', ['limit']],
    ['limit=010', ['limit']],
    ['limit=%2010', ['limit']],
    ['limit=NaN', ['limit']],
    ['limit=1&limit=1', ['limit']],
    ['limit[]=1', ['limit[]']],
    ['only_archived=1', ['only_archived']],
    ['ingest_alias=', ['ingest_alias']],
    ['ingest_alias=a&ingest_alias=b', ['ingest_alias']],
    ['ingest_alias=%ff', ['query']],
    ['ingest_alias=%', ['query']],
    ['ingest_alias=%ed%a0%80', ['query']],
    [`customer_ids=${ID},`, ['customer_ids[1]']],
    ['customer_ids=', ['customer_ids[0]']],
    [`customer_ids=["${ID}"]`, ['customer_ids[0]']],
    [`customer_ids=${Array(101).fill(ID).join()}`, ['customer_ids']],
    ['search=', ['search']],
    ['missing=', ['missing[0]']],
    ['missing=ingest_aliases,name', ['missing[1]']],
    ['Limit=1', ['Limit']],
    ['__proto__=1', ['__proto__', '__proto__']],
    ['constructor=1', ['constructor']],
    ['x=1&y=2', ['x', 'y']],
  ])('%s is rejected', async (query, fields) => {
    expect(new Set(await fieldsOf(get(query)))).toEqual(new Set(fields))
  })

  test('search and missing find customers, and are not sent', async () => {
    const found = { id: ID, name: 'O’Brien', ingest_aliases: [] }
    const data = [found, { ...found, id: '2', name: 'Bolt' }, { ...found, id: '3', ingest_aliases: ['obrien'] }]
    const upstream = record(async () => Response.json({ data, next_page: null }))
    const { url } = await startRest(upstream.fetch)
    const { status, json } = await ask(url, get("search=o'brien%20&missing=ingest_aliases,custom_fields&limit=5"))
    const _note = '1 match; all 3 active customers were read.'
    expect({ status, json }).toEqual({ status: 200, json: { data: [found], next_page: null, _note } })
    expect(upstream.sent.map((request) => request.url)).toEqual(['/v1/customers?limit=100'])
  })

  test.each([
    ['only_archived=True&limit=5', 'only_archived=true&limit=5'],
    ['only_archived=FALSE', 'only_archived=false'],
    ['only_archived=&limit=&next_page=', ''],
  ])('%s is read as Python and forms write it', async (query, sent) => {
    const upstream = record(async () => Response.json({ data: [], next_page: null }))
    const { url } = await startRest(upstream.fetch)
    expect((await ask(url, get(query))).status).toBe(200)
    expect(upstream.sent.map(({ url }) => new URLSearchParams(url.split('?')[1]))).toEqual([new URLSearchParams(sent)])
  })

  test.each(['ingest_alias', 'customer_ids', 'salesforce_account_ids'])(
    '%s, a filter, must not be empty, since everything would be listed',
    async (filter) => {
      expect(await fieldsOf(get(`${filter}=&limit=`))).toEqual([expect.stringMatching(new RegExp(`^${filter}`))])
    },
  )

  test('a POST takes no query parameters', async () => {
    expect(await fieldsOf(post(`${SETNAME}?name=a&dry_run=true`, { name: 'b' }))).toEqual(['name', 'dry_run'])
  })
})

describe('in the body', () => {
  test.each([
    ['a wrong type', { name: true }, ['name']],
    ['an empty name', { name: '' }, ['name']],
    ['null', { name: null }, ['name']],
    ['nothing', {}, ['name']],
    ['an unknown field', { name: 'a', nmae: 'b' }, ['nmae']],
    ['an id that is in the path', { name: 'a', customer_id: ID }, ['customer_id']],
    ['a list', [{ name: 'a' }], ['body', 'name']],
    ['a number', 7, ['body', 'name']],
    ['null as a whole', null, ['body', 'name']],
    ['a number that loses digits', '{"name":"a","n":12345678901234567890}', ['n']],
    ['__proto__', '{"name":"a","__proto__":{"b":1}}', ['__proto__', '__proto__']],
    ['a lone surrogate', '{"name":"\\ud800"}', ['name']],
  ])('%s is rejected', async (_, body, fields) => {
    expect(new Set(await fieldsOf(post(SETNAME, body)))).toEqual(new Set(fields))
  })

  test.each(['', '{', '{"name":}', '{"name":"a"} x', "{'name':'a'}", '\u0000'])(
    '%j, which is not JSON, is rejected',
    async (body) => {
      const { status, json } = await expectRejection(post(SETNAME, body))
      expect(status).toBe(400)
      expect(json).toEqual({
        type: 'about:blank',
        title: 'Bad Request',
        status: 400,
        detail: 'The body is not valid JSON in UTF-8.',
      })
    },
  )

  test('more than 512 KiB is rejected', async () => {
    const { status, json } = await expectRejection(post(SETNAME, { name: 'x'.repeat(512 * 1024) }))
    expect([status, json.title]).toEqual([413, 'Payload Too Large'])
  })

  test('another type than JSON is rejected', async () => {
    const { status } = await expectRejection({
      ...post(SETNAME, { name: 'a' }),
      headers: { 'content-type': 'text/plain' },
    })
    expect(status).toBe(415)
  })

  test('at most a thousand errors are listed', async () => {
    const body = { customer_id: ID, customer_billing_provider_configuration_ids: Array(1_500).fill('x') }
    const errors = await errorsOf(post('/v1/v1/archivecustomerbillingproviderconfigurations', body))
    expect(errors).toHaveLength(1_000)
  })
})

test.each(INEXACT_NUMBERS)('the number %s in a body, which JavaScript would alter, is rejected', async (number) => {
  const path = '/v1/v1/setcustomerbillingproviderconfigurations'
  expect(await errorsOf(post(path, configureNumber(number)))).toEqual([
    { field: 'data[0].configuration.a[0]', message: 'exceeds the range of exact numbers; send it as a string' },
  ])
})

test('a setting is cleared by name, as over MCP', async () => {
  const upstream = record(async () => new Response(null, { status: 200 }))
  const { url } = await startRest(upstream.fetch)
  const { status } = await ask(url, post(`${CUSTOMERS}/${ID}/updateconfig`, { clear: ['salesforce_account_id'] }))
  expect(status).toBe(200)
  expect(upstream.sent.map(({ body }) => JSON.parse(String(body)))).toEqual([{ salesforce_account_id: null }])
})

describe('ids in the path', () => {
  test.each([
    'x',
    `${ID}x`,
    '%00',
    '%2e%2e%2fcontracts',
    '..%2F..%2Fcontracts',
    `${ID}%2Fsetname`,
    `${ID}%3Fx=1`,
    `${ID}%0d%0aX-Evil:1`,
    '%ff',
    '%',
    '%zz',
    'null',
    '{customer-id}',
    `${ID},${ID}`,
    '😀',
  ])('%s is not a UUID', async (id) => {
    expect(
      new Set(await fieldsOf({ method: 'GET', path: encodeURI(`${CUSTOMERS}/${id}`).replaceAll('%25', '%') })),
    ).toEqual(new Set(['customer_id']))
  })

  test.each([
    `${CUSTOMERS}/${ID}/../../contracts`,
    `${CUSTOMERS}/%2e%2e/contracts`,
    `${CUSTOMERS}/${ID}/setName`,
    `${CUSTOMERS}//${ID}`,
    `/v1/customers/${ID}`,
    `/v2/v1/customers`,
    '/V1/V1/CUSTOMERS',
    '/v1/v1/setCustomerBillingProviderConfigurations',
    '/mcp',
  ])('%s is not a route', async (path) => {
    expect(await expectRejection({ method: 'GET', path })).toMatchObject({
      status: 404,
      json: { title: 'Not Found', detail: expect.stringContaining('/openapi.json') },
    })
  })

  test.each([
    ['/v1/customers', '/v1/v1/customers'],
    ['/customers', '/v1/v1/customers'],
    [`/v1/customers/${ID}`, '/v1/v1/customers/{customer-id}'],
    [`${CUSTOMERS}/${ID}/setName`, '/v1/v1/customers/{customer-id}/setname'],
    ['/v1/customers/archive', '/v1/v1/customers/archive'],
    ['/v1/setCustomerBillingProviderConfigurations', '/v1/v1/setcustomerbillingproviderconfigurations'],
  ])('%s gets the right path', async (path, right) => {
    expect(await expectRejection({ method: 'GET', path })).toMatchObject({
      status: 404,
      json: { detail: `Not found. Did you mean ${right}? /openapi.json lists all paths.` },
    })
  })

  test('/ leads to the document, without a token', async () => {
    const { fetch } = record(async () => customerResponse('Acme'))
    const { url } = await startRest(fetch, { tokens: [TOKEN] })
    const { status, headers } = await send(url, { method: 'GET', path: '/' })
    expect([status, headers.location]).toEqual([307, '/openapi.json'])
    expect((await ask(url, { method: 'GET', path: '/openapi.json' })).status).toBe(200)
  })
})

test.each([
  ['PUT', CUSTOMERS, 'GET, HEAD, POST'],
  ['DELETE', `${CUSTOMERS}/${ID}`, 'GET, HEAD'],
  ['POST', `${CUSTOMERS}/${ID}`, 'GET, HEAD'],
  ['GET', `${CUSTOMERS}/archive`, 'POST'],
  ['PATCH', SETNAME, 'POST'],
  ['OPTIONS', SETNAME, 'POST'],
  ['POST', '/openapi.json', 'GET, HEAD'],
  ['POST', '/healthz', 'GET, HEAD'],
])('%s %s is 405 with the allowed methods', async (method, path, allow) => {
  const { status, headers } = await expectRejection({ method, path, ...(method === 'POST' && { body: '{}' }) })
  expect([status, headers.allow?.toString().split(', ').sort().join(', ')]).toEqual([405, allow])
})

test('HEAD gets the response of GET without its body', async () => {
  const { url } = await startRest(async () => customerResponse('Acme'))
  const response = await send(url, { method: 'HEAD', path: `${CUSTOMERS}/${ID}` })
  expect(response).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' }, text: '' })
})

test('a slash at the end of a path is ignored', async () => {
  const { url } = await startRest(async () => customerResponse('Acme'))
  expect(await ask(url, { method: 'GET', path: `${CUSTOMERS}/${ID}/` })).toMatchObject({ status: 200 })
})

describe('Idempotency-Key', () => {
  const name = { name: 'Acme' }

  test.each(['k', '"quoted"', '~!@#$%^&*()', 'x'.repeat(255)])('%s is sent on and returned', async (key) => {
    const { fetch, sent } = record(async () => customerResponse('Acme'))
    const { url } = await startRest(fetch)
    const { headers } = await ask(url, { ...post(SETNAME, name), headers: { 'idempotency-key': key } })
    expect(sent.map(({ headers }) => headers['idempotency-key'])).toEqual([key])
    expect(headers['idempotency-key']).toBe(key)
  })

  test.each(['', 'a b', 'x'.repeat(256), 'caf\u00e9'])('%j is rejected together with the other errors', async (key) => {
    const sent = { ...post(SETNAME, { name: true }), headers: { 'idempotency-key': key } }
    expect(await fieldsOf(sent)).toEqual(['Idempotency-Key', 'name'])
  })

  test('two of them are rejected', async () => {
    const { url } = await startRest(async () => customerResponse('Acme'))
    const headers = { 'content-type': 'application/json', 'idempotency-key': ['a', 'b'] }
    const status = await new Promise((resolve) => {
      request(url + SETNAME, { method: 'POST', headers, agent: false }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      }).end(JSON.stringify(name))
    })
    expect(status).toBe(400)
  })

  test('a read sends none', async () => {
    const { fetch, sent } = record(async () => customerResponse('Acme'))
    const { url } = await startRest(fetch)
    await ask(url, { ...restRequest('get-customer', { customer_id: ID }), headers: { 'idempotency-key': 'k' } })
    expect(sent.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined])
  })
})

describe('the guard', () => {
  test.each([
    ['another Host', { host: 'evil.example' }, 403],
    ['another Origin', { origin: 'http://evil.example' }, 403],
    ['no token', {}, 401],
    ['a wrong token', { authorization: 'Bearer x' }, 401],
  ])('rejects %s with a problem on every route', async (_, headers, status) => {
    const { fetch, sent } = record(async () => customerResponse('Acme'))
    const { url } = await startRest(fetch, { tokens: [TOKEN] })
    for (const path of [CUSTOMERS, SETNAME, '/metrics']) {
      const answer = await ask(url, { method: 'GET', path, headers })
      expect(answer).toMatchObject({ status, json: { type: 'about:blank', status } })
      expect(answer.headers['content-type']).toBe('application/problem+json')
      if (status === 401) expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    }
    expect(sent).toEqual([])
  })
})
