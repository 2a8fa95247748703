import { once } from 'node:events'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Fetch, NotSentError, OverloadedError } from '../../src/metronome/fetch.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { UNKNOWN_ID } from '../contract.ts'
import { KEY } from '../support/harness.ts'
import { customerResponse, type HttpRequest, send, startRest } from '../support/http.ts'
import { stopListeners } from '../support/listeners.ts'
import { ask, record, restRequest } from '../support/rest.ts'

afterEach(stopListeners)

const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const READ = restRequest('get-customer', { customer_id: ID })
const WRITE = restRequest('update-customer-name', { customer_id: ID, name: 'Acme EU' })

const respondWith = (status: number, body: unknown = {}, headers = {}): Fetch => {
  return async () => Response.json(body, { status, headers })
}
/** Metronome responds to writes like this, and to reads with another name than the write sets. */
const onWrites = (fetch: Fetch): Fetch => {
  return (input, init) => (init?.method === 'POST' ? fetch(input, init) : Promise.resolve(customerResponse('Acme')))
}
const lostConnection: Fetch = async () => {
  throw new TypeError('terminated')
}
const refusedConnection: Fetch = async () => {
  throw new NotSentError('no connection', { cause: Object.assign(new Error(), { code: 'ECONNREFUSED' }) })
}
/** No response before the budget is spent. */
const tooLate: Fetch = (_, init) =>
  new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))

/** Sends a request that must fail, and reads the problem. */
const fail = async (fetch: Fetch, sent: HttpRequest, timeoutMs?: number) => {
  const { url } = await startRest(fetch, timeoutMs === undefined ? {} : { timeoutMs })
  const { status, json, headers } = await ask(url, sent)
  expect(headers['content-type']).toBe('application/problem+json')
  expect(json.status).toBe(status)
  const kind = /#(.*)$/.exec(String(json.type))?.[1]
  return { status, kind, outcome: json.outcome, detail: String(json.detail), headers }
}

describe('an error status of Metronome is kept', () => {
  test.each([400, 401, 403, 404, 409, 410, 422, 429])('%i of a read', async (status) => {
    const seen = await fail(respondWith(status, { message: 'no' }, { 'retry-after': '30' }), READ)
    expect(seen).toMatchObject({ status, kind: 'upstream-rejected', outcome: undefined })
    expect(seen.detail).toContain(`get-customer: Metronome responded ${status}: "no"`)
    expect(seen.headers['retry-after']).toBe('30')
  })

  test.each([400, 401, 403, 404, 422, 429])('%i of a write, which was not applied', async (status) => {
    const seen = await fail(onWrites(respondWith(status, { message: 'no' }, { 'retry-after': '30' })), WRITE)
    expect(seen).toMatchObject({ status, kind: 'upstream-rejected', outcome: 'not_applied' })
  })

  test.each([403, 404, 429])('%i of the read that a write depends on, of which nothing was sent', async (status) => {
    const write = restRequest('create-update-customer-ingest-aliases', { customer_id: ID, ingest_aliases: [' team'] })
    const seen = await fail(respondWith(status, { message: 'no' }, { 'retry-after': '30' }), write)
    expect(seen).toMatchObject({ status, kind: 'upstream-rejected', outcome: 'not_applied' })
    expect(seen.detail).toContain('and that cannot be read; nothing was sent.')
    expect(seen.headers['retry-after']).toBe('30')
  })

  test.each([500, 503])('%i of a read', async (status) => {
    expect(await fail(respondWith(status, {}, { 'retry-after': '9' }), READ)).toMatchObject({
      status,
      kind: 'upstream-rejected',
    })
  })

  test('401 names the scheme', async () => {
    const { headers } = await fail(respondWith(401), READ)
    expect(headers['www-authenticate']).toBe('Bearer')
  })
})

describe('no usable response', () => {
  test.each([
    ['no connection', refusedConnection, READ, 502, 'bad-upstream-response', undefined],
    ['no connection for a write', refusedConnection, WRITE, 502, 'bad-upstream-response', 'not_applied'],
    ['a broken connection', lostConnection, READ, 502, 'bad-upstream-response', undefined],
    [
      'a redirect',
      respondWith(302, {}, { location: 'https://evil.example' }),
      READ,
      502,
      'bad-upstream-response',
      undefined,
    ],
    ['an invalid body', respondWith(200, { nothing: 1 }), READ, 502, 'bad-upstream-response', undefined],
    ['no response in time', tooLate, READ, 504, 'bad-upstream-response', undefined],
    ['a broken connection in a write', onWrites(lostConnection), WRITE, 502, 'outcome-unknown', 'unknown'],
    ['409 to a write', onWrites(respondWith(409, { message: 'no' })), WRITE, 502, 'outcome-unknown', 'unknown'],
    ['502 to a write', onWrites(respondWith(502)), WRITE, 502, 'outcome-unknown', 'unknown'],
    ['503 to a write', onWrites(respondWith(503)), WRITE, 502, 'outcome-unknown', 'unknown'],
    ['504 to a write', onWrites(respondWith(504)), WRITE, 504, 'outcome-unknown', 'unknown'],
    ['no response to a write in time', onWrites(tooLate), WRITE, 504, 'outcome-unknown', 'unknown'],
  ])('%s', async (_, fetch, sent, status, kind, outcome) => {
    expect(await fail(fetch, sent, 1_000)).toMatchObject({ status, kind, outcome })
  })

  test('an unknown outcome says what to check, and comes with the key for a retry', async () => {
    const { fetch, sent } = record(onWrites(lostConnection))
    const { detail, headers } = await fail(fetch, WRITE)
    expect(detail).toMatch(/get-customer/)
    const keys = new Set(sent.map(({ headers }) => headers['idempotency-key']).filter(Boolean))
    expect(keys).toEqual(new Set([headers['idempotency-key']]))
  })

  test.each([600, 799])('a status of %i, which no response can have, is a 502', async (status) => {
    const strange: Fetch = async () => ({ status, headers: new Headers(), body: null })
    expect(await fail(strange, READ)).toMatchObject({ status: 502 })
  })

  test('a write that was rejected keeps its status', async () => {
    const archive = restRequest('archive-customer', { id: UNKNOWN_ID })
    expect(await fail(createSandbox().fetch, archive)).toMatchObject({ status: 404, outcome: 'not_applied' })
  })

  test.each([401, 403, 404, 409])(
    "%i for a write under the client's key keeps its status beside the outcome unknown",
    async (status) => {
      const write = { ...WRITE, headers: { 'idempotency-key': 'order-4711' } }
      expect(await fail(respondWith(status), write)).toMatchObject({ status, outcome: 'unknown' })
    },
  )
})

test('a request with the key of the first one gets the same response', async () => {
  const sandbox = createSandbox()
  const { url } = await startRest(sandbox.fetch)
  const create = {
    ...restRequest('create-customer', { name: 'Nova Freight' }),
    headers: { 'idempotency-key': 'order-4711' },
  }
  const [first, second] = [await ask(url, create), await ask(url, create)]
  expect(second.json.data).toEqual(first.json.data)
})

test('without a Metronome API key a call gets 503, and nothing is sent', async () => {
  const { fetch, sent } = record(respondWith(200))
  const { url } = await startRest(fetch, { apiKey: undefined })
  const { status, json } = await ask(url, WRITE)
  expect(status).toBe(503)
  expect(json).toMatchObject({
    title: 'Service unavailable',
    detail: expect.stringContaining('METRONOME_API_KEY is not set, nothing was sent'),
    outcome: 'not_applied',
  })
  expect(sent).toEqual([])
})

test.each([
  ['read', READ, undefined],
  ['write', WRITE, 'not_applied'],
])('a %s that finds the queue to Metronome full gets 429 with Retry-After', async (_, request, outcome) => {
  const full: Fetch = async () => {
    throw new OverloadedError('too many calls are waiting')
  }
  const seen = await fail(full, request)
  expect(seen).toMatchObject({ status: 429, kind: 'service-unavailable', outcome, headers: { 'retry-after': '1' } })
})

test('an internal error shows no details', async () => {
  const broken: Fetch = async () => {
    const response = customerResponse('Acme')
    Object.defineProperty(response, 'headers', {
      get() {
        throw new RangeError('secret detail')
      },
    })
    return response
  }
  const seen = await fail(broken, READ)
  expect(seen.detail).not.toContain('secret')
})

describe('a client', () => {
  test('that disconnects cancels its call', async () => {
    let onCall = () => {}
    let onAbort = () => {}
    const called = new Promise<void>((resolve) => {
      onCall = resolve
    })
    const aborted = new Promise<void>((resolve) => {
      onAbort = resolve
    })
    const { url, logLines } = await startRest((_, init) => {
      onCall()
      init?.signal?.addEventListener('abort', onAbort)
      return once(init?.signal as EventTarget, 'abort').then(() => Promise.reject(init?.signal?.reason))
    })
    const disconnect = new AbortController()
    const pending = send(url, { ...WRITE, signal: disconnect.signal })
    await called
    disconnect.abort()
    await expect(pending).rejects.toThrow()
    await aborted
    await vi.waitFor(() => expect(logLines.join('\n')).toContain('warn write-outcome-unknown'))
    expect(logLines.filter((line) => line.startsWith('error'))).toEqual([])
  })

  test('whose call is interrupted by a shutdown gets a response', async () => {
    let calls = 0
    const server = await startRest((_, init) => {
      calls += 1
      return once(init?.signal as EventTarget, 'abort').then(() => Promise.reject(init?.signal?.reason))
    })
    const [read, write] = [ask(server.url, READ), ask(server.url, WRITE)]
    await vi.waitFor(() => expect(calls).toBe(2))
    server.interrupt()
    const detail = expect.stringContaining('this server is stopping')
    expect(await read).toMatchObject({ status: 503, json: { detail } })
    expect(await write).toMatchObject({ status: 502, json: { detail, outcome: 'unknown' } })
  })

  test('passes its trace context on', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { fetch, sent } = record(respondWith(200, { data: { id: ID } }))
    const { url } = await startRest(fetch)
    for (const value of [traceparent, 'x']) await ask(url, { ...READ, headers: { traceparent: value } })
    expect(sent.map(({ headers }) => headers.traceparent)).toEqual([traceparent, undefined])
  })

  test('sends its own key with --passthrough, and the key of the process is never used', async () => {
    const { fetch, sent } = record(async (_, init) =>
      Response.json({ message: `bad ${new Headers(init?.headers).get('authorization')}` }, { status: 403 }),
    )
    const { url } = await startRest(fetch, { passthrough: true })
    expect(await ask(url, READ)).toMatchObject({ status: 401 })
    const { text } = await ask(url, { ...READ, headers: { authorization: 'Bearer metronome-key-of-a-client' } })
    expect(sent.map(({ headers }) => headers.authorization)).toEqual(['Bearer metronome-key-of-a-client'])
    expect(text).toContain('[redacted]')
    expect(text).not.toMatch(/of-a-client|mk_test/)
  })

  test('never sees the key of the process, even when Metronome echoes it', async () => {
    const { url } = await startRest(async () => customerResponse(`echo ${KEY}`))
    const { text } = await ask(url, READ)
    expect(text).toContain('echo [redacted]')
  })
})
