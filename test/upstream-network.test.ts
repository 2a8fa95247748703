import type { Socket } from 'node:net'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { ask, ID, ONE, outcomesIn, READ, WRITE } from './support/ask.ts'
import { connectClient, textOf } from './support/mcp.ts'
import {
  answerWith,
  findClosedAddress,
  inTurn,
  type Responder,
  startRawUpstream,
  startUpstream,
} from './support/upstream.ts'

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'
/** Reads a request and never answers. */
const silence: Responder = () => {}
const headersOnly: Responder = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
}
const drip: Responder = (response) => {
  headersOnly(response, { method: '', target: '', headers: {}, body: '' }, 0)
  const timer = setInterval(() => response.write(' '), 20)
  response.on('close', () => clearInterval(timer))
}

afterEach(() => vi.useRealTimers())

describe('one deadline covers headers and body', () => {
  test.each([
    ['no headers', silence],
    ['headers and no body', headersOnly],
    ['a body that drips', drip],
  ])('%s', async (_, respond) => {
    const read = await ask(READ, respond, 300)
    expect(read.message).toMatch(
      /^get-customer: Metronome's answer did not come, no answer within \d+ ms\. Try again later\.$/,
    )
    // The whole budget is gone, so there is nothing left for a repeat.
    expect(read.attempts).toHaveLength(1)

    const written = await ask(WRITE, respond, 600)
    expect(written.message).toMatch(/answer did not come, no answer within \d+ ms\./)
    expect(outcomesIn(written.message)).toEqual(['unknown'])
    const keys = written.attempts.map(({ headers }) => headers['idempotency-key'])
    expect(keys.length).toBeGreaterThanOrEqual(1)
    expect(keys.length).toBeLessThanOrEqual(3)
    expect(new Set(keys).size).toBe(1)
  })
})

describe('a broken connection', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['reset before headers', (socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['closed before headers', (socket) => socket.once('data', () => socket.end())],
    [
      'reset in the body',
      (socket) =>
        socket.once('data', () => socket.write(`${HEAD}content-length: 99\r\n\r\n{`, () => socket.resetAndDestroy())),
    ],
    ['closed in the body', (socket) => socket.once('data', () => socket.end(`${HEAD}content-length: 99\r\n\r\n{`))],
    [
      'closed in a chunk',
      (socket) => socket.once('data', () => socket.end(`${HEAD}transfer-encoding: chunked\r\n\r\n5\r\n{`)),
    ],
    ['no HTTP at all', (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n'))],
  ])('%s is a lost answer and is repeated twice', async (_, onConnection) => {
    for (const [tool, args] of [READ, WRITE]) {
      let connections = 0
      const upstream = await startRawUpstream((socket) => {
        connections++
        onConnection(socket)
      })
      const { callTool, waits } = await connectClient({ upstream })
      const result = await callTool(tool, { ...args })
      expect(textOf(result)).toMatch(
        /: Metronome's answer did not come, the connection broke \((\w+|what came is not valid HTTP)\)\./,
      )
      expect(outcomesIn(textOf(result))).toEqual(tool === WRITE[0] ? ['unknown'] : null)
      // A write without an answer is read back, which meets the same fault.
      const calls = tool === WRITE[0] ? 2 : 1
      expect({ connections, waits: waits.length }).toEqual({ connections: 3 * calls, waits: 2 * calls })
    }
  })

  test('a refused connection was never sent', async () => {
    const baseUrl = await findClosedAddress()
    for (const [tool, args] of [READ, WRITE]) {
      const { callTool, waits } = await connectClient({ upstream: { baseUrl } })
      const message = textOf(await callTool(tool, { ...args }))
      expect(message).toMatch(
        /Metronome was not reached, no connection \(ECONNREFUSED\)\. .*Check the network, the proxy and METRONOME_BASE_URL\./,
      )
      expect(outcomesIn(message)).toEqual(tool === WRITE[0] ? ['not_applied'] : null)
      expect(waits).toHaveLength(2)
    }
  })

  test.each(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])(
    'a network that goes away under an open connection (%s) may have taken the write',
    async (code) => {
      const cause = Object.assign(new Error(`read ${code}`), { code, syscall: 'read' })
      const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }))
      const { callTool } = await connectClient({ upstream: { fetch } })
      const message = textOf(await callTool(...WRITE))
      expect(message).toContain(`answer did not come, the connection broke (${code})`)
      expect(outcomesIn(message)).toEqual(['unknown'])
    },
  )

  test('an unknown host was never sent to', async () => {
    const { callTool } = await connectClient({ upstream: { baseUrl: 'http://metronome.invalid' } })
    const message = textOf(await callTool(...WRITE))
    expect(message).toMatch(/was not reached, no connection \((ENOTFOUND|EAI_AGAIN)\)/)
    expect(outcomesIn(message)).toEqual(['not_applied'])
  })
})

describe('what passes is repeated until it has passed', () => {
  test.each([408, 429, 500, 502, 503, 504])('a read after %i', async (status) => {
    const { message, upstream, waits } = await ask(READ, inTurn(answerWith(status), answerWith(200, ONE)))
    expect(message).toBe(JSON.stringify(ONE))
    expect([upstream.requests.length, waits.length]).toEqual([2, 1])
  })

  test.each([408, 429, 502, 503, 504])('a write after %i, with the same key and body', async (status) => {
    const { message, upstream } = await ask(WRITE, inTurn(answerWith(status), answerWith(status), answerWith(200, ONE)))
    expect(message).toBe(JSON.stringify(ONE))
    const [first, ...others] = upstream.requests
    expect(others).toEqual([first, first])
  })

  test('a read that was reset', async () => {
    const { message, upstream } = await ask(
      READ,
      inTurn((response) => response.destroy(), answerWith(200, ONE)),
    )
    expect(message).toBe(JSON.stringify(ONE))
    expect(upstream.requests).toHaveLength(2)
  })

  test('the reading POSTs too', async () => {
    const list = { data: [] }
    const tool = 'fetch-billing-provider-configurations-customer'
    const { message, upstream } = await ask([tool, { customer_id: ID }], inTurn(answerWith(500), answerWith(200, list)))
    expect(message).toBe(JSON.stringify(list))
    expect(upstream.requests.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined, undefined])
  })
})

describe('Retry-After', () => {
  test.each<[string, Record<string, string>, number, number]>([
    ['absent', {}, 125, 250],
    ['seconds', { 'retry-after': '2' }, 2_000, 2_000],
    ['zero', { 'retry-after': '0' }, 125, 250],
    ['milliseconds', { 'retry-after-ms': '1500' }, 1_500, 1_500],
    ['the longest that is waited for', { 'retry-after': '5' }, 5_000, 5_000],
    ['nonsense', { 'retry-after': 'soon' }, 125, 250],
    ['negative', { 'retry-after': '-5' }, 125, 250],
    ['a past date', { 'retry-after': 'Wed, 21 Oct 2015 07:28:00 GMT' }, 125, 250],
  ])('%s decides the wait', async (_, headers, shortest, longest) => {
    const { message, waits } = await ask(READ, inTurn(answerWith(429, '', headers), answerWith(200, ONE)), 20_000)
    expect(message).toBe(JSON.stringify(ONE))
    expect(waits).toHaveLength(1)
    expect(waits[0]).toBeGreaterThanOrEqual(shortest)
    expect(waits[0]).toBeLessThanOrEqual(longest)
  })

  test('as a date is waited for', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') })
    const headers = { 'retry-after': 'Thu, 01 Jan 2026 00:00:04 GMT' }
    const { waits } = await ask(READ, inTurn(answerWith(503, '', headers), answerWith(200, ONE)), 20_000)
    expect(waits).toEqual([4_000])
  })

  test.each([
    ['seconds', '6', /Wait 6 seconds\./],
    ['a year', '31536000', /Wait 31536000 seconds\./],
  ])('that is too long is told, not waited for (%s)', async (_, value, pattern) => {
    const { message, waits, upstream } = await ask(READ, answerWith(429, '', { 'retry-after': value }), 60_000)
    expect(message).toMatch(pattern)
    expect([waits.length, upstream.requests.length]).toEqual([0, 1])
  })

  test('beyond the budget of the call is told, not waited for', async () => {
    const { message, waits } = await ask(READ, answerWith(503, '', { 'retry-after': '3' }), 1_000)
    expect(message).toMatch(/answered 503.*Wait 3 seconds\./)
    expect(waits).toEqual([])
  })
})

describe('cancellation', () => {
  test.each([
    ['a read', READ],
    ['a write', WRITE],
  ])('of %s ends the request at the upstream', async (_, [tool, args]) => {
    const canceller = new AbortController()
    let closed = false
    const upstream = await startUpstream((response) => {
      response.on('close', () => {
        closed = true
      })
      canceller.abort('changed my mind')
    })
    const { mcp, logLines } = await connectClient({ upstream: { baseUrl: upstream.baseUrl } })
    const call = mcp.callTool({ name: tool, arguments: { ...args } }, undefined, { signal: canceller.signal })
    await expect(call).rejects.toThrow('changed my mind')
    await vi.waitFor(() => expect(closed).toBe(true))
    expect(upstream.requests).toHaveLength(1)
    const key = upstream.requests[0]?.headers['idempotency-key']
    await vi.waitFor(() => {
      expect(logLines.filter((line) => line.startsWith('warn'))).toEqual(
        key ? [`warn write-cancelled ${JSON.stringify({ tool, 'idempotency-key': key, outcome: 'unknown' })}`] : [],
      )
    })
  })
})
