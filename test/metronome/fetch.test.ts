import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { createNetworkFetch, type Fetch, type FetchInit, NotSentError } from '../../src/metronome/fetch.ts'
import { callUpstream, ONE, READ } from '../support/call-upstream.ts'
import { answerWith, startRawUpstream, startUpstream } from '../support/upstream.ts'

const buildInit = (more: Partial<FetchInit> = {}): FetchInit => ({
  method: 'GET',
  headers: new Headers({ authorization: 'Bearer abc', accept: 'application/json', 'content-type': 'application/json' }),
  signal: new AbortController().signal,
  redirect: 'manual',
  ...more,
})

async function read(fetch: Fetch, url: string, init = buildInit()): Promise<{ status: number; text: string }> {
  const { status, body } = await fetch(url, init)
  const chunks: Uint8Array[] = []
  for await (const chunk of body ?? []) chunks.push(chunk)
  return { status, text: Buffer.concat(chunks).toString() }
}

describe("sends what Node's own fetch sends", () => {
  // What a fetch says of browsers, and what both say of the connection.
  const INCIDENTAL = ['accept-language', 'sec-fetch-mode', 'user-agent', 'accept-encoding', 'connection']

  test.each<[string, Partial<FetchInit>?]>([
    ['/v1/customers'],
    ['/prefix/v1/customers?limit=100&ingest_alias=a%20b%2Fc%26d%3D%C3%BC'],
    ["/v1/customers/it's%22(odd)/../x?next_page=%00"],
    ['/v1/customers', { method: 'POST', body: '{"name":"Zoë 😀"}' }],
    ['/v1/customers/archive', { method: 'POST', body: '{}' }],
  ])('%s %j', async (target, more) => {
    const { baseUrl, requests } = await startUpstream(answerWith(200, ONE))
    for (const fetch of [createNetworkFetch(), globalThis.fetch])
      expect(await read(fetch, baseUrl + target, buildInit(more))).toEqual({ status: 200, text: JSON.stringify(ONE) })
    const [ours, theirs] = requests.map(({ headers, ...request }) => ({
      ...request,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !INCIDENTAL.includes(name))),
    }))
    expect(ours).toEqual(theirs)
  })
})

describe('a compressed response', () => {
  const COMPRESSIONS = [
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const

  test.each(COMPRESSIONS)('in %s is decompressed', async (encoding, compress) => {
    const body = compress(JSON.stringify(ONE))
    const { result, upstream } = await callUpstream(READ, answerWith(200, body, { 'content-encoding': encoding }))
    expect(result).toEqual({ ok: true, body: ONE })
    expect(upstream.requests[0]?.headers['accept-encoding']).toBe('gzip, br')
  })

  test('in gzip under its older name is decompressed', async () => {
    const body = gzipSync(JSON.stringify(ONE))
    const { result } = await callUpstream(READ, answerWith(200, body, { 'content-encoding': 'X-GZip' }))
    expect(result).toEqual({ ok: true, body: ONE })
  })

  test.each(COMPRESSIONS)('without a body, in %s, is empty', async (encoding) => {
    const { baseUrl } = await startUpstream(answerWith(200, '', { 'content-encoding': encoding }))
    expect(await read(createNetworkFetch(), baseUrl)).toEqual({ status: 200, text: '' })
  })

  test.each(['zstd', 'gzip, gzip', '__proto__'])('in %s, which was not asked for, is left as it is', async (name) => {
    const { baseUrl } = await startUpstream(answerWith(200, 'as it is', { 'content-encoding': name }))
    expect(await read(createNetworkFetch(), baseUrl)).toEqual({ status: 200, text: 'as it is' })
  })

  test('with broken data counts as no response', async () => {
    const broken = gzipSync(JSON.stringify(ONE)).fill(7, 12)
    const { result } = await callUpstream(READ, answerWith(200, broken, { 'content-encoding': 'gzip' }))
    expect(result).toMatchObject({ ok: false, code: 'no_response' })
  })
})

test('a redirect is not followed', async () => {
  const { baseUrl, requests } = await startUpstream(answerWith(307, '', { location: '/elsewhere' }))
  expect((await read(createNetworkFetch(), baseUrl)).status).toBe(307)
  expect(requests).toHaveLength(1)
})

test('headers are found in any case, and several of one name are joined', async () => {
  const { baseUrl } = await startUpstream((response) => {
    response.setHeader('X-Many', ['a', 'b'])
    response.end()
  })
  const { headers, body } = await createNetworkFetch()(baseUrl, buildInit())
  expect(['x-many', 'X-Many', 'constructor', 'date'].map((name) => headers.get(name))).toEqual([
    'a, b',
    'a, b',
    null,
    expect.any(String),
  ])
  for await (const chunk of body ?? []) expect(chunk).toHaveLength(0)
})

test('a request whose signal is aborted is not sent', async () => {
  let connections = 0
  const { baseUrl } = await startRawUpstream(() => void connections++)
  const call = createNetworkFetch()(baseUrl, buildInit({ signal: AbortSignal.abort() }))
  await expect(call).rejects.toThrow(NotSentError)
  expect(connections).toBe(0)
})

test('an informational response is skipped', async () => {
  const { baseUrl } = await startRawUpstream((socket) => {
    socket.on('data', () =>
      socket.end('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
    )
  })
  expect(await read(createNetworkFetch(), baseUrl)).toEqual({ status: 200, text: '{}' })
})

describe('a response whose body does not arrive whole', () => {
  const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n'

  test('is an error, and the request counts as sent', async () => {
    const { baseUrl } = await startRawUpstream((socket) => {
      socket.on('data', () => socket.end(`${HEAD}{}`))
    })
    const error = await createNetworkFetch()(baseUrl, buildInit()).catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'UND_ERR_SOCKET' })
    expect(error).not.toBeInstanceOf(NotSentError)
  })

  test('can be aborted, which closes the connection', async () => {
    const controller = new AbortController()
    let onClose = (): void => {}
    const closed = new Promise<void>((resolve) => {
      onClose = resolve
    })
    const { baseUrl } = await startRawUpstream((socket) => {
      socket.on('data', () => socket.write(`${HEAD}{}`, () => controller.abort('cancelled')))
      socket.on('error', () => {}).on('close', onClose)
    })
    const call = createNetworkFetch()(baseUrl, buildInit({ signal: controller.signal }))
    await expect(call).rejects.toBe('cancelled')
    await closed
  })
})

test('of a response without an end 5 MiB are read, and then the connection closes', async () => {
  let onClose = (): void => {}
  const closed = new Promise<void>((resolve) => {
    onClose = resolve
  })
  const { baseUrl } = await startRawUpstream((socket) => {
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const writeAll = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.once('data', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      writeAll()
    })
    socket.on('drain', writeAll).on('close', onClose)
  })
  const { text } = await read(createNetworkFetch(), baseUrl)
  expect(text.length).toBeGreaterThan(5 * 1024 * 1024)
  expect(text.length).toBeLessThan(6 * 1024 * 1024)
  await closed
})
