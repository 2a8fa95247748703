import { gzipSync } from 'node:zlib'
import { describe, expect, test, vi } from 'vitest'
import * as z from 'zod'
import { parseBody, readResult } from '../../src/metronome/response.ts'
import { ID } from '../contract.ts'
import { callUpstream, callWith, ONE, READ, WRITE } from '../support/call-upstream.ts'
import { createHarness, KEY, operationOf } from '../support/harness.ts'
import { answerWith, type Responder } from '../support/upstream.ts'

/** The error message of a read. */
async function readError(respond: Responder): Promise<string> {
  const { result } = await callUpstream(READ, respond)
  if (result.ok) throw new Error('expected an error')
  return result.message
}

describe('a 2xx without a usable body is an error, and for a write ambiguous', () => {
  test.each<[string, number, string | Buffer, RegExp]>([
    ['HTML', 200, '<html><body>Login</body></html>', /200 with an HTML page instead of JSON\./],
    ['text', 200, 'OK', /200 with text instead of JSON\./],
    ['truncated JSON', 200, '{"data":{"id":"1"', /200 with invalid or too deeply nested text instead of JSON\./],
    ['two JSON values', 200, '{"data":{"id":"1"}}{}', /200 with invalid or too deeply nested text instead of JSON\./],
    ['a blank body', 200, ' \n', /does not match the documented schema \(as a whole\)\./],
    ['no body', 204, '', /204 with JSON that does not match/],
    ['null', 200, 'null', /does not match the documented schema \(as a whole\)\./],
    ['an array', 200, '[]', /does not match/],
    ['a number', 200, '5', /does not match/],
    ['other fields', 200, '{"result":{}}', /does not match the documented schema \(at data\)\./],
    ['a wrong type', 200, '{"data":{"id":7}}', /does not match the documented schema \(at data\.id\)\./],
    ['invalid UTF-8', 200, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), /200 with bytes that are not UTF-8 text/],
    ['UTF-16', 200, Buffer.from('{"data":{}}', 'utf16le'), /Metronome responded 200 with/],
  ])('%s', async (_, status, body, message) => {
    const read = await callUpstream(READ, answerWith(status, body))
    expect(read.result).toMatchObject({ code: 'bad_response', status, message: expect.stringMatching(message) })
    expect(read.attempts).toHaveLength(1)

    const write = await callUpstream(WRITE, answerWith(status, body))
    expect(write.result).toMatchObject({ code: 'bad_response', outcome: 'unknown' })
    expect(write.attempts).toHaveLength(1)
  })
})

describe('a usable response', () => {
  test.each(['', ' ', 'null', '{}'])('may be %j where none is documented', async (body) => {
    const call = ['update-customer-configuration', { customer_id: ID, salesforce_account_id: null }] as const
    expect((await callUpstream(call, answerWith(200, body))).result).toEqual({ ok: true, body: { success: true } })
  })

  test('may have a byte order mark, another content type and another 2xx status', async () => {
    const respond = answerWith(201, `\ufeff${JSON.stringify(ONE)}`, { 'content-type': 'text/plain' })
    expect((await callUpstream(READ, respond)).result).toEqual({ ok: true, body: ONE })
  })

  test('may have 5 MiB', async () => {
    const overhead = JSON.stringify({ ...ONE, padding: '' }).length
    const body = { ...ONE, padding: 'x'.repeat(5 * 1024 * 1024 - overhead) }
    expect((await callUpstream(READ, answerWith(200, body))).result).toEqual({ ok: true, body })
  })
})

test('a list is checked up to its first wrong element, in a record too', () => {
  const looked: unknown[] = []
  const item = z.custom((value) => looked.push(value) > 0 && value === 'right')
  const op = {
    ...operationOf('list-customers'),
    output: z.looseObject({ data: z.array(z.looseObject({ items: z.array(item).nullish() })) }),
  }
  const readBody = (json: unknown) => {
    const body = { kind: 'json', json, inexactFields: [] } as const
    return readResult(op, { kind: 'response', status: 200, headers: new Headers(), body })
  }
  const wrong = Array.from({ length: 1_000 }, () => 'wrong')
  expect(readBody({ data: [{ items: ['right', ...wrong] }, { items: wrong }] })).toMatchObject({
    ok: false,
    problem: expect.stringContaining('(at data.0.items.1)'),
  })
  expect(looked).toEqual(['right', 'wrong'])
})

describe('a response with more than 600,000 values is an error', () => {
  const listOf = (length: number, item: string) => `{"data":{"id":"1"},"more":[${Array(length).fill(item).join()}]}`

  // Commas and opening brackets count, the four of the envelope included.
  test.each([
    ['numbers', 599_996, '0', true],
    ['numbers', 599_998, '0', false],
    ['empty objects', 299_998, '{}', true],
    ['empty objects', 299_999, '{}', false],
  ])('%s: %i', async (_, length, item, ok) => {
    const { result } = await callUpstream(READ, answerWith(200, listOf(length, item)))
    expect(result).toMatchObject({
      ok,
      ...(!ok && {
        code: 'bad_response',
        message: expect.stringMatching(/200 with more than 600,000 values; the limit is 5 MiB of JSON\.$/),
      }),
    })
  })
})

test('JSON of 256 levels is passed on, deeper JSON is no response of Metronome', () => {
  const nest = (levels: number) => '[{"a":'.repeat(levels / 2) + '}]'.repeat(levels / 2).replace('}', '0}')
  expect(parseBody(nest(256))).toMatchObject({ kind: 'json' })
  expect(parseBody(`[${nest(256)}]`)).toMatchObject({ kind: 'foreign', what: 'invalid or too deeply nested text' })
})

describe('a response over 5 MiB is an error', () => {
  test('with the advice to lower limit where there is one', async () => {
    const huge = { data: [], padding: 'x'.repeat(5 * 1024 * 1024) }
    const { result } = await callUpstream(['list-customers', {}], answerWith(200, huge))
    expect(result).toMatchObject({
      code: 'bad_response',
      message: expect.stringMatching(/200 with more than 5 MiB; the limit is 5 MiB of JSON\. Lower limit\.$/),
    })
  })

  test('also when it is small before decompression', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const message = await readError(answerWith(200, bomb, { 'content-encoding': 'gzip' }))
    expect(message).toMatch(/more than 5 MiB; the limit is 5 MiB of JSON\.$/)
  })
})

describe("an error response is described in Metronome's words", () => {
  test.each<[string, unknown, RegExp]>([
    ['a message', { message: 'alias in use' }, /responded 400: "alias in use"\./],
    [
      'further fields',
      { message: 'taken', conflicting_id: 'c-1', conflicting_value: 5 },
      /"taken" \(conflicting_id: c-1, conflicting_value: 5\)\./,
    ],
    ['a code', { code: 'NotFound', message: 'no such customer' }, /"no such customer" \(code: NotFound\)\./],
    ['a nested error', { error: { message: 'deep' } }, /error: \{"message":"deep"\}/],
    ['a list of messages', { message: ['name is wrong', 'id is wrong'] }, /name is wrong.*id is wrong/],
    [
      'a time, which looks like a stack frame',
      { message: 'contract starts at 2026-01-01T00:00:00Z, not on an hour boundary' },
      /at 2026-01-01T00:00:00Z, not on an hour boundary/,
    ],
    ['no body', '', /responded 400\./],
    ['null', 'null', /responded 400\./],
    ['an array', '[1]', /responded 400\./],
    ['text', 'Bad Request', /responded 400 with text\./],
    ['a page', '<!doctype html><h1>Bad</h1>', /responded 400 with an HTML page\./],
  ])('%s', async (_, body, expected) => {
    const message = await readError(answerWith(400, body))
    expect(message).toMatch(expected)
    expect(message).not.toMatch(/[<>]/)
  })

  test.each<[string, unknown, RegExp]>([
    ['markup', { message: 'Bad <script>alert(1)</script>' }, /script|alert/],
    ['truncated markup', { message: `Bad <img src=x onerror=alert(1) ${'x'.repeat(3000)}>` }, /<img|onerror/],
    [
      'a stack trace of Node',
      { message: 'Boom\n    at run (/srv/app/index.js:10:5)\n    at node:internal/main:1:1' },
      /srv|internal/,
    ],
    ['a stack trace without names', { message: 'Boom\n    at file:///srv/app/index.js:10:5' }, /srv/],
    ['a stack trace of Java', { message: 'Boom\n\tat com.example.Billing.run(Billing.java:12)' }, /Billing\.java/],
    [
      'a stack trace of Python',
      { message: 'Boom\nTraceback (most recent call last):\n  File "/srv/app.py", line 3, in run' },
      /srv|line 3/,
    ],
    ['a stack trace in a field', { message: 'Boom', detail: 'at run (/srv/app/index.js:10:5)' }, /srv/],
    ['a stack trace in a list', { message: 'Boom', trace: ['at run (/srv/app/index.js:10:5)'] }, /srv/],
    [
      'a stack trace in a nested field',
      { message: 'Boom', error: { stack: 'Error\n    at run (/srv/a.js:10:5)' } },
      /srv/,
    ],
    ['a field named stack', { message: 'Boom', stack: 'secret place' }, /secret place/],
  ])('without %s', async (_, body, forbidden) => {
    const message = await readError(answerWith(400, body))
    expect(message).toContain('responded 400')
    expect(message).not.toMatch(forbidden)
  })

  test('with control characters and marks that reorder text made visible', async () => {
    const message = await readError(answerWith(400, { message: 'a\u001b[31mb\u202ec\r\nd', 'f\u0007': '\u200b' }))
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u)
    expect(message).toContain(String.raw`a\u{1b}[31mb\u{202e}c\u{d}\u{a}d`)
  })

  test('truncated when it is long', async () => {
    const message = await readError(answerWith(400, { message: 'word '.repeat(10_000) }))
    expect(message.length).toBeLessThan(1_000)
  })

  test('without an error page of any size', async () => {
    const message = await readError(answerWith(400, Buffer.alloc(6 * 1024 * 1024, 'x')))
    expect(message).toMatch(/^get-customer: Metronome responded 400 with more than 64 KiB\./)
  })

  test('with the API key redacted, however the message is truncated', async () => {
    for (const padding of [0, 480, 490, 495]) {
      const message = await readError(answerWith(400, { message: `${'x'.repeat(padding)}${KEY}`, key: [KEY] }))
      expect(message).not.toContain(KEY.slice(0, 4))
    }
  })
})

describe('the body of a response is parsed once', () => {
  async function countParses(call: readonly [string, object], respond: (method: string) => Response): Promise<number> {
    const fetch = async (_: string, { method }: { method: string }) => respond(method)
    const harness = createHarness({ upstream: { fetch, baseUrl: 'http://metronome.invalid' } })
    const parse = vi.spyOn(JSON, 'parse')
    await callWith(harness, call)
    // Others may parse something, too.
    const { length } = parse.mock.calls.filter(([text]) => /^\{"(data|message)"/.test(text))
    parse.mockRestore()
    return length
  }

  test('for a read', async () => {
    expect(await countParses(READ, () => Response.json(ONE))).toBe(1)
  })

  test.each([409, 500])('for a write that fails with %i, whose verification is parsed once, too', async (status) => {
    const failed = (method: string) =>
      method === 'POST' ? Response.json({ message: 'Bad thing' }, { status }) : Response.json(ONE)
    const rename = ['update-customer-name', { customer_id: ID, name: 'Acme EU' }] as const
    // A 409 of a tool that documents none is retried twice.
    expect(await countParses(rename, failed)).toBe(status === 409 ? 4 : 2)
  })
})
