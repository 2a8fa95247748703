import { EventEmitter, once } from 'node:events'
import { describe, expect, test } from 'vitest'
import {
  CUSTOMER_ID,
  callTool,
  createFace,
  customer,
  headersOf,
  META,
  type Message,
  request,
  VERSION_KEY,
} from './support/modern.ts'

// Only the caller can end such a call.
const LONGER_THAN_A_TEST_MS = 60_000

const face = createFace(async () => Response.json(customer))

describe('what belongs to which era', () => {
  const legacyInitialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25' } }
  const modernHeader = new Headers({ 'mcp-protocol-version': '2026-07-28' })
  const legacyHeader = new Headers({ 'mcp-protocol-version': '2025-11-25' })
  const bare = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

  test.each<[string, boolean, unknown, Headers?]>([
    ['a request with a version in _meta is modern', true, request('tools/list')],
    ['the same under an earlier header is modern, and will be refused', true, request('tools/list'), legacyHeader],
    ['server/discover without _meta is modern', true, { jsonrpc: '2.0', id: 1, method: 'server/discover' }],
    ['initialize with the version in _meta is modern', true, request('initialize')],
    ['anything under the modern header is modern', true, bare, modernHeader],
    ['a batch with one modern request in it is modern', true, [bare, request('tools/list')]],
    ['a request without both is legacy', false, bare],
    ['a request under an earlier header is legacy', false, bare, legacyHeader],
    ['the handshake is legacy', false, legacyInitialize],
    [
      'the handshake with an earlier version in _meta is legacy',
      false,
      request('initialize', { _meta: { ...META, [VERSION_KEY]: '2025-11-25' } }),
    ],
    ['a progress token in _meta is legacy', false, { ...bare, params: { _meta: { progressToken: 1 } } }],
    ['a legacy batch is legacy', false, [bare, legacyInitialize]],
    ['a very deep array is legacy', false, JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))],
    ['null is legacy', false, null],
  ])('%s', (_, expected, message, headers) => {
    expect(face.layer.handles(message, headers)).toBe(expected)
  })

  test.each(['discover first', 'handshake first'])('one stdio connection serves both, %s', async (order) => {
    const connection = await face.openStdio()
    const initialize = {
      ...legacyInitialize,
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    }
    const discover = request('server/discover', {}, 'probe')
    const steps = order === 'discover first' ? [discover, initialize] : [initialize, discover]
    connection.send(...steps, { jsonrpc: '2.0', method: 'notifications/initialized' }, { ...bare, id: 2 })
    const answers = [await connection.next(), await connection.next(), await connection.next()]
    const byId = Object.fromEntries(answers.map(({ id, result }) => [id, result]))
    expect(byId.probe).toMatchObject({ supportedVersions: ['2026-07-28'] })
    expect(byId[1]).toMatchObject({ protocolVersion: '2025-11-25' })
    expect(Object.keys(byId[2] as Message)).toEqual(['tools'])
    await connection.close()
  })
})

describe('a call that ends before its answer', () => {
  const call = callTool('get-customer', { customer_id: CUSTOMER_ID })

  /** A Metronome that answers nothing and tells when it was asked and when the caller left. */
  function createSilentFace() {
    const events = new EventEmitter()
    const asked = once(events, 'asked')
    const left = once(events, 'left')
    const silent = createFace((_, init) => {
      events.emit('asked')
      return new Promise((__, reject) => {
        init?.signal?.addEventListener('abort', () => {
          events.emit('left')
          reject(init.signal?.reason)
        })
      })
    }, LONGER_THAN_A_TEST_MS)
    return { ...silent, asked, left }
  }

  test('notifications/cancelled ends it on stdio, and it gets no answer', async () => {
    const { openStdio, asked, left } = createSilentFace()
    const connection = await openStdio()
    connection.send(call)
    await asked
    connection.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
    await left
    connection.send(request('server/discover', {}, 'after'))
    expect(await connection.next()).toMatchObject({ id: 'after' })
    expect(connection.written).toEqual([])
    await connection.close()
  })

  test('the end of the connection ends it on stdio', async () => {
    const { openStdio, asked, left } = createSilentFace()
    const connection = await openStdio()
    connection.send(call)
    await asked
    await connection.close()
    await left
    expect(connection.written).toEqual([])
  })

  test('a caller that closes its connection ends it over HTTP, and nothing is written', async () => {
    const { post, asked, left } = createSilentFace()
    const caller = new AbortController()
    const response = post(call, headersOf(call), caller.signal)
    await asked
    caller.abort()
    await left
    expect(await (await response).text()).toBe('')
  })
})

test('a repeat is told as progress on stdio to a caller that asked for it', async () => {
  let attempts = 0
  const failingOnce = createFace(async () => {
    attempts += 1
    return attempts === 1 ? new Response('{}', { status: 503 }) : Response.json(customer)
  })
  const connection = await failingOnce.openStdio()
  connection.send(
    request('tools/call', {
      _meta: { ...META, progressToken: 'p' },
      name: 'get-customer',
      arguments: { customer_id: CUSTOMER_ID },
    }),
  )
  expect(await connection.next()).toEqual({
    jsonrpc: '2.0',
    method: 'notifications/progress',
    params: { progressToken: 'p', progress: 1, message: expect.stringContaining('attempt 2') },
  })
  expect(await connection.next()).toMatchObject({ id: 1, result: { resultType: 'complete' } })
  await connection.close()
})
