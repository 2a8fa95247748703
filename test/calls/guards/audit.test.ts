import { describe, expect, test } from 'vitest'
import { CallError } from '../../../src/calls/errors.ts'
import { createAuditLog } from '../../../src/calls/guards/audit.ts'
import type { JsonObject } from '../../../src/operations/operation.ts'
import { createSandbox } from '../../../src/sandbox/sandbox.ts'
import { ID, WRITES } from '../../contract.ts'
import { createFaultyMetronome, FAULTS } from '../../support/fault-injection.ts'
import { createHarness, KEY } from '../../support/harness.ts'

interface AuditOptions {
  /** Numbers of the lines that cannot be written, counted from 0. */
  readonly failing?: readonly number[]
  readonly upstream?: Parameters<typeof createHarness>[0] extends { upstream?: infer Upstream } | undefined
    ? Upstream
    : never
}

/** Calls on the sandbox whose writes are recorded in memory, in the order of requests and lines. */
function startAudited({ failing = [], upstream }: AuditOptions = {}) {
  const events: string[] = []
  const lines: JsonObject[] = []
  const errors: string[] = []
  let appended = 0
  const sandbox = createSandbox()
  const audit = createAuditLog({
    async append(line) {
      if (failing.includes(appended++)) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
      const entry: JsonObject = JSON.parse(line)
      lines.push(entry)
      events.push(String(entry.phase))
    },
    context: { environment: 'test', server: '0.0.0' },
    onError: (tool) => void errors.push(tool),
  })
  const fetch: typeof sandbox.fetch = (url, init) => {
    events.push(`${init?.method} ${new URL(String(url)).pathname}`)
    return sandbox.fetch(url, init)
  }
  const harness = createHarness({
    audit,
    upstream: upstream ?? { ...sandbox, fetch, needsKey: false, note: undefined },
  })
  const origin = { transport: 'stdio', client: { name: 'test', version: '1' } } as const
  return {
    events,
    lines,
    errors,
    store: sandbox.store,
    call: (tool: string, args: unknown) => harness.call({ tool, args }, { ...harness.caller, origin }),
  }
}

const rename = { customer_id: ID, name: 'Acme EU' }

test('a write has a line before its request and one after its response', async () => {
  const { call, events, lines } = startAudited()
  await call('update-customer-name', rename)
  expect(events).toEqual([`GET /v1/customers/${ID}`, 'begin', `POST /v1/customers/${ID}/setName`, 'end'])
  const [begin, end] = lines
  const common = {
    v: 1,
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    call: expect.stringMatching(/^[\da-f-]{36}$/),
    environment: 'test',
    server: '0.0.0',
    caller: { transport: 'stdio', client: { name: 'test', version: '1' } },
    tool: 'update-customer-name',
    arguments: rename,
    idempotency_key: expect.stringMatching(/^[\da-f-]{36}$/),
  }
  expect(begin).toEqual({ ...common, phase: 'begin', before: expect.objectContaining({ name: 'Acme Robotics' }) })
  expect(end).toEqual({
    ...common,
    phase: 'end',
    outcome: 'applied',
    status: 200,
    request_id: null,
    attempts: 1,
    after: expect.objectContaining({ name: 'Acme EU' }),
    ms: expect.any(Number),
  })
  expect(end?.call).toBe(begin?.call)
})

test('a setting that is cleared is recorded as the null that was sent', async () => {
  const { call, lines } = startAudited()
  const clear = ['salesforce_account_id', 'leave_stripe_invoices_in_draft']
  await call('update-customer-configuration', { customer_id: ID, clear })
  const sent = { customer_id: ID, salesforce_account_id: null, leave_stripe_invoices_in_draft: null }
  expect(lines.map((line) => line.arguments)).toEqual([sent, sent])
})

test.each(WRITES)('$tool: both lines belong to one call and one key', async ({ tool, write }) => {
  const { call, lines } = startAudited()
  await call(tool, write.args[0])
  expect(lines.map(({ phase }) => phase)).toEqual(['begin', 'end'])
  expect(new Set(lines.map(({ call: id }) => id)).size).toBe(1)
  expect(new Set(lines.map(({ idempotency_key }) => idempotency_key)).size).toBe(1)
})

test('a record that cannot be read before is null with the reason, and the write goes on', async () => {
  const { call, lines } = startAudited()
  await call('create-customer', { name: 'Nova', ingest_aliases: ['nova'] })
  expect(lines[0]).toMatchObject({ before: null, before_reason: expect.any(String) })
  expect(lines[1]).toMatchObject({ outcome: 'applied' })
})

test('a failed write has its outcome, the status and the request id', async () => {
  const fetch = async () => Response.json({ message: 'no' }, { status: 404, headers: { 'x-request-id': 'req_1' } })
  const { call, lines } = startAudited({ upstream: { fetch, baseUrl: 'http://m.invalid' } })
  await expect(call('update-customer-name', rename)).rejects.toMatchObject({ outcome: 'not_applied' })
  expect(lines[1]).toMatchObject({
    phase: 'end',
    outcome: 'not_applied',
    status: 404,
    request_id: 'req_1',
    after: null,
  })
})

describe('a line that cannot be written', () => {
  test('before the write: nothing is sent', async () => {
    const { call, events, errors, store } = startAudited({ failing: [0] })
    await expect(call('update-customer-name', rename)).rejects.toMatchObject({
      code: 'audit_failed',
      outcome: 'not_applied',
      message: expect.stringContaining('the audit log cannot be written (ENOSPC), nothing was sent'),
    })
    expect(events).toEqual([`GET /v1/customers/${ID}`])
    expect(store.effects).toEqual([])
    expect(errors).toEqual(['update-customer-name'])
  })

  test('after the write: the result stays true, with a note; later writes are rejected until a line can be written', async () => {
    const { call, store, errors } = startAudited({ failing: [1, 2] })
    expect(await call('update-customer-name', rename)).toMatchObject({
      data: { name: 'Acme EU' },
      _note: expect.stringContaining('could not record the end of this write'),
    })
    await expect(call('update-customer-name', rename)).rejects.toMatchObject({ code: 'audit_failed' })
    expect(store.effects).toHaveLength(1)
    await call('update-customer-name', { ...rename, name: 'Acme US' })
    expect(store.effects).toHaveLength(2)
    expect(errors).toHaveLength(2)
  })

  test('for a dashboard link: no link is given', async () => {
    const { call } = startAudited({ failing: [0] })
    await expect(
      call('get-embeddable-customer-dashboard', { customer_id: ID, dashboard: 'usage' }),
    ).rejects.toMatchObject({ code: 'audit_failed', message: expect.stringContaining('no link is given') })
  })

  test('other reads are unaffected', async () => {
    const { call, events } = startAudited({ failing: [0] })
    await call('get-customer', { customer_id: ID })
    expect(events).toEqual([`GET /v1/customers/${ID}`])
  })
})

test('a dashboard link has one line, without the link', async () => {
  const { call, lines } = startAudited()
  const result = await call('get-embeddable-customer-dashboard', { customer_id: ID, dashboard: 'usage' })
  expect(lines).toEqual([expect.objectContaining({ phase: 'single', tool: 'get-embeddable-customer-dashboard' })])
  expect(JSON.stringify(result)).toContain('token=')
  expect(JSON.stringify(lines)).not.toContain('token=')
})

test('a long line is cut and marked', async () => {
  const { call, lines } = startAudited()
  const ingest_aliases = Array.from({ length: 2_000 }, (_, index) => `${'x'.repeat(100)}${index}`)
  await call('create-update-customer-ingest-aliases', { customer_id: ID, ingest_aliases })
  for (const line of lines) {
    expect(JSON.stringify(line).length).toBeLessThan(65_536)
    expect(line.is_cut).toBe(true)
  }
})

test('no line has the API key', async () => {
  const { call, lines } = startAudited()
  await call('update-customer-name', { customer_id: ID, name: `my key is ${KEY}` })
  expect(JSON.stringify(lines)).not.toContain(KEY)
})

test('the log never changes an outcome', async () => {
  for (const { tool, write } of WRITES)
    for (const fault of FAULTS) {
      const outcomes = await Promise.all(
        [true, false].map(async (isAudited) => {
          const metronome = createFaultyMetronome()
          metronome.plan([fault, fault, fault])
          const audit = createAuditLog({ append: async () => {}, context: {}, onError: () => {} })
          const harness = createHarness({
            upstream: metronome.upstream,
            timeoutMs: 10_000,
            ...(isAudited && { audit }),
          })
          return harness.call({ tool, args: write.args[0] }, harness.caller).then(
            () => 'success',
            (error: unknown) => (error instanceof CallError ? error.outcome : error),
          )
        }),
      )
      expect({ tool, fault, outcome: outcomes[0] }).toEqual({ tool, fault, outcome: outcomes[1] })
    }
}, 30_000)
