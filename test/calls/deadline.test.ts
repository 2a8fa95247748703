import { describe, expect, test } from 'vitest'
import { createCalls } from '../../src/calls/call.ts'
import { createAuditLog } from '../../src/calls/guards/audit.ts'
import { createConfirm, type FormChannel } from '../../src/calls/guards/confirmation.ts'
import type { UpstreamRequest } from '../../src/metronome/request.ts'
import type { AttemptResult } from '../../src/metronome/response.ts'
import type { Clock } from '../../src/metronome/retry.ts'
import type { SendOptions } from '../../src/metronome/send.ts'
import { acmeDetail } from '../../src/operations/examples.ts'
import { operations } from '../../src/operations/index.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { ID } from '../contract.ts'

const NO_RESPONSE: AttemptResult = { kind: 'no_response', reason: 'no response', cause: 'timeout' }

interface Sent {
  readonly target: string
  readonly at: number
  readonly attemptMs: number
}

interface Options {
  readonly respond?: (request: UpstreamRequest) => { result: AttemptResult; takesMs: number } | undefined
  /** With an audit log. */
  readonly isAudited?: boolean
  /** How long a person takes who does as a form says; without it, nobody is asked. */
  readonly personMs?: number
  readonly timeoutMs?: number
}

/** Calls on a clock of their own: every attempt takes `attemptMs`, as one that times out does, or what `respond` says. */
function startCalls({ respond, isAudited = false, personMs, timeoutMs = 10_000 }: Options = {}) {
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
  const audit = isAudited ? createAuditLog({ append: async () => {}, context: {}, onError: () => {} }) : undefined
  const forms: FormChannel = {
    kind: 'request',
    async ask({ title }) {
      await Promise.resolve()
      time += personMs ?? 0
      return { action: 'accept', text: /^Type (.*) to archive/.exec(title)?.[1] }
    },
  }
  const { call } = createCalls({
    operations: new Map(operations.map((op) => [op.tool, op])),
    upstream: { needsKey: false },
    send,
    timeoutMs,
    clock,
    log: () => {},
    audit,
    confirm: personMs === undefined ? undefined : createConfirm({ environment: '', audit }),
  })
  const run = async (tool: string, args: JsonObject) => {
    const startedAt = time
    await call({ tool, args }, { apiKey: undefined, redact: (text) => text }, { forms }).catch(() => {})
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
    const { sent, ms } = await startCalls({ isAudited: true })(...rename)
    expect(sent[0]).toMatchObject({ target: `/v1/customers/${ID}`, attemptMs: 1_000 })
    expect(ms).toBeLessThanOrEqual(10_000)
    expect(sent.filter(isWrite).length).toBeGreaterThanOrEqual(2)
  })
})

describe('a read of a Metronome that fails slowly', () => {
  const unavailable: AttemptResult = { kind: 'response', status: 503, headers: new Headers(), body: { kind: 'empty' } }

  test('ends at its deadline', async () => {
    const respond = () => ({ result: unavailable, takesMs: 4_000 })
    const { ms, sent } = await startCalls({ respond })('get-customer', { customer_id: ID })
    expect(ms).toBeLessThanOrEqual(10_000)
    expect(sent).toHaveLength(3)
  })
})

describe('an archive of 1,000 ms with an audit log and a form', () => {
  const responseTo = ({ target }: UpstreamRequest): AttemptResult => ({
    kind: 'response',
    status: 200,
    headers: new Headers(),
    body: { kind: 'json', json: { data: target.startsWith('/v1/customers/') ? acmeDetail : [] }, inexactFields: [] },
  })
  const PERSON_MS = 5_000

  test.each<[string, number]>([
    ['responds to nothing', 0],
    ['responds to one of the reads for the form', 1],
    ['responds until the form is shown', 3],
    ['responds until a person has confirmed it', 4],
    ['responds until the audit log reads', 6],
    ['responds to all reads and not to the write', 7],
  ])('ends within 1,150 ms and the time of the person when Metronome %s', async (_, responses) => {
    let count = 0
    const respond = (request: UpstreamRequest) =>
      count++ < responses ? { result: responseTo(request), takesMs: 10 } : undefined
    const run = startCalls({ respond, isAudited: true, personMs: PERSON_MS, timeoutMs: 1_000 })
    const { ms } = await run('archive-customer', { id: ID })
    const ownMs = ms - (responses < 3 ? 0 : PERSON_MS)
    expect(ownMs).toBeLessThanOrEqual(1_150)
    expect(ownMs).toBeGreaterThanOrEqual(900)
  })
})
