import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createRedactor,
  cutText,
  escapeInvisible,
  mapTexts,
  quoteUntrusted,
  quoteValue,
  toWellFormed,
} from '../src/sanitize.ts'
import { ID } from './contract.ts'
import { callWith } from './support/call-upstream.ts'
import { connectClient, createHarness, KEY, textOf } from './support/harness.ts'

describe('third-party text', () => {
  test.each([
    'custom field <region> is not defined for this account',
    'key <cost-center> and <title> are unknown',
    'limit < 5 and > 3',
    'a <b',
    '<unknown>',
    'Use <id> or <name>',
  ])('with words in angle brackets is shown: %s', (text) => {
    expect(quoteUntrusted(text)).toBe(text)
  })

  test.each([
    '<!DOCTYPE html><html><body>502</body></html>',
    '<html><head><title>502 Bad Ga',
    '<?xml version="1.0"?><error/>',
    'error: <b>bold</b>',
    '<center><h1>503</h1>',
    '<p class="x">Sorry',
    '<script>alert(1)',
    'x <img src=x onerror=alert(1)>',
    '<svg/onload=alert(1)>',
    '<a href="https://evil.example">here',
  ])('that is a page, or a piece of one, is omitted: %s', (text) => {
    expect(quoteUntrusted(text)).toBe('(HTML omitted)')
  })

  test('is cut between characters', () => {
    for (const length of [498, 499, 500, 501, 1_998, 1_999, 2_000]) {
      const quoted = quoteUntrusted(`${'x'.repeat(length)}${'😀'.repeat(600)}`)
      expect(quoted.isWellFormed()).toBe(true)
      expect(quoted).not.toContain('\ufffd')
      expect(quoted.length).toBeLessThanOrEqual(501)
    }
  })

  test('with half characters shows U+FFFD in their place', () => {
    expect(quoteUntrusted('a\ud83d b')).toBe('a\ufffd b')
    expect(quoteValue({ 'k\udc00': ['v\ud83d'] })).toBe('{"k\ufffd":["v\ufffd"]}')
  })
})

test.each([
  ['\u202e', '202e'],
  ['\u200b', '200b'],
  ['\u0000', '0'],
  ['\u0085', '85'],
  ['\u2028', '2028'],
  ['\u3164', '3164'],
  ['\u034f', '34f'],
  ['\u17b4', '17b4'],
  ['\ufe0f', 'fe0f'],
  ['\u{e0100}', 'e0100'],
  ['\u{e0041}', 'e0041'],
  ['\u2800', '2800'],
])('%j, which is drawn as nothing, is shown by its number', (char, code) => {
  expect(escapeInvisible(`a${char}b`)).toBe(`a\\u{${code}}b`)
})

test('a cut text is well-formed, no longer than asked for, and the start of the whole', () => {
  const property = fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.nat(40), (text, max) => {
    const cut = cutText(text, max)
    expect(cut.isWellFormed()).toBe(true)
    expect(text.startsWith(cut)).toBe(true)
    expect(cut.length).toBeGreaterThanOrEqual(Math.min(text.length, max) - 1)
    expect(cut.length).toBeLessThanOrEqual(max)
  })
  fc.assert(property, { numRuns: 1_000, seed: 20261129 })
})

test('texts of a JSON value are replaced, keys included, and a value without any is returned as it is', () => {
  const value = JSON.parse('{"a":["b",1,null,{"__proto__":"b"}],"b":true}')
  expect(mapTexts(value, (text) => text.replace('b', 'c'))).toEqual(
    JSON.parse('{"a":["c",1,null,{"__proto__":"c"}],"c":true}'),
  )
  expect(toWellFormed(value)).toBe(value)
})

test('a secret in the values of a JSON value is redacted, however it was escaped', () => {
  const redact = createRedactor(['mk_secret_0123'])
  const json = JSON.parse('{"message":"key \\u006dk_secret_0123 is invalid"}')
  expect(mapTexts(json, redact)).toEqual({ message: 'key [redacted] is invalid' })
})

test('a secret that a message holds in escapes is redacted before the message is cut', async () => {
  const escaped = Array.from(KEY, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')
  for (const length of [470, 480, 490, 499]) {
    const text = `{"message":"${'x'.repeat(length)} ${escaped}"}`
    const fetch = async () => new Response(text, { status: 400 })
    const result = await callWith(createHarness({ upstream: { fetch } }), ['get-customer', { customer_id: ID }])
    expect(JSON.stringify(result)).not.toContain(KEY.slice(0, 4))
  }
})

describe('half characters in a record of Metronome', () => {
  const record = { id: ID, name: 'Zo\ud83d', custom_fields: { 'k\udc00': 'v\ud83d' }, ingest_aliases: ['a\ud83d'] }
  const shown = { id: ID, name: 'Zo\ufffd', custom_fields: { 'k\ufffd': 'v\ufffd' }, ingest_aliases: ['a\ufffd'] }

  test.each([
    ['get-customer', { customer_id: ID }, { data: record }, { data: shown }],
    ['list-customers', {}, { data: [record], next_page: null }, { data: [shown], next_page: null }],
    ['update-customer-name', { customer_id: ID, name: 'Zoë' }, { data: record }, { data: shown }],
  ])('become U+FFFD in the text and the structured content of %s', async (tool, args, body, expected) => {
    const { callTool } = await connectClient({ upstream: { fetch: async () => Response.json(body) } })
    const result = await callTool(tool, args)
    expect(result.structuredContent).toEqual(expected)
    expect(JSON.parse(textOf(result))).toEqual(expected)
  })

  test('become U+FFFD in the error of a call', async () => {
    const fetch = async () => Response.json({ message: 'no \ud83d', 'field\ud83d': 'x' }, { status: 400 })
    const result = await callWith(createHarness({ upstream: { fetch } }), ['get-customer', { customer_id: ID }])
    expect(result).toMatchObject({ message: expect.stringContaining('"no \ufffd" (field\ufffd: x)') })
  })
})

test('errors that repeat what the caller sent are cut between characters', async () => {
  const harness = createHarness()
  const long = `${'x'.repeat(99)}😀${'x'.repeat(19)}😀${'x'.repeat(100)}`
  for (const [tool, args] of [
    [long, {}],
    ['get-customer', { customer_id: ID, [long]: 1 }],
    ['get-customer', { customer_id: ID, 'half \ud83d': 1 }],
  ] as const) {
    const result = await callWith(harness, [tool, args])
    expect(result.ok ? '' : result.message).toMatch(/^[^\ufffd\p{Cs}]+$|half \ufffd/u)
    expect(JSON.stringify(result).length).toBeLessThan(600)
  }
})

test('a secret that begins with another one leaves nothing of itself', () => {
  const redact = createRedactor(['token-one-0123', 'token-one-0123-and-more'])
  expect(redact('a token-one-0123-and-more b token-one-0123 c')).toBe('a [redacted] b [redacted] c')
})
