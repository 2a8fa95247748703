import { describe, expect, test } from 'vitest'
import { ask, ONE, outcomesIn, READ, WRITE } from './support/ask.ts'
import { KEY } from './support/mcp.ts'
import { answerWith, startUpstream } from './support/upstream.ts'

describe('every status is explained, and repeated only where that helps', () => {
  test.each<[status: number, reads: number, writes: number, outcome: string, message: RegExp]>([
    [300, 1, 1, 'unknown', /answered 300; redirects are not followed/],
    [302, 1, 1, 'unknown', /answered 302; redirects are not followed/],
    [304, 1, 1, 'unknown', /answered 304/],
    [400, 1, 1, 'not_applied', /answered 400: "Bad thing"/],
    [401, 1, 1, 'not_applied', /answered 401.*API key is not valid, or may not use this operation/],
    [402, 1, 1, 'not_applied', /answered 402: "Bad thing"/],
    [403, 1, 1, 'not_applied', /answered 403.*may not use this operation or record/],
    [404, 1, 1, 'not_applied', /answered 404.*list-customers.*only_archived true/],
    [405, 1, 1, 'not_applied', /answered 405/],
    [408, 3, 3, 'unknown', /answered 408/],
    [409, 1, 1, 'not_applied', /answered 409/],
    [410, 1, 1, 'not_applied', /answered 410/],
    [413, 1, 1, 'not_applied', /answered 413/],
    [415, 1, 1, 'not_applied', /answered 415/],
    [418, 1, 1, 'not_applied', /answered 418/],
    [422, 1, 1, 'not_applied', /answered 422/],
    [429, 3, 3, 'not_applied', /answered 429.*Call less often/],
    [451, 1, 1, 'not_applied', /answered 451/],
    [500, 3, 1, 'unknown', /answered 500.*try again later/],
    [501, 3, 1, 'unknown', /answered 501/],
    [502, 3, 3, 'unknown', /answered 502/],
    [503, 3, 3, 'unknown', /answered 503/],
    [504, 3, 3, 'unknown', /answered 504/],
    [599, 3, 1, 'unknown', /answered 599/],
  ])('%i', async (status, reads, writes, outcome, pattern) => {
    const body = status === 304 ? '' : { message: 'Bad thing' }
    const read = await ask(READ, answerWith(status, body))
    expect(read.message).toMatch(pattern)
    expect(read.attempts).toHaveLength(reads)
    expect(outcomesIn(read.message)).toBeNull()

    const written = await ask(WRITE, answerWith(status, body))
    expect(written.message).toContain(`archive-customer: Metronome answered ${status}`)
    expect(written.attempts).toHaveLength(writes)
    expect(outcomesIn(written.message)).toEqual([outcome])
    expect(new Set(written.attempts.map(({ headers, body }) => headers['idempotency-key'] + body)).size).toBe(1)
    expect([read.isError, written.isError]).toEqual([true, true])
  })
})

describe('a refusal is told in the words of Metronome', () => {
  test.each<[string, unknown, RegExp]>([
    ['message only', { message: 'alias in use' }, /answered 400: "alias in use"\./],
    [
      'further fields',
      { message: 'taken', conflicting_id: 'c-1', conflicting_value: 5 },
      /"taken" \(conflicting_id: c-1, conflicting_value: 5\)/,
    ],
    ['a code', { code: 'NotFound', message: 'no such customer' }, /"no such customer" \(code: NotFound\)/],
    ['a nested error', { error: { message: 'deep' } }, /error: \{"message":"deep"\}/],
    ['a list of messages', { message: ['name is wrong', 'id is wrong'] }, /name is wrong.*id is wrong/],
    [
      'an hour in the message',
      { message: 'contract starts at 2026-01-01T00:00:00Z, not on an hour boundary' },
      /at 2026-01-01T00:00:00Z, not on an hour boundary/,
    ],
    ['nothing', '', /answered 400\./],
    ['null', 'null', /answered 400\./],
    ['a list', '[1]', /answered 400\./],
    ['text', 'Bad Request', /answered 400 with text\./],
    ['a page', '<!doctype html><h1>Bad</h1>', /answered 400 with an HTML page\./],
  ])('%s', async (_, body, pattern) => {
    const { message } = await ask(READ, answerWith(400, body))
    expect(message).toMatch(pattern)
    expect(message).not.toMatch(/[<>]/)
  })

  test.each<[string, unknown, RegExp]>([
    ['markup', { message: 'Bad <script>alert(1)</script>' }, /script|alert/],
    ['cut markup', { message: `Bad <img src=x onerror=alert(1) ${'x'.repeat(3000)}>` }, /<img|onerror/],
    [
      'a trace of Node',
      { message: 'Boom\n    at run (/srv/app/index.js:10:5)\n    at node:internal/main:1:1' },
      /srv|internal/,
    ],
    ['a trace without names', { message: 'Boom\n    at file:///srv/app/index.js:10:5' }, /srv/],
    ['a trace of Java', { message: 'Boom\n\tat com.example.Billing.run(Billing.java:12)' }, /Billing\.java/],
    [
      'a trace of Python',
      { message: 'Boom\nTraceback (most recent call last):\n  File "/srv/app.py", line 3, in run' },
      /srv|line 3/,
    ],
    ['a trace in a field', { message: 'Boom', detail: 'at run (/srv/app/index.js:10:5)' }, /srv/],
    ['a trace in a list', { message: 'Boom', trace: ['at run (/srv/app/index.js:10:5)'] }, /srv/],
    ['a trace in a nested field', { message: 'Boom', error: { stack: 'Error\n    at run (/srv/a.js:10:5)' } }, /srv/],
    ['a stack field', { message: 'Boom', stack: 'secret place' }, /secret place/],
  ])('but %s is left out', async (_, body, forbidden) => {
    const { message } = await ask(READ, answerWith(400, body))
    expect(message).toContain('answered 400')
    expect(message).not.toMatch(forbidden)
  })

  test('control characters and marks that reorder text are made visible', async () => {
    const { message } = await ask(READ, answerWith(400, { message: 'a\u001b[31mb\u202ec\r\nd', 'f\u0007': '\u200b' }))
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they must not be there
    expect(message).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e]/)
    expect(message).toContain('a\\u001b[31mb\\u202ec')
  })

  test('a long message is cut', async () => {
    const { message } = await ask(READ, answerWith(400, { message: 'word '.repeat(10_000) }))
    expect(message.length).toBeLessThan(1_000)
  })

  test('an error page of any size is not shown', async () => {
    const { message } = await ask(READ, answerWith(400, Buffer.alloc(6 * 1024 * 1024, 'x')))
    expect(message).toMatch(/^get-customer: Metronome answered 400\.$/)
  })
})

test.each([301, 302, 303, 307, 308])('the key never follows a redirect (%i)', async (status) => {
  const target = await startUpstream(answerWith(200, ONE))
  const { message, upstream } = await ask(READ, answerWith(status, '', { location: `${target.baseUrl}/v1/customers` }))
  expect(message).toMatch(/redirects are not followed/)
  expect([upstream.requests.length, target.requests.length]).toEqual([1, 0])
})

test('a key that the upstream echoes is redacted, however it is cut', async () => {
  for (const padding of [0, 480, 490, 495]) {
    const { message } = await ask(READ, answerWith(400, { message: `${'x'.repeat(padding)}${KEY}`, key: [KEY] }))
    expect(message).not.toContain(KEY.slice(0, 4))
  }
})
