import { describe, expect, test } from 'vitest'
import { createLimits, type RowPauses } from '../../src/call/limits.ts'
import { CallError, type RateLimitScope } from '../../src/calls/errors.ts'
import type { Clock } from '../../src/metronome/retry.ts'

const MINUTE_MS = 60_000

/** Limits on a clock of their own, which sleeping alone moves. */
function startLimits() {
  let time = 1_000
  const clock: Clock = {
    now: () => time,
    async sleep(milliseconds) {
      time += milliseconds
    },
  }
  const stop = new AbortController()
  const limits = createLimits({ stop, clock })
  return {
    ...limits,
    stop,
    pass: (milliseconds: number) => void clock.sleep(milliseconds, undefined),
    /** How long everything waits. */
    async waitForAll(): Promise<number> {
      const startedAt = time
      await limits.waitForAll()
      return time - startedAt
    },
  }
}

const limited = (retryAfterSeconds?: number, rateLimitScope?: RateLimitScope) =>
  new CallError('upstream_rejected', 'get-customer: Metronome responded 429.', {
    status: 429,
    retryAfterSeconds,
    rateLimitScope,
  })

test('after a 429 all rows wait for Retry-After, or for a pause that doubles up to a minute', async () => {
  const { waitAfter, waitForAll } = startLimits()
  const row: RowPauses = {}
  const waits: number[] = []
  for (let count = 0; count < 8; count++) {
    expect(await waitAfter(limited(), row)).toBe(true)
    waits.push(await waitForAll())
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000])
  await waitAfter(limited(6), row)
  expect(await waitForAll()).toBe(6_000)
})

test('rows in flight that meet the same limit pause once, and the next other response starts anew', async () => {
  const { waitAfter, waitForAll } = startLimits()
  for (const row of [{}, {}, {}]) await waitAfter(limited(), row)
  expect(await waitForAll()).toBe(1_000)
  await waitAfter(limited(), {})
  expect(await waitForAll()).toBe(2_000)
  await waitAfter(undefined, {})
  await waitAfter(limited(), {})
  expect(await waitForAll()).toBe(1_000)
})

describe('a row gives up after ten minutes', () => {
  test('in which nothing got another response than 429', async () => {
    const { waitAfter, pass } = startLimits()
    const row: RowPauses = {}
    await waitAfter(limited(), row)
    pass(10 * MINUTE_MS - 1)
    expect(await waitAfter(limited(), row)).toBe(true)
    pass(1)
    expect(await waitAfter(limited(), row)).toBe(false)
  })

  test('and not while others get through', async () => {
    const { waitAfter, pass } = startLimits()
    const row: RowPauses = {}
    await waitAfter(limited(), row)
    pass(9 * MINUTE_MS)
    await waitAfter(undefined, {})
    pass(9 * MINUTE_MS)
    expect(await waitAfter(limited(), row)).toBe(true)
  })

  test('where the limit is on its customer, whatever others get', async () => {
    const { waitAfter, waitForAll, pass } = startLimits()
    const row: RowPauses = {}
    await waitAfter(limited(undefined, 'customer'), row)
    expect(await waitForAll()).toBe(0)
    pass(9 * MINUTE_MS)
    await waitAfter(undefined, {})
    pass(MINUTE_MS)
    expect(await waitAfter(limited(undefined, 'customer'), row)).toBe(false)
  })
})

test('nothing waits any more when the run stops', async () => {
  const { waitAfter, waitForAll, stop } = startLimits()
  await waitAfter(limited(3_600), {})
  stop.abort()
  expect(await waitForAll()).toBe(0)
  expect(await waitAfter(limited(3_600), {})).toBe(false)
})
