import { describe, expect, test } from 'vitest'
import { CallError } from '../../../src/calls/errors.ts'
import { type CallOrigin, createAuditLog } from '../../../src/calls/guards/audit.ts'
import type { JsonObject } from '../../../src/operations/json.ts'
import { createSandbox } from '../../../src/sandbox/sandbox.ts'
import { createRedactor } from '../../../src/sanitize.ts'
import { ID, WRITES } from '../../contract.ts'
import { createFaultyMetronome, FAULTS } from '../../support/fault-injection.ts'
import { createHarness, KEY } from '../../support/harness.ts'

interface AuditOptions {
  /** A secret of the caller, beside the API key. */
  readonly secret?: string
  readonly origin?: CallOrigin
  /** Numbers of the lines that cannot be written, counted from 0. */
  readonly failing?: readonly number[]
  /** Code of that error. */
  readonly code?: string
  readonly upstream?: Parameters<typeof createHarness>[0] extends { upstream?: infer Upstream } | undefined
    ? Upstream
    : never
}

const STDIO: CallOrigin = { transport: 'stdio', client: { name: 'test', version: '1' } }

/** Calls on the sandbox whose writes are recorded in memory, in the order of requests and lines. */
function startAudited({ failing = [], code = 'ENOSPC', upstream, secret, origin = STDIO }: AuditOptions = {}) {
  const events: string[] = []
  const texts: string[] = []
  const lines: JsonObject[] = []
  const errors: string[] = []
  let appended = 0
  const sandbox = createSandbox()
  const audit = createAuditLog({
    async append(line) {
      if (failing.includes(appended++)) throw Object.assign(new Error('full'), { code })
      texts.push(line)
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
  const redact = createRedactor([KEY, secret])
  return {
    events,
    texts,
    lines,
    errors,
    store: sandbox.store,
    call: (tool: string, args: unknown) => harness.call({ tool, args }, { ...harness.caller, redact, origin }),
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

  test.each([
    ['ENOENT', 'Create its directory again.'],
    ['ENOSPC', 'Free the disk.'],
    ['EACCES', 'Correct its permissions.'],
    ['EIO', 'Check the file and its disk.'],
  ])('because of %s says: %s', async (code, advice) => {
    const { call } = startAudited({ failing: [0], code })
    const message = expect.stringMatching(new RegExp(`nothing was sent\\. ${advice}`))
    await expect(call('update-customer-name', rename)).rejects.toMatchObject({ message })
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

const MAX_LINE = 65_536
const ALIASES = 'create-update-customer-ingest-aliases'

describe('a line longer than 64 KiB', () => {
  const aliases = (alias: string) => ({
    customer_id: ID,
    ingest_aliases: Array.from({ length: 2_000 }, (_, index) => alias + index),
  })

  test('is cut and marked; a value that is cut is the start of its JSON, as a text', async () => {
    const { call, lines, texts } = startAudited()
    const args = aliases('x'.repeat(100))
    await call(ALIASES, args)
    expect(lines[0]).toMatchObject({ is_cut: true, before: { id: ID } })
    const start = String(lines[0]?.arguments)
    expect(start).toMatch(/…$/)
    expect(JSON.stringify(args).startsWith(start.slice(0, -1))).toBe(true)
    expect(Math.max(...texts.map((text) => text.length))).toBeGreaterThan(16_000)
  })

  test('is not cut where it is just short enough', async () => {
    const { call, lines, texts } = startAudited()
    const custom_fields = { segment: 'x'.repeat(200) }
    await call('create-customer', { name: 'x'.repeat(9_000), custom_fields })
    expect(texts.every((text) => text.length > 9_000)).toBe(true)
    expect(lines.map(({ is_cut }) => is_cut)).toEqual([undefined, undefined])
  })

  test.each<[string, string]>([
    ['control characters', '\u0001'],
    ['C1 controls', '\u0085'],
    ['emoji tags', '\u{e0041}'],
    ['backslashes', '\\'],
    ['quotation marks', '"'],
    ['three bytes each', '\u6f22'],
  ])('has at most 64 KiB when it consists of %s, whoever sends it', async (_, char) => {
    const text = char.repeat(Math.floor(10_000 / char.length))
    const label = char.repeat(1_000_000)
    const record = { data: { id: ID, name: text.repeat(5), ingest_aliases: Array.from({ length: 20 }, () => text) } }
    const headers = { 'x-request-id': 'r'.repeat(10_000) }
    const fetch = async () => Response.json(record, { headers })
    const origin: CallOrigin = {
      transport: 'http',
      user: label,
      host: label,
      peer: label,
      user_agent: label,
      client: { name: label, version: label },
      bearer: label,
    }
    const { call, texts, lines } = startAudited({ upstream: { fetch, baseUrl: 'http://m.invalid' }, origin })
    const long = char.repeat(Math.floor(120 / char.length))
    await call('update-customer-name', { customer_id: ID, name: `n${text.slice(0, 9_000)}` })
    await call(ALIASES, aliases(`a${long}`)).catch(() => {})
    expect(lines.map(({ phase }) => phase).slice(0, 2)).toEqual(['begin', 'end'])
    for (const line of texts) expect(Buffer.byteLength(line)).toBeLessThanOrEqual(MAX_LINE)
    expect(lines.some(({ is_cut }) => is_cut)).toBe(true)
  })
})

describe('what the caller says about itself', () => {
  test('is cut at 100 characters, and of a client only name and version are kept', async () => {
    const client = { name: 'n'.repeat(1_000_000), version: '1', icons: [{ src: 'data:' }], title: 'T' }
    const origin: CallOrigin = { transport: 'http', peer: '10.0.0.7', user_agent: 'u'.repeat(5_000), client }
    const { call, lines } = startAudited({ origin })
    await call('update-customer-name', rename)
    for (const { caller } of lines)
      expect(caller).toEqual({
        transport: 'http',
        peer: '10.0.0.7',
        user_agent: 'u'.repeat(100),
        client: { name: 'n'.repeat(100), version: '1' },
      })
  })

  test('is never half a character', async () => {
    const client = { name: `${'n'.repeat(99)}🤖`, version: '\ud83e' }
    const { call, lines } = startAudited({ origin: { transport: 'http', client } })
    await call('update-customer-name', rename)
    expect(lines[0]?.caller).toEqual({ transport: 'http', client: { name: 'n'.repeat(99), version: '\ufffd' } })
  })

  test('is freed of secrets before it is cut', async () => {
    const text = `${'x'.repeat(100 - 5)}${KEY}`
    const client = { name: text, version: KEY }
    const { call, texts } = startAudited({ origin: { transport: 'http', user_agent: text, client } })
    await call('update-customer-name', rename)
    expect(texts.join()).not.toContain(KEY.slice(0, 5))
  })
})

describe('the secret of a caller', () => {
  const HOSTILE = [
    ',"phase":"begin",',
    '"phase":"begin"',
    'update-customer-name',
    'customer_id',
    'arguments',
    '"arguments":{',
    'idempotency_key',
    'applied"',
    '\\u0022:\\u0022',
    '{"v":1,"',
    'environment":',
    '[redacted]',
    'transport',
    '":{"customer_id":"',
  ]
  test.each(HOSTILE)('leaves every line JSON with its tool: %s', async (secret) => {
    const { call, lines } = startAudited({ secret, origin: { transport: 'http', bearer: '0a1b2c3d' } })
    await call('update-customer-name', rename)
    await call(ALIASES, { customer_id: ID, ingest_aliases: Array.from({ length: 1_000 }, (_, n) => `${secret}${n}`) })
    expect(lines).toHaveLength(4)
    for (const [index, tool] of ['update-customer-name', 'update-customer-name', ALIASES, ALIASES].entries())
      expect(lines[index]).toMatchObject({
        phase: index % 2 === 0 ? 'begin' : 'end',
        environment: 'test',
        caller: { transport: 'http', bearer: '0a1b2c3d' },
        tool,
        arguments: { customer_id: ID },
        idempotency_key: expect.stringMatching(/^[\da-f-]{36}$/),
      })
    expect(lines[3]).toMatchObject({ outcome: 'applied' })
    expect(lines[2]).toMatchObject({ arguments: { ingest_aliases: { 0: '[redacted]0' } } })
  })

  test('is in no Idempotency-Key of its own', async () => {
    const { call, lines, texts } = startAudited({ secret: 'hunter2-hunter2' })
    await call('create-customer', { name: 'Nova', idempotency_key: 'order-hunter2-hunter2' })
    expect(lines.map(({ idempotency_key }) => idempotency_key)).toEqual(['order-[redacted]', 'order-[redacted]'])
    expect(texts.join()).not.toContain('hunter2')
  })

  test('is in no argument, record, reason or request id, and no part of it where a value is cut', async () => {
    const name = `${'y'.repeat(9_990)}${KEY}`
    const before = { data: { id: ID, name, ingest_aliases: [KEY], [KEY]: 1 } }
    const headers = { 'x-request-id': `${'r'.repeat(95)}${KEY}` }
    const fetch = async (_: unknown, init?: RequestInit) =>
      init?.method === 'GET' ? Response.json(before) : Response.json({ message: KEY }, { status: 404, headers })
    const { call, texts } = startAudited({ upstream: { fetch, baseUrl: 'http://m.invalid' } })
    await expect(call('update-customer-name', { customer_id: ID, name: name.slice(-10_000) })).rejects.toThrow()
    const unreadable = async () => Response.json({ message: `no ${KEY}` }, { status: 404 })
    const other = startAudited({ upstream: { fetch: unreadable, baseUrl: 'http://m.invalid' } })
    await expect(other.call('update-customer-name', rename)).rejects.toThrow()
    expect(other.texts[0]).toContain('before_reason')
    for (const text of [...texts, ...other.texts]) {
      expect(text).not.toContain(KEY)
      expect(text).not.toMatch(new RegExp(`${KEY.slice(0, 5)}(?!.*\\])`))
    }
  })
})

test('nothing in a line acts on a terminal, hides or ends it', async () => {
  const name = 'a\u0085b\u009bc\u2028d\u2029e\u202ef\u200bg\u{e0041}h\u007fi\ufe0fj\u2066k\nl\u3164m'
  const { call, texts, lines } = startAudited()
  await call('update-customer-name', { customer_id: ID, name })
  for (const text of texts) {
    expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
    expect(text).toContain(
      'a\\u0085b\\u009bc\\u2028d\\u2029e\\u202ef\\u200bg\\udb40\\udc41h\\u007fi\\ufe0fj\\u2066k\\nl\\u3164m',
    )
  }
  expect(lines[0]).toMatchObject({ arguments: { name } })
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
