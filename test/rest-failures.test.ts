import { once } from 'node:events'
import { afterEach, describe, expect, test } from 'vitest'
import { createSandbox } from '../src/sandbox/sandbox.ts'
import type { Fetch } from '../src/upstream/attempt.ts'
import { UnsentError } from '../src/upstream/errors.ts'
import { customerAnswer, OWN_KEY, type Sent, send, startHttp, stopAll } from './support/http.ts'
import { ask, record, restRequest, startRest } from './support/rest.ts'

afterEach(stopAll)

const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const READ = restRequest('get-customer', { customer_id: ID })
const WRITE = restRequest('update-customer-name', { customer_id: ID, name: 'Acme EU' })

const answer = (status: number, body: unknown = {}, headers = {}): Fetch => {
  return async () => Response.json(body, { status, headers })
}
/** Metronome answers writes so, and all reads with another name than was asked for. */
const onWrites = (fetch: Fetch): Fetch => {
  return (input, init) => (init?.method === 'POST' ? fetch(input, init) : Promise.resolve(customerAnswer('Acme')))
}
/** As if nobody were there, at once and for good. */
const lost: Fetch = async () => {
  throw new TypeError('terminated')
}
const refused: Fetch = async () => {
  throw new UnsentError(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
}
/** Every wait for an answer is over before it begins. */
const tooLate: Fetch = (_, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))

/** Sends a request that must fail, and reads its problem. */
const fail = async (fetch: Fetch, sent: Sent, timeoutMs?: number) => {
  const { url } = await startHttp(fetch, { port: undefined, restPort: 0 }, OWN_KEY, timeoutMs)
  const { status, json, headers } = await ask(url, sent)
  expect(headers['content-type']).toBe('application/problem+json')
  expect(json.status).toBe(status)
  const kind = /#(.*)$/.exec(String(json.type))?.[1]
  return { status, kind, outcome: json.outcome, detail: String(json.detail), headers }
}

describe('a refusal keeps its status', () => {
  test.each([400, 401, 403, 404, 409, 410, 422, 429])('%i of a read', async (status) => {
    const seen = await fail(answer(status, { message: 'no' }, { 'retry-after': '30' }), READ)
    expect(seen).toMatchObject({ status, kind: 'metronome-refused', outcome: undefined })
    expect(seen.detail).toContain(`get-customer: Metronome answered ${status}: "no"`)
    expect(seen.headers['retry-after']).toBe('30')
  })

  test.each([400, 401, 403, 404, 409, 422, 429])('%i of a write, which was not done', async (status) => {
    const seen = await fail(onWrites(answer(status, { message: 'no' }, { 'retry-after': '30' })), WRITE)
    expect(seen).toMatchObject({ status, kind: 'metronome-refused', outcome: 'not_applied' })
    expect(seen.detail).toContain('Outcome: not_applied.')
  })

  test.each([500, 503])('%i of a read', async (status) => {
    expect(await fail(answer(status, {}, { 'retry-after': '9' }), READ)).toMatchObject({
      status,
      kind: 'metronome-refused',
    })
  })

  test('401 names the scheme', async () => {
    const { headers } = await fail(answer(401), READ)
    expect(headers['www-authenticate']).toBe('Bearer realm="metronome"')
  })
})

describe('no usable answer', () => {
  test.each([
    ['no connection', refused, READ, 502, 'no-usable-answer', undefined],
    ['no connection for a write', refused, WRITE, 502, 'no-usable-answer', 'not_applied'],
    ['a broken connection', lost, READ, 502, 'no-usable-answer', undefined],
    ['a redirect', answer(302, {}, { location: 'https://evil.example' }), READ, 502, 'no-usable-answer', undefined],
    ['another shape', answer(200, { nothing: 1 }), READ, 502, 'no-usable-answer', undefined],
    ['no answer in time', tooLate, READ, 504, 'no-usable-answer', undefined],
    ['a broken connection in a write', onWrites(lost), WRITE, 502, 'outcome-unknown', 'unknown'],
    ['502 to a write', onWrites(answer(502)), WRITE, 502, 'outcome-unknown', 'unknown'],
    ['503 to a write', onWrites(answer(503)), WRITE, 502, 'outcome-unknown', 'unknown'],
    ['504 to a write', onWrites(answer(504)), WRITE, 504, 'outcome-unknown', 'unknown'],
    ['no answer to a write in time', onWrites(tooLate), WRITE, 504, 'outcome-unknown', 'unknown'],
  ])('%s', async (_, fetch, sent, status, kind, outcome) => {
    expect(await fail(fetch, sent, 1_000)).toMatchObject({ status, kind, outcome })
  })

  test('an unknown outcome tells its word, what to look up, and the key to repeat it under', async () => {
    const { fetch, sent } = record(onWrites(lost))
    const { detail, headers } = await fail(fetch, WRITE)
    expect(detail).toMatch(/get-customer.* Outcome: unknown\.$/)
    const keys = new Set(sent.map(({ headers }) => headers['idempotency-key']).filter(Boolean))
    expect(keys).toEqual(new Set([headers['idempotency-key']]))
  })

  test('a write that was certainly not done keeps the status', async () => {
    const sandbox = createSandbox({ faults: 'cached-500' })
    const archive = restRequest('archive-customer', { id: ID })
    expect(await fail(sandbox.fetch, archive)).toMatchObject({ status: 500, outcome: 'not_applied' })
  })
})

test('a repeat under the key of the first request is answered as the first was', async () => {
  const sandbox = createSandbox({})
  const { url } = await startRest(sandbox.fetch)
  const create = {
    ...restRequest('create-customer', { name: 'Nova Freight' }),
    headers: { 'idempotency-key': 'order-4711' },
  }
  const [first, second] = [await ask(url, create), await ask(url, create)]
  expect(second.json.data).toEqual(first.json.data)
})

test('without a key of Metronome the server is not ready: 503, and nothing that a caller sends would help', async () => {
  const { fetch, sent } = record(answer(200))
  const { url } = await startHttp(fetch, { port: undefined, restPort: 0 }, '')
  const { status, json } = await ask(url, WRITE)
  expect(status).toBe(503)
  expect(json).toMatchObject({
    title: 'The call was not made',
    detail: expect.stringContaining('METRONOME_API_KEY is not set, nothing was sent'),
    outcome: 'not_applied',
  })
  expect(await send(url, { method: 'GET', path: '/readyz' })).toMatchObject({ status: 503 })
  expect(sent).toEqual([])
})

test('an error of our own tells nothing of the inside', async () => {
  const broken: Fetch = async () => {
    const response = customerAnswer('Acme')
    Object.defineProperty(response, 'headers', {
      get() {
        throw new RangeError('secret of the inside')
      },
    })
    return response
  }
  const seen = await fail(broken, READ)
  expect(seen.detail).not.toContain('secret')
})

describe('a caller', () => {
  test('that leaves cancels its call', async () => {
    let onAsk = () => {}
    let onAbort = () => {}
    const asked = new Promise<void>((resolve) => {
      onAsk = resolve
    })
    const aborted = new Promise<void>((resolve) => {
      onAbort = resolve
    })
    const { url, log } = await startRest((_, init) => {
      onAsk()
      init?.signal?.addEventListener('abort', onAbort)
      return once(init?.signal as EventTarget, 'abort').then(() => Promise.reject(init?.signal?.reason))
    })
    const leaving = new AbortController()
    const pending = send(url, { ...WRITE, signal: leaving.signal })
    await asked
    leaving.abort()
    await expect(pending).rejects.toThrow()
    await aborted
    while (!log.some((line) => line.startsWith('warn write-cancelled'))) await new Promise(setImmediate)
    expect(log.filter((line) => line.startsWith('error'))).toEqual([])
  })

  test('that is cut off by the end of the program is told so', async () => {
    let onAsk = () => {}
    const asked = new Promise<void>((resolve) => {
      onAsk = resolve
    })
    const server = await startRest((_, init) => {
      onAsk()
      return once(init?.signal as EventTarget, 'abort').then(() => Promise.reject(init?.signal?.reason))
    })
    const [read, write] = [ask(server.url, READ), ask(server.url, WRITE)]
    await asked
    await new Promise(setImmediate)
    expect(await server.stop()).toBe(0)
    expect(await read).toMatchObject({ status: 503, json: { detail: expect.stringContaining('stopping') } })
    expect(await write).toMatchObject({ status: 502, json: { outcome: 'unknown' } })
  })

  test('brings its place in a trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { fetch, sent } = record(answer(200, { data: { id: ID } }))
    const { url } = await startRest(fetch)
    for (const value of [traceparent, 'x']) await ask(url, { ...READ, headers: { traceparent: value } })
    expect(sent.map(({ headers }) => headers.traceparent)).toEqual([traceparent, undefined])
  })

  test('brings its own key with passthrough, and that of the process is used for none', async () => {
    const { fetch, sent } = record(async (_, init) =>
      Response.json({ message: `bad ${new Headers(init?.headers).get('authorization')}` }, { status: 403 }),
    )
    const { url } = await startRest(fetch, { passthrough: true })
    expect(await ask(url, READ)).toMatchObject({ status: 401 })
    const { text } = await ask(url, { ...READ, headers: { authorization: 'Bearer metronome-key-of-a-caller' } })
    expect(sent.map(({ headers }) => headers.authorization)).toEqual(['Bearer metronome-key-of-a-caller'])
    expect(text).toContain('[redacted]')
    expect(text).not.toMatch(/of-a-caller|own-metronome-key/)
  })

  test('never sees the key of the process, whatever Metronome sends back', async () => {
    const { url } = await startRest(async () => customerAnswer(`echo ${OWN_KEY}`))
    const { text } = await ask(url, READ)
    expect(text).toContain('echo [redacted]')
  })

  test('that asks too often is told when to come back', async () => {
    const { url } = await startRest(async () => customerAnswer('Acme'), { rateLimit: 1 })
    expect(await ask(url, READ)).toMatchObject({ status: 200 })
    const { status, headers, json } = await ask(url, READ)
    expect([status, json.title]).toEqual([429, 'Too Many Requests'])
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  })
})
