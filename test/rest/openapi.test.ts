import fc from 'fast-check'
import createFetchClient from 'openapi-fetch'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { asObject, asObjects } from '../../src/operations/json.ts'
import { buildOpenApi } from '../../src/rest/openapi.ts'
import { toOpenApi30 } from '../../src/rest/openapi-downgrade.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { ID } from '../contract.ts'
import { customerResponse, startRest, TOKEN } from '../support/http.ts'
import { stopListeners } from '../support/listeners.ts'
import { ask, ROUTES, record, restRequest } from '../support/rest.ts'

afterEach(stopListeners)

type Json = Record<string, unknown>

const RENAME = { tool: 'update-customer-name', args: { customer_id: ID, name: 'Acme' } }

interface Described {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly operation: Json
}

/** The document as a client gets it. */
async function readDocument(settings = {}, headers = {}): Promise<Json> {
  const { url } = await startRest(async () => customerResponse('Acme'), settings)
  const { status, json } = await ask(url, { method: 'GET', path: '/openapi.json', headers })
  expect(status).toBe(200)
  return json
}

const operationsOf = (document: Json): Described[] =>
  Object.entries(asObject(document.paths)).flatMap(([path, item]) =>
    Object.entries(asObject(item)).map(([method, operation]) => ({
      method: method as Described['method'],
      path,
      operation: asObject(operation),
    })),
  )

const bodyOf = ({ operation }: Described): Json =>
  asObject(asObject(asObject(asObject(operation.requestBody).content)['application/json']))

test('every route of the specification is described, and nothing else', async () => {
  const described = operationsOf(await readDocument())
  expect(new Set(described.map(({ method, path }) => `${method.toUpperCase()} ${path}`))).toEqual(
    new Set(ROUTES.map(([, method, path]) => `${method} ${path}`)),
  )
  expect(new Set(described.map(({ operation }) => operation.operationId))).toEqual(
    new Set(ROUTES.map(([tool]) => tool)),
  )
})

test('its server is the address of the request, also behind a proxy', async () => {
  const behind = { host: 'billing.example.com', 'x-forwarded-proto': 'https' }
  const { servers } = await readDocument({ allowedHosts: ['billing.example.com'] }, behind)
  expect(servers).toEqual([{ url: 'https://billing.example.com', description: 'This server' }])
  const [own] = asObjects((await readDocument()).servers)
  expect(own?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
})

test('the bearer is required where the server requires it', async () => {
  expect((await readDocument()).security).toEqual([{}, { bearer: [] }])
  const headers = { authorization: `Bearer ${TOKEN}` }
  expect((await readDocument({ tokens: [TOKEN] }, headers)).security).toEqual([{ bearer: [] }])
})

describe('the document', () => {
  const document = asObject(JSON.parse(JSON.stringify(buildOpenApi(operations, false))))

  test('refers to nothing that is not in it', () => {
    const refs = Array.from(JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g), ([, path = '']) => path)
    expect(refs.length).toBeGreaterThan(100)
    for (const path of new Set(refs))
      expect(path.split('/').reduce((value, key) => asObject(asObject(value)[key]), document)).not.toEqual({})
  })

  test('keeps the formats of ids and times, and patterns nowhere', () => {
    const text = JSON.stringify(document)
    expect(text).toContain('"format":"uuid"')
    expect(text).toContain('"format":"date-time"')
    expect(text).not.toMatch(/"(pattern|anyOf|oneOf|propertyNames)":/)
  })

  test.each(operationsOf(document))('has a summary, a description and an example for $method $path', (described) => {
    const { operation } = described
    expect(operation).toMatchObject({ summary: expect.any(String), description: expect.any(String) })
    expect(operation.tags).toHaveLength(1)
    // What ChatGPT actions take.
    expect(String(operation.description).length).toBeLessThanOrEqual(300)
    for (const { $ref, description } of asObjects(operation.parameters)) {
      expect($ref).toBeUndefined()
      expect(String(description).length).toBeLessThanOrEqual(700)
    }
    if (described.method === 'post') {
      const { schema, example } = bodyOf(described)
      expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(Object.keys(asObject(asObject(schema).properties))).toEqual(
        expect.arrayContaining(Object.keys(asObject(example))),
      )
    }
  })
})

test('the example of an invalid request is what this server responds', async () => {
  const { url } = await startRest(async () => customerResponse('Acme'))
  const { json } = await ask(url, { method: 'GET', path: '/v1/v1/customers?limit=500&ingest_allias=acme' })
  const { components } = buildOpenApi(operations, false)
  expect(JSON.stringify(components)).toContain(JSON.stringify(json))
})

test('what tools put into requests that they build from it is no Idempotency-Key', async () => {
  const { fetch, sent } = record(async () => customerResponse('Acme'))
  const { url } = await startRest(fetch)
  const [write] = operationsOf(await readDocument()).filter(({ operation }) => operation.operationId === RENAME.tool)
  const [example] = asObjects(write?.operation.parameters).filter(({ name }) => name === 'Idempotency-Key')
  for (const key of [String(example?.example), '<string>']) {
    const rename = { ...restRequest(RENAME.tool, RENAME.args), headers: { 'idempotency-key': key } }
    const message = 'is a placeholder; leave it out instead'
    expect((await ask(url, rename)).json.errors).toEqual([{ field: 'Idempotency-Key', message }])
  }
  expect(sent).toEqual([])
})

describe('the document in OpenAPI 3.0', () => {
  const newer = asObject(JSON.parse(JSON.stringify(buildOpenApi(operations, false))))
  const older = asObject(JSON.parse(JSON.stringify(toOpenApi30(newer))))

  test('has nothing that only 3.1 knows', () => {
    expect(older.openapi).toBe('3.0.3')
    expect(asObject(older.info)).not.toHaveProperty('summary')
    expect(JSON.stringify(older)).not.toMatch(/"type":\[|"type":"null"|"(const|examples|\$defs|prefixItems|webhooks)":/)
  })

  test('says the same as 3.1', () => {
    const summary = asObject(newer.info).summary
    const restored = JSON.parse(JSON.stringify(older), (_, value) => {
      if (value?.nullable !== true) return value
      const { nullable, type, ...schema } = value
      return { ...schema, type: [type, 'null'] }
    })
    expect({ ...restored, openapi: newer.openapi, info: { ...restored.info, summary } }).toEqual(newer)
    expect(JSON.stringify(older).match(/"nullable":true/g)?.length).toBeGreaterThan(5)
  })
})

describe('a client that knows only the document', () => {
  let document: Json
  beforeAll(async () => {
    document = await readDocument()
  })

  /** The request that the examples of the document make. */
  const readExample = (described: Described) => {
    const parameters = asObjects(described.operation.parameters).filter(({ in: place }) => place !== undefined)
    const values = (place: string) =>
      Object.fromEntries(
        parameters
          .filter((parameter) => parameter.in === place && 'example' in parameter)
          .map(({ name, example }) => [String(name), example]),
      )
    const body = described.method === 'post' ? { body: bodyOf(described).example } : {}
    return { params: { path: values('path'), query: values('query') }, ...body }
  }

  const call = (url: string, { method, path }: Described, init: object) =>
    // Without generated types every path is as good as another.
    createFetchClient<Record<string, never>>({ baseUrl: url }).request(
      method,
      path as never,
      init as never,
    ) as Promise<{
      response: Response
      data?: unknown
      error?: unknown
    }>

  test('calls every route with its example', async () => {
    for (const described of operationsOf(document)) {
      // A new sandbox each time: what is archived stays archived.
      const { url } = await startRest(createSandbox().fetch)
      const { response, error } = await call(url, described, readExample(described))
      expect({ id: described.operation.operationId, status: response.status, error }).toEqual({
        id: described.operation.operationId,
        status: 200,
        error: undefined,
      })
    }
  })

  test('that sends an unknown field gets a 400 with its name, and nothing is sent', async () => {
    const upstream = record(async () => customerResponse('Acme'))
    const { url } = await startRest(upstream.fetch)
    const described = operationsOf(document)
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...described),
        fc.string({ minLength: 1 }).filter((name) => !/^[a-z_]+$/.test(name)),
        fc.jsonValue(),
        async (chosen, name, value) => {
          const example = asObject(readExample(chosen))
          const params = asObject(example.params)
          // One unknown field, with any value, in an otherwise valid request.
          const wrong =
            chosen.method === 'get'
              ? {
                  params: {
                    ...params,
                    query: { ...asObject(params.query), [encodeURIComponent(name)]: JSON.stringify(value) },
                  },
                }
              : { params, body: { ...asObject(example.body), [name]: value } }
          const { response, error } = await call(url, chosen, wrong)
          expect(response.status).toBe(400)
          expect(asObjects(asObject(error).errors).length).toBeGreaterThan(0)
        },
      ),
      { numRuns: 150 },
    )
    expect(upstream.sent).toEqual([])
  })

  test('that sends any value for a field gets a documented status', async () => {
    const { url } = await startRest(createSandbox().fetch)
    const described = operationsOf(document).filter(({ method }) => method === 'post')
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...described), fc.nat(20), fc.jsonValue(), async (chosen, index, value) => {
        const example = asObject(readExample(chosen))
        const names = Object.keys(asObject(asObject(bodyOf(chosen).schema).properties))
        const name = names[index % names.length] ?? ''
        const body = { ...asObject(example.body), [name]: value }
        const { response } = await call(url, chosen, { params: example.params, body })
        expect([200, 400, 404, 409]).toContain(response.status)
      }),
      { numRuns: 150 },
    )
  })
})
