import { describe, expect, test } from 'vitest'
import {
  type Fetch,
  type FetchInit,
  type FetchResponse,
  limitConcurrency,
  NotSentError,
  OverloadedError,
} from '../../src/metronome/fetch.ts'
import { callWith, ONE, READ, READ_AND_WRITE, WRITE } from '../support/call-upstream.ts'
import { createHarness } from '../support/harness.ts'

interface OpenRequest {
  readonly url: string
  respond(response: FetchResponse): void
  fail(error: Error): void
}

/** A fetch whose requests stay open until the test responds to them. */
function createManualFetch() {
  const requests: OpenRequest[] = []
  const fetch: Fetch = (url) => new Promise((respond, fail) => requests.push({ url, respond, fail }))
  return { requests, fetch, urls: () => requests.map(({ url }) => url) }
}

const buildInit = (signal = new AbortController().signal): FetchInit => ({
  method: 'GET',
  headers: new Headers(),
  signal,
  redirect: 'manual',
})
const EMPTY: FetchResponse = { status: 200, headers: new Headers(), body: null }

/** Lets everything run that does not wait for the test. */
const settle = () => new Promise((resolve) => setImmediate(resolve))

describe('limitConcurrency', () => {
  test('sends as many requests as the limit allows, the others in order as slots become free', async () => {
    const { requests, fetch, urls } = createManualFetch()
    const limited = limitConcurrency(fetch, { inFlight: 2, waiting: 10 })
    const calls = ['a', 'b', 'c', 'd', 'e'].map((url) => limited.fetch(url, buildInit()))
    await settle()
    expect(urls()).toEqual(['a', 'b'])
    expect([limited.inFlight(), limited.waiting(), limited.isSaturated()]).toEqual([2, 3, false])

    requests[1]?.respond(EMPTY)
    await settle()
    expect(urls()).toEqual(['a', 'b', 'c'])
    requests[0]?.fail(new Error('connection closed'))
    await expect(calls[0]).rejects.toThrow('connection closed')
    await settle()
    expect(urls()).toEqual(['a', 'b', 'c', 'd'])

    for (const index of [2, 3, 4]) {
      requests[index]?.respond(EMPTY)
      await settle()
    }
    await Promise.all(calls.slice(1))
    expect(urls()).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect([limited.inFlight(), limited.waiting()]).toEqual([0, 0])
  })

  test('rejects a request when the queue is full, and accepts requests again afterwards', async () => {
    const { requests, fetch } = createManualFetch()
    const limited = limitConcurrency(fetch, { inFlight: 1, waiting: 1 })
    const calls = [limited.fetch('a', buildInit()), limited.fetch('b', buildInit())]
    expect(limited.isSaturated()).toBe(true)
    await expect(limited.fetch('c', buildInit())).rejects.toThrow(OverloadedError)

    requests[0]?.respond(EMPTY)
    await settle()
    expect(limited.isSaturated()).toBe(false)
    calls.push(limited.fetch('d', buildInit()))
    requests[1]?.respond(EMPTY)
    await settle()
    requests[2]?.respond(EMPTY)
    expect(await Promise.all(calls)).toEqual([EMPTY, EMPTY, EMPTY])
  })

  test('does not send a request whose signal aborts while it waits', async () => {
    const { requests, fetch, urls } = createManualFetch()
    const limited = limitConcurrency(fetch, { inFlight: 1, waiting: 10 })
    const cancel = new AbortController()
    const first = limited.fetch('a', buildInit())
    const cancelled = limited.fetch('b', buildInit(cancel.signal))
    const last = limited.fetch('c', buildInit())
    cancel.abort()
    await expect(cancelled).rejects.toThrow(NotSentError)
    await expect(limited.fetch('d', buildInit(AbortSignal.abort()))).rejects.toThrow(NotSentError)
    expect(limited.waiting()).toBe(1)

    requests[0]?.respond(EMPTY)
    await settle()
    requests[1]?.respond(EMPTY)
    await Promise.all([first, last])
    expect(urls()).toEqual(['a', 'c'])
    expect(limited.inFlight()).toBe(0)
  })
})

describe('a call behind a full limit', () => {
  test.each(READ_AND_WRITE)('%s is overloaded when the queue is full, without retries', async (tool, args) => {
    const { fetch } = createManualFetch()
    const limited = limitConcurrency(fetch, { inFlight: 1, waiting: 0 })
    void limited.fetch('a', buildInit())
    const harness = createHarness({ upstream: { fetch: limited.fetch } })
    expect(await callWith(harness, [tool, args])).toMatchObject({
      code: 'overloaded',
      outcome: tool === WRITE[0] ? 'not_applied' : undefined,
      message: expect.stringMatching(/too many calls are waiting\. Retry in a few seconds\.$/),
    })
    expect(harness.waits).toEqual([])
  })

  test.each(READ_AND_WRITE)('%s that waits until its time is over was not sent', async (tool, args) => {
    const { fetch, urls } = createManualFetch()
    const limited = limitConcurrency(fetch, { inFlight: 1, waiting: 10 })
    void limited.fetch('a', buildInit())
    const harness = createHarness({ upstream: { fetch: limited.fetch }, timeoutMs: 100 })
    expect(await callWith(harness, [tool, args])).toMatchObject({
      code: 'overloaded',
      outcome: tool === WRITE[0] ? 'not_applied' : undefined,
      message: expect.stringMatching(/too many calls are waiting, no slot within \d+ ms\. Retry in a few seconds\.$/),
    })
    expect(urls()).toEqual(['a'])
    expect(limited.waiting()).toBe(0)
  })

  test('many calls get their results in turn', async () => {
    let inFlight = 0
    let most = 0
    const fetch: Fetch = async () => {
      inFlight += 1
      most = Math.max(most, inFlight)
      await settle()
      inFlight -= 1
      return Response.json(ONE)
    }
    const limited = limitConcurrency(fetch, { inFlight: 3, waiting: 100 })
    const harness = createHarness({ upstream: { fetch: limited.fetch } })
    const results = await Promise.all(Array.from({ length: 50 }, () => callWith(harness, READ)))
    expect(results).toEqual(Array(50).fill({ ok: true, body: ONE }))
    expect([most, limited.inFlight()]).toEqual([3, 0])
  })
})
