import { EventEmitter, once } from 'node:events'
import { PassThrough } from 'node:stream'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { createByteBudget } from '../../src/http/byte-budget.ts'
import { isStateless } from '../../src/mcp/messages.ts'
import type { StatelessLayer } from '../../src/mcp/stateless.ts'
import { createStdioTransport } from '../../src/mcp/stdio.ts'
import {
  CUSTOMER_ID,
  callTool,
  createStateless,
  customer,
  headersOf,
  META,
  type Message,
  request,
  VERSION_KEY,
} from '../support/stateless.ts'

// Only the caller can end such a call.
const LONGER_THAN_A_TEST_MS = 60_000

const server = createStateless(async () => Response.json(customer))

describe('which revision serves a message', () => {
  const earlierInitialize = { jsonrpc: '2.0', id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25' } }
  const statelessHeader = new Headers({ 'mcp-protocol-version': '2026-07-28' })
  const earlierHeader = new Headers({ 'mcp-protocol-version': '2025-11-25' })
  const bare = { jsonrpc: '2.0', id: 1, method: 'tools/list' }

  test.each<[string, boolean, unknown, Headers?]>([
    ['a request with a version in _meta is stateless', true, request('tools/list')],
    ['the same with an earlier header is stateless, and will be rejected', true, request('tools/list'), earlierHeader],
    ['server/discover without _meta is stateless', true, { jsonrpc: '2.0', id: 1, method: 'server/discover' }],
    ['initialize with the version in _meta is stateless', true, request('initialize')],
    ['anything with the stateless header is stateless', true, bare, statelessHeader],
    ['a batch with one stateless request in it is stateless', true, [bare, request('tools/list')]],
    ['a request without both belongs to an earlier revision', false, bare],
    ['a request with an earlier header belongs to an earlier revision', false, bare, earlierHeader],
    ['initialize belongs to an earlier revision', false, earlierInitialize],
    [
      'initialize with an earlier version in _meta belongs to an earlier revision',
      false,
      request('initialize', { _meta: { ...META, [VERSION_KEY]: '2025-11-25' } }),
    ],
    [
      'a progress token in _meta belongs to an earlier revision',
      false,
      { ...bare, params: { _meta: { progressToken: 1 } } },
    ],
    ['a batch of earlier requests belongs to an earlier revision', false, [bare, earlierInitialize]],
    ['a very deep array belongs to an earlier revision', false, JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))],
    ['null belongs to an earlier revision', false, null],
  ])('%s', (_, expected, message, headers) => {
    expect(isStateless(message, headers)).toBe(expected)
  })

  test.each(['discover first', 'initialize first'])('one stdio connection serves both revisions, %s', async (order) => {
    const connection = await server.openStdio()
    const initialize = {
      ...earlierInitialize,
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
    }
    const discover = request('server/discover', {}, 'probe')
    const steps = order === 'discover first' ? [discover, initialize] : [initialize, discover]
    connection.send(...steps, { jsonrpc: '2.0', method: 'notifications/initialized' }, { ...bare, id: 2 })
    const responses = [await connection.next(), await connection.next(), await connection.next()]
    const byId = Object.fromEntries(responses.map(({ id, result }) => [id, result]))
    expect(byId.probe).toMatchObject({ supportedVersions: ['2026-07-28'] })
    expect(byId[1]).toMatchObject({ protocolVersion: '2025-11-25' })
    expect(Object.keys(byId[2] as Message)).toEqual(['tools'])
    await connection.close()
  })
})

describe('a call that ends before its response', () => {
  const call = callTool('get-customer', { customer_id: CUSTOMER_ID })

  /** A Metronome that never responds, with events for the request and for its cancellation. */
  function createSilentServer() {
    const events = new EventEmitter()
    const asked = once(events, 'asked')
    const left = once(events, 'left')
    const silent = createStateless((_, init) => {
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

  test('notifications/cancelled ends it on stdio, without a response', async () => {
    const { openStdio, asked, left } = createSilentServer()
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

  test('after notifications/cancelled it sends no more progress on stdio', async () => {
    const ended = new EventEmitter()
    const stateless: StatelessLayer = {
      async respond(_, __, { signal, sendNotification }) {
        if (signal) await once(signal, 'abort')
        await sendNotification?.({ method: 'notifications/progress', params: { progressToken: 'p', progress: 1 } })
        ended.emit('end')
        return { httpStatus: 499 }
      },
    }
    const [input, output] = [new PassThrough(), new PassThrough()]
    const caller = { apiKey: undefined, redact: (text: string) => text }
    const transport = createStdioTransport({ input, output, stateless, caller, byteBudget: createByteBudget() })
    await transport.start()
    input.write(`${JSON.stringify(call)}\n`)
    input.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n')
    await once(ended, 'end')
    expect(output.read()).toBe(null)
  })

  test('notifications/cancelled ends the call that has the id now, after one that was cancelled before', async () => {
    const calls: { signal: AbortSignal | undefined; end: () => void }[] = []
    const stateless: StatelessLayer = {
      respond: (_, __, { signal }) =>
        new Promise((resolve) => calls.push({ signal, end: () => resolve({ httpStatus: 499 }) })),
    }
    const [input, output] = [new PassThrough(), new PassThrough()]
    const caller = { apiKey: undefined, redact: (text: string) => text }
    const transport = createStdioTransport({ input, output, stateless, caller, byteBudget: createByteBudget() })
    await transport.start()
    const cancelled = '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}\n'
    input.write(`${JSON.stringify(call)}\n${cancelled}${JSON.stringify(call)}\n`)
    await vi.waitFor(() => expect(calls).toHaveLength(2))
    calls[0]?.end()
    await nextTurn()
    input.write(cancelled)
    await vi.waitFor(() => expect(calls.map(({ signal }) => signal?.aborted)).toEqual([true, true]))
  })

  test('closing the connection ends it on stdio', async () => {
    const { openStdio, asked, left } = createSilentServer()
    const connection = await openStdio()
    connection.send(call)
    await asked
    await connection.close()
    await left
    expect(connection.written).toEqual([])
  })

  test('a client that closes its connection ends it over HTTP, and nothing is written', async () => {
    const { post, asked, left } = createSilentServer()
    const caller = new AbortController()
    const response = post(call, headersOf(call), caller.signal)
    await asked
    caller.abort()
    await left
    expect(await (await response).text()).toBe('')
  })
})

test('a retry is reported as progress on stdio to a client that asked for it', async () => {
  let attempts = 0
  const failingOnce = createStateless(async () => {
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
