import { afterEach, describe, expect, test, vi } from 'vitest'
import { type AttemptResult, parseBody } from '../../src/metronome/response.ts'
import { classify, type Effect, mayRetryWrite, readRetryAfter, WRITE_RULES } from '../../src/metronome/retry.ts'
import type { WriteOperation } from '../../src/operations/operation.ts'
import { ID, WRITES } from '../contract.ts'
import { callUpstream, ONE, READ, WRITE } from '../support/call-upstream.ts'
import { operationOf } from '../support/harness.ts'
import { answerWith, inTurn } from '../support/upstream.ts'

afterEach(() => vi.useRealTimers())

describe('every status is retried as often as its rule allows', () => {
  test.each<[status: number, reads: number, writes: number, outcome: string, advice: RegExp]>([
    [300, 1, 1, 'unknown', /redirects are not followed/],
    [302, 1, 1, 'unknown', /redirects are not followed/],
    [304, 1, 1, 'unknown', /responded 304/],
    [400, 1, 1, 'not_applied', /"Bad thing"/],
    [401, 1, 1, 'not_applied', /The API key is invalid, archived, of another environment, or lacks permission/],
    [402, 1, 1, 'not_applied', /"Bad thing"/],
    [403, 1, 1, 'not_applied', /no access to this operation or record/],
    [404, 1, 1, 'not_applied', /list-customers.*only_archived true/],
    [405, 1, 1, 'not_applied', /"Bad thing"/],
    [408, 3, 3, 'unknown', /"Bad thing"/],
    [409, 1, 3, 'unknown', /"Bad thing"/],
    [410, 1, 1, 'not_applied', /"Bad thing"/],
    [413, 1, 1, 'not_applied', /"Bad thing"/],
    [415, 1, 1, 'not_applied', /"Bad thing"/],
    [418, 1, 1, 'not_applied', /"Bad thing"/],
    [422, 1, 1, 'not_applied', /"Bad thing"/],
    [429, 3, 3, 'not_applied', /Reduce the request rate/],
    [451, 1, 1, 'not_applied', /"Bad thing"/],
    [499, 1, 1, 'unknown', /"Bad thing"/],
    [500, 3, 1, 'unknown', /try again later/],
    [501, 3, 1, 'unknown', /try again later/],
    [502, 3, 3, 'unknown', /try again later/],
    [503, 3, 3, 'unknown', /try again later/],
    [504, 3, 3, 'unknown', /try again later/],
    [599, 3, 1, 'unknown', /try again later/],
  ])('%i', async (status, reads, writes, outcome, advice) => {
    const code = status < 400 ? 'bad_response' : 'upstream_rejected'
    const respond = answerWith(status, status === 304 ? '' : { message: 'Bad thing' })
    const read = await callUpstream(READ, respond)
    expect(read.result).toMatchObject({
      code,
      status,
      outcome: undefined,
      message: expect.stringContaining(`get-customer: Metronome responded ${status}`),
    })
    expect(read.result).toMatchObject({ message: expect.stringMatching(advice) })
    expect(read.attempts).toHaveLength(reads)

    const write = await callUpstream(WRITE, respond)
    expect(write.result).toMatchObject({ code, status, outcome })
    expect(write.attempts).toHaveLength(writes)
    const [first, ...others] = write.attempts
    expect(others).toEqual(Array(writes - 1).fill(first))
  })
})

const archive = operationOf('archive-customer')
const create = operationOf('create-customer')
const toWrite = (op: typeof archive): WriteOperation => {
  if (op.kind !== 'write') throw new Error(`${op.tool} reads`)
  return op
}
const respondWith = (status: number, text = '{"message":"Bad thing"}'): AttemptResult => ({
  kind: 'response',
  status,
  headers: new Headers(),
  body: parseBody(text),
})
const NOT_SENT: AttemptResult = { kind: 'not_sent', reason: 'no connection' }
const NO_RESPONSE: AttemptResult = { kind: 'no_response', reason: 'connection closed' }

describe('an attempt of a write is classified', () => {
  test.each<[string, AttemptResult, Effect]>([
    ['not sent', NOT_SENT, 'none'],
    ['no response', NO_RESPONSE, 'ambiguous'],
    ['400', respondWith(400), 'invalid'],
    ['422', respondWith(422), 'invalid'],
    ['401', respondWith(401), 'none'],
    ['404 of a gateway', respondWith(404, '<html>'), 'none'],
    ['408', respondWith(408), 'ambiguous'],
    ['409 on an operation that documents none', respondWith(409), 'ambiguous'],
    ['429', respondWith(429), 'none'],
    ['499', respondWith(499), 'ambiguous'],
    ["500 with Metronome's error body", respondWith(500), 'ambiguous'],
    ['500 with a page', respondWith(500, '<html>'), 'ambiguous'],
    ['500 with other JSON', respondWith(500, '{"error":"Bad thing"}'), 'ambiguous'],
    ['500 with a message that is not text', respondWith(500, '{"message":{}}'), 'ambiguous'],
    ['502', respondWith(502), 'ambiguous'],
    ['a redirect', respondWith(302), 'ambiguous'],
    ['a 2xx that cannot be read', respondWith(200, '<html>'), 'ambiguous'],
  ])('%s', (_, result, effect) => {
    expect(classify(toWrite(archive), result).effect).toBe(effect)
  })

  test.each(WRITE_RULES.filter(({ when }) => /\b\d{3}\b/.test(when) && !when.startsWith('anything else')))(
    'by exactly the statuses that its rule names: $when',
    ({ when, matches }) => {
      const statuses = Array.from({ length: 300 }, (_, index) => 300 + index)
      const named = Array.from(when.matchAll(/\b\d{3}\b/g), ([status]) => Number(status))
      expect(statuses.filter((status) => matches(respondWith(status), toWrite(create)))).toEqual(named.sort())
    },
  )

  test('409 as a conflict only where Metronome documents it and sends its error body', () => {
    const conflicting = WRITES.filter(
      ({ tool }) => classify(toWrite(operationOf(tool)), respondWith(409)).effect !== 'ambiguous',
    )
    expect(conflicting.map(({ tool }) => tool)).toEqual(['create-customer', 'create-update-customer-ingest-aliases'])
    expect(classify(toWrite(create), respondWith(409)).effect).toBe('conflict')
    expect(classify(toWrite(create), respondWith(409, '<html>')).effect).toBe('ambiguous')
  })

  test('409 that reports a conflict is retried only after an ambiguous attempt', () => {
    const mayRetry = (op: typeof archive, ...results: AttemptResult[]) =>
      mayRetryWrite(
        results.map((result) => classify(toWrite(op), result)),
        false,
      )
    const conflict = respondWith(409)
    expect(mayRetry(create, conflict)).toBe(false)
    expect(mayRetry(create, NOT_SENT, conflict)).toBe(false)
    expect(mayRetry(create, NO_RESPONSE, conflict)).toBe(true)
    expect(mayRetry(archive, conflict)).toBe(true)
  })
})

describe('a failure that passes is retried until it has passed', () => {
  test.each([408, 429, 500, 502, 503, 504])('a read after %i', async (status) => {
    const { result, attempts, waits } = await callUpstream(READ, inTurn(answerWith(status), answerWith(200, ONE)))
    expect(result).toEqual({ ok: true, body: ONE })
    expect([attempts.length, waits.length]).toEqual([2, 1])
  })

  test.each([408, 409, 429, 502, 503, 504])('a write after %i, with the same key and body', async (status) => {
    const { result, upstream } = await callUpstream(
      WRITE,
      inTurn(answerWith(status), answerWith(status), answerWith(200, ONE)),
    )
    expect(result).toEqual({ ok: true, body: ONE })
    const [first, ...others] = upstream.requests
    expect(others).toEqual([first, first])
  })

  test('a read after a reset', async () => {
    const { result, attempts } = await callUpstream(
      READ,
      inTurn((response) => response.destroy(), answerWith(200, ONE)),
    )
    expect(result).toEqual({ ok: true, body: ONE })
    expect(attempts).toHaveLength(2)
  })

  test('a read that is a POST, without an Idempotency-Key', async () => {
    const list = { data: [] }
    const call = ['fetch-billing-provider-configurations-customer', { customer_id: ID }] as const
    const { result, attempts } = await callUpstream(call, inTurn(answerWith(500), answerWith(200, list)))
    expect(result).toEqual({ ok: true, body: list })
    expect(attempts.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined, undefined])
  })
})

describe('Retry-After', () => {
  test.each(['9'.repeat(400), '1e9', 'Fri, 31 Dec 9999 23:59:59 GMT'])('of %s is never more than a year', (value) => {
    const headers = new Headers({ 'retry-after': value })
    const seconds = readRetryAfter({ kind: 'response', status: 429, headers, body: { kind: 'empty' } })
    expect(seconds ?? 0).toBeLessThanOrEqual(365 * 24 * 3600)
  })

  test('in the past is no time, and never less', () => {
    const headers = new Headers({ 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' })
    expect(readRetryAfter({ kind: 'response', status: 429, headers, body: { kind: 'empty' } })).toBe(0)
  })

  test.each([200, 307])('of a %i asks for no wait', (status) => {
    const headers = new Headers({ 'retry-after': '4' })
    expect(readRetryAfter({ kind: 'response', status, headers, body: { kind: 'empty' } })).toBeUndefined()
  })

  test.each<[string, Record<string, string>, number, number]>([
    ['is absent', {}, 125, 250],
    ['is in seconds', { 'retry-after': '2' }, 2_000, 2_000],
    ['is zero', { 'retry-after': '0' }, 125, 250],
    ['is in milliseconds', { 'retry-after-ms': '1500' }, 1_500, 1_500],
    ['is as long as is waited for', { 'retry-after': '5' }, 5_000, 5_000],
    ['is not a number', { 'retry-after': 'soon' }, 125, 250],
    ['is negative', { 'retry-after': '-5' }, 125, 250],
    ['is a date in the past', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 125, 250],
    [
      'is a date on the clock of the server',
      { 'retry-after': 'Wed, 21 Oct 2015 07:28:04 GMT', date: 'Wed, 21 Oct 2015 07:28:00 GMT' },
      4_000,
      4_000,
    ],
  ])('decides the wait when it %s', async (_, headers, shortest, longest) => {
    const respond = inTurn(answerWith(429, '', headers), answerWith(200, ONE))
    const { result, waits } = await callUpstream(READ, respond, { timeoutMs: 20_000 })
    expect(result).toEqual({ ok: true, body: ONE })
    expect(waits).toHaveLength(1)
    expect(waits[0]).toBeGreaterThanOrEqual(shortest)
    expect(waits[0]).toBeLessThanOrEqual(longest)
  })

  test('as a date of a server without a clock is compared with our own', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') })
    const busy = answerWith(503, '', { 'retry-after': 'Thu, 01 Jan 2026 00:00:04 GMT' })
    const respond = inTurn(
      (response, ...rest) => {
        response.sendDate = false
        busy(response, ...rest)
      },
      answerWith(200, ONE),
    )
    const { waits } = await callUpstream(READ, respond, { timeoutMs: 20_000 })
    expect(waits).toEqual([4_000])
  })

  test.each([
    ['of 6 seconds', '6', 60_000, /Wait 6 seconds\./],
    ['of a year', '31536000', 60_000, /Wait 31536000 seconds\./],
    ['beyond the budget of the call', '3', 1_000, /Wait 3 seconds\./],
  ])('%s is reported, not waited for', async (_, value, timeoutMs, message) => {
    const { result, attempts, waits } = await callUpstream(READ, answerWith(429, '', { 'retry-after': value }), {
      timeoutMs,
    })
    expect(result).toMatchObject({ status: 429, message: expect.stringMatching(message) })
    expect([attempts.length, waits.length]).toEqual([1, 0])
  })
})
