import { describe, expect, test } from 'vitest'
import { createCalls } from '../../src/calls/call.ts'
import { createAuditLog } from '../../src/calls/guards/audit.ts'
import type { UpstreamRequest } from '../../src/metronome/request.ts'
import type { AttemptResult } from '../../src/metronome/response.ts'
import type { Clock } from '../../src/metronome/retry.ts'
import type { SendOptions } from '../../src/metronome/send.ts'
import { operations } from '../../src/operations/index.ts'
import type { JsonObject } from '../../src/operations/operation.ts'
import { ID } from '../contract.ts'

const NO_RESPONSE: AttemptResult = { kind: 'no_response', reason: 'no response', cause: 'timeout' }

interface Sent {
  readonly target: string
  readonly at: number
  readonly attemptMs: number
}

/** Calls on a clock of their own: every attempt takes `attemptMs`, as one that times out does, or what `respond` says. */
function startCalls(
  respond?: (request: UpstreamRequest) => { result: AttemptResult; takesMs: number } | undefined,
  audited = false,
) {
  let time = 1_000
  const sent: Sent[] = []
  const clock: Clock = {
    now: () => time,
    async sleep(milliseconds) {
      time += milliseconds
    },
  }
  const send = async (request: UpstreamRequest, { attemptMs }: SendOptions): Promise<AttemptResult> => {
    sent.push({ target: request.target, at: time, attemptMs })
    const { result, takesMs } = respond?.(request) ?? { result: NO_RESPONSE, takesMs: attemptMs }
    time += Math.min(takesMs, attemptMs)
    return result
  }
  const { call } = createCalls({
    operations: new Map(operations.map((op) => [op.tool, op])),
    upstream: { needsKey: false },
    send,
    timeoutMs: 10_000,
    clock,
    log: () => {},
    ...(audited && { audit: createAuditLog({ append: async () => {}, context: {}, onError: () => {} }) }),
  })
  const run = async (tool: string, args: JsonObject) => {
    const startedAt = time
    await call({ tool, args }, { apiKey: undefined, redact: (text) => text }).catch(() => {})
    return { sent, ms: time - startedAt, startedAt }
  }
  return run
}

const rename = ['update-customer-name', { customer_id: ID, name: 'Acme EU' }] as const
const isWrite = ({ target }: Sent) => target.endsWith('/setName')

describe('a write to a Metronome that does not respond', () => {
  test('ends at its deadline', async () => {
    const { ms } = await startCalls()(...rename)
    expect(ms).toBeLessThanOrEqual(10_000)
  })

  test('leaves time for a retry: no attempt may take more than two fifths', async () => {
    const { sent } = await startCalls()(...rename)
    const attempts = sent.filter(isWrite)
    expect(attempts.length).toBeGreaterThanOrEqual(2)
    expect(Math.max(...attempts.map(({ attemptMs }) => attemptMs))).toBeLessThanOrEqual(4_000)
  })

  test('leaves time for verification: the attempts end with a seventh of the time left', async () => {
    const { sent, startedAt } = await startCalls()(...rename)
    const ends = sent.filter(isWrite).map(({ at, attemptMs }) => at + attemptMs - startedAt)
    expect(Math.max(...ends)).toBeLessThanOrEqual(8_500)
    const [verification] = sent.filter((each) => !isWrite(each))
    expect(verification?.attemptMs).toBeGreaterThanOrEqual(1_000)
  })

  test('reads the record for the audit log within a tenth of the time, and still ends at its deadline', async () => {
    const { sent, ms } = await startCalls(undefined, true)(...rename)
    expect(sent[0]).toMatchObject({ target: `/v1/customers/${ID}`, attemptMs: 1_000 })
    expect(ms).toBeLessThanOrEqual(10_000)
    expect(sent.filter(isWrite).length).toBeGreaterThanOrEqual(2)
  })
})

describe('a read of a Metronome that fails slowly', () => {
  const unavailable: AttemptResult = { kind: 'response', status: 503, headers: new Headers(), body: { kind: 'empty' } }

  test('ends at its deadline', async () => {
    const respond = () => ({ result: unavailable, takesMs: 4_000 })
    const { ms, sent } = await startCalls(respond)('get-customer', { customer_id: ID })
    expect(ms).toBeLessThanOrEqual(10_000)
    expect(sent).toHaveLength(3)
  })
})
