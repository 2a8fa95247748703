import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { ask, ID, ONE, outcomesIn, READ, WRITE } from './support/ask.ts'
import { connectClient } from './support/mcp.ts'
import { answerWith, startUpstream } from './support/upstream.ts'

describe('a 2xx that is no answer is an error, and for a write unknown', () => {
  test.each<[string, number, string | Buffer, RegExp]>([
    ['HTML', 200, '<html><body>Login</body></html>', /answered 200 with an HTML page instead of JSON/],
    ['text', 200, 'OK', /answered 200 with text instead of JSON/],
    ['cut JSON', 200, '{"data":{"id":"1"', /answered 200 with text instead of JSON/],
    ['two JSON values', 200, '{"data":{"id":"1"}}{}', /with text instead of JSON/],
    ['a blank body', 200, ' \n', /another shape than it documents \(as a whole\)/],
    ['no body', 204, '', /answered 204.*another shape/],
    ['null', 200, 'null', /another shape than it documents/],
    ['a list', 200, '[]', /another shape/],
    ['a number', 200, '5', /another shape/],
    ['other fields', 200, '{"result":{}}', /another shape than it documents \(at data\)/],
    ['a wrong type', 200, '{"data":{"id":7}}', /another shape than it documents \(at data\.id\)/],
    [
      'invalid UTF-8',
      200,
      Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]),
      /answered 200 with bytes that are not UTF-8 text/,
    ],
    ['UTF-16', 200, Buffer.from('{"data":{}}', 'utf16le'), /answered 200 with/],
  ])('%s', async (_, status, body, pattern) => {
    const read = await ask(READ, answerWith(status, body))
    expect(read).toMatchObject({ isError: true, message: expect.stringMatching(pattern) })
    expect(read.attempts).toHaveLength(1)

    const written = await ask(WRITE, answerWith(status, body))
    expect(written).toMatchObject({ isError: true, message: expect.stringMatching(pattern) })
    expect(written.attempts).toHaveLength(1)
    expect(outcomesIn(written.message)).toEqual(['unknown'])
  })

  test.each(['', ' ', 'null', '{}'])('an empty answer %j is a success where none is promised', async (body) => {
    const upstream = await startUpstream(answerWith(200, body))
    const { callTool } = await connectClient({ upstream: { baseUrl: upstream.baseUrl } })
    const result = await callTool('update-customer-configuration', { customer_id: ID })
    expect(result).toEqual({
      content: [{ type: 'text', text: '{"success":true}' }],
      structuredContent: { success: true },
    })
  })

  test('a byte order mark and any content type do no harm', async () => {
    const { message, isError } = await ask(
      READ,
      answerWith(201, `\ufeff${JSON.stringify(ONE)}`, { 'content-type': 'text/plain' }),
    )
    expect({ message, isError }).toEqual({ message: JSON.stringify(ONE), isError: false })
  })

  test('gzip is read', async () => {
    const { message } = await ask(READ, answerWith(200, gzipSync(JSON.stringify(ONE)), { 'content-encoding': 'gzip' }))
    expect(message).toBe(JSON.stringify(ONE))
  })

  test('broken gzip is a lost answer', async () => {
    const broken = gzipSync(JSON.stringify(ONE)).fill(7, 12)
    const { message, isError } = await ask(READ, answerWith(200, broken, { 'content-encoding': 'gzip' }))
    expect(isError).toBe(true)
    expect(message).toMatch(/answer did not come, the connection broke/)
  })
})

describe('a huge answer is cut off', () => {
  const huge = Buffer.from(JSON.stringify({ data: [], padding: 'x'.repeat(5 * 1024 * 1024) }))

  test('over 5 MiB, with the advice to lower limit', async () => {
    const { message, isError } = await ask(['list-customers', {}], answerWith(200, huge))
    expect(isError).toBe(true)
    expect(message).toMatch(/answered 200 with more than 5 MiB; at most 5 MiB of JSON are read\. Lower limit\./)
  })

  test('also when it is small on the wire', async () => {
    const bomb = gzipSync(Buffer.alloc(64 * 1024 * 1024))
    const { message } = await ask(READ, answerWith(200, bomb, { 'content-encoding': 'gzip' }))
    expect(message).toMatch(/more than 5 MiB/)
    expect(message).not.toMatch(/limit/)
  })

  test('but one of 5 MiB is read', async () => {
    const body = JSON.stringify({ ...ONE, padding: '' })
    const full = JSON.stringify({ ...ONE, padding: 'x'.repeat(5 * 1024 * 1024 - body.length) })
    const { message } = await ask(READ, answerWith(200, full))
    expect(message).toBe(full)
  })
})
