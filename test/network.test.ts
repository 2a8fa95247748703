import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { Fetch, FetchOptions } from '../src/upstream/attempt.ts'
import { createNetworkFetch } from '../src/upstream/network.ts'
import { ask, ONE, READ } from './support/ask.ts'
import { answerWith, startUpstream } from './support/upstream.ts'

const options = (more: Partial<FetchOptions> = {}): FetchOptions => ({
  method: 'GET',
  headers: new Headers({ authorization: 'Bearer abc', accept: 'application/json', 'content-type': 'application/json' }),
  signal: new AbortController().signal,
  redirect: 'manual',
  ...more,
})

async function read(fetch: Fetch, url: string, init = options()): Promise<{ status: number; text: string }> {
  const { status, body } = await fetch(url, init)
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return { status, text: Buffer.concat(chunks).toString() }
}

describe("what arrives is what Node's own fetch would send", () => {
  // What a fetch says of browsers, and what both say of the connection.
  const OF_THE_MEANS = ['accept-language', 'sec-fetch-mode', 'user-agent', 'accept-encoding', 'connection']

  test.each<[string, Partial<FetchOptions>?]>([
    ['/v1/customers'],
    ['/prefix/v1/customers?limit=100&ingest_alias=a%20b%2Fc%26d%3D%C3%BC'],
    ["/v1/customers/it's%22(odd)/../x?next_page=%00"],
    ['/v1/customers', { method: 'POST', body: '{"name":"Zoë 😀"}' }],
    ['/v1/customers/archive', { method: 'POST', body: '{}' }],
  ])('%s %j', async (target, more) => {
    const { baseUrl, requests } = await startUpstream(answerWith(200, ONE))
    for (const fetch of [createNetworkFetch(), globalThis.fetch])
      expect(await read(fetch, baseUrl + target, options(more))).toEqual({ status: 200, text: JSON.stringify(ONE) })
    const [ours, theirs] = requests.map(({ headers, ...request }) => ({
      ...request,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !OF_THE_MEANS.includes(name))),
    }))
    expect(ours).toEqual(theirs)
  })
})

describe('a compressed answer', () => {
  const COMPRESSIONS = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const

  test.each(COMPRESSIONS)('in %s is read', async (encoding, compress) => {
    const body = compress(JSON.stringify(ONE))
    const { message, upstream } = await ask(READ, answerWith(200, body, { 'content-encoding': encoding }))
    expect(message).toBe(JSON.stringify(ONE))
    expect(upstream.requests[0]?.headers['accept-encoding']).toBe('gzip, br')
  })

  test('in gzip under its older name is read', async () => {
    const body = gzipSync(JSON.stringify(ONE))
    expect((await ask(READ, answerWith(200, body, { 'content-encoding': 'X-GZip' }))).message).toBe(JSON.stringify(ONE))
  })

  test.each(COMPRESSIONS)('of nothing in %s is nothing', async (encoding) => {
    const { baseUrl } = await startUpstream(answerWith(200, '', { 'content-encoding': encoding }))
    expect(await read(createNetworkFetch(), baseUrl)).toEqual({ status: 200, text: '' })
  })

  test.each(['zstd', 'gzip, gzip', '__proto__'])(
    'in %s, which nobody asked for, is left as it came',
    async (encoding) => {
      const { baseUrl } = await startUpstream(answerWith(200, 'as it came', { 'content-encoding': encoding }))
      expect(await read(createNetworkFetch(), baseUrl)).toEqual({ status: 200, text: 'as it came' })
    },
  )
})

test('a redirect is not followed', async () => {
  const { baseUrl, requests } = await startUpstream(answerWith(307, '', { location: '/elsewhere' }))
  expect((await read(createNetworkFetch(), baseUrl)).status).toBe(307)
  expect(requests).toHaveLength(1)
})

test('headers are found by either case; several of one name are one list', async () => {
  const { baseUrl } = await startUpstream((response) => {
    response.setHeader('X-Many', ['a', 'b'])
    response.end()
  })
  const { headers, body } = await createNetworkFetch()(baseUrl, options())
  expect([headers.get('x-many'), headers.get('X-Many'), headers.get('constructor'), headers.get('date')]).toEqual([
    'a, b',
    'a, b',
    null,
    expect.any(String),
  ])
  for await (const chunk of body ?? []) expect(chunk).toHaveLength(0)
})
