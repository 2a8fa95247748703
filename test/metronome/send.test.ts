import type { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { callUpstream, callWith, ONE, READ, READ_AND_WRITE, WRITE } from '../support/call-upstream.ts'
import { connectClient, createHarness } from '../support/harness.ts'
import { answerWith, findClosedAddress, type Responder, startRawUpstream, startUpstream } from '../support/upstream.ts'

const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'
const sendNothing: Responder = () => {}
const sendHeaders: Responder = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.flushHeaders()
}
const sendEndlessBody: Responder = (response, ...rest) => {
  sendHeaders(response, ...rest)
  const timer = setInterval(() => response.write(' '), 20)
  response.on('close', () => clearInterval(timer))
}

/** Only a write has an outcome. */
const outcomeOf = (tool: string, outcome: string) => (tool === WRITE[0] ? outcome : undefined)

describe('one deadline covers headers and body', () => {
  test.each([
    ['no headers', sendNothing],
    ['headers without a body', sendHeaders],
    ['a body without an end', sendEndlessBody],
  ])('%s', async (_, respond) => {
    const read = await callUpstream(READ, respond, { timeoutMs: 300 })
    expect(read.result).toMatchObject({
      code: 'timed_out',
      message: expect.stringMatching(/^get-customer: No response from Metronome: no response within \d+ ms\. Try/),
    })
    // The budget is used up, so there is no retry.
    expect(read.attempts).toHaveLength(1)

    const write = await callUpstream(WRITE, respond, { timeoutMs: 600 })
    expect(write.result).toMatchObject({ code: 'timed_out', outcome: 'unknown' })
    const keys = write.attempts.map(({ headers }) => headers['idempotency-key'])
    expect(keys.length).toBeGreaterThanOrEqual(1)
    expect(keys.length).toBeLessThanOrEqual(3)
    expect(new Set(keys).size).toBe(1)
  })
})

describe('a connection that closes before the response is complete means no response, and two retries', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['reset before the headers', (socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['closed before the headers', (socket) => socket.once('data', () => socket.end())],
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
    ['closed after something that is not HTTP', (socket) => socket.once('data', () => socket.end('SSH-2.0-SSH\r\n'))],
  ])('%s', async (_, onConnection) => {
    for (const [tool, args] of READ_AND_WRITE) {
      let connections = 0
      const { baseUrl } = await startRawUpstream((socket) => {
        connections++
        onConnection(socket)
      })
      const harness = createHarness({ upstream: { baseUrl } })
      expect(await callWith(harness, [tool, args])).toMatchObject({
        code: 'no_response',
        outcome: outcomeOf(tool, 'unknown'),
        message: expect.stringMatching(
          /: No response from Metronome: connection closed \((\w+|invalid HTTP response)\)\./,
        ),
      })
      // A write without a response is verified, and the verification meets the same fault.
      const calls = tool === WRITE[0] ? 2 : 1
      expect({ connections, waits: harness.waits.length }).toEqual({ connections: 3 * calls, waits: 2 * calls })
    }
  })

  test.each(['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'])(
    'closed by a network that fails (%s)',
    async (errorCode) => {
      const cause = Object.assign(new Error(`read ${errorCode}`), { code: errorCode, syscall: 'read' })
      const fetch = () => Promise.reject(new TypeError('fetch failed', { cause }))
      expect(await callWith(createHarness({ upstream: { fetch } }), WRITE)).toMatchObject({
        code: 'no_response',
        outcome: 'unknown',
        message: expect.stringContaining(`connection closed (${errorCode})`),
      })
    },
  )
})

describe('a call without a connection was not sent', () => {
  test('when the address refuses connections', async () => {
    const baseUrl = await findClosedAddress()
    for (const [tool, args] of READ_AND_WRITE) {
      const harness = createHarness({ upstream: { baseUrl } })
      expect(await callWith(harness, [tool, args])).toMatchObject({
        code: 'no_response',
        outcome: outcomeOf(tool, 'not_applied'),
        message: expect.stringMatching(
          /Could not reach Metronome: no connection \(ECONNREFUSED\)\. .*Check the network, the proxy and METRONOME_BASE_URL\.$/,
        ),
      })
      expect(harness.waits).toHaveLength(2)
    }
  })

  test('when the host does not exist', async () => {
    const harness = createHarness({ upstream: { baseUrl: 'http://metronome.invalid' } })
    expect(await callWith(harness, WRITE)).toMatchObject({
      outcome: 'not_applied',
      message: expect.stringMatching(/no connection \((ENOTFOUND|EAI_AGAIN)\)/),
    })
  })
})

test.each([301, 302, 303, 307, 308])('the API key does not follow a redirect (%i)', async (status) => {
  const target = await startUpstream(answerWith(200, ONE))
  const { result, upstream } = await callUpstream(
    READ,
    answerWith(status, '', { location: `${target.baseUrl}/v1/customers` }),
  )
  expect(result).toMatchObject({ status, message: expect.stringContaining('redirects are not followed') })
  expect([upstream.requests.length, target.requests.length]).toEqual([1, 0])
})

test.each(READ_AND_WRITE)('a %s that the client cancels ends at the upstream, too', async (tool, args) => {
  const canceller = new AbortController()
  let isClosed = false
  const upstream = await startUpstream((response) => {
    response.on('close', () => {
      isClosed = true
    })
    canceller.abort('changed my mind')
  })
  const { mcp, logLines } = await connectClient({ upstream: { baseUrl: upstream.baseUrl } })
  const call = mcp.callTool({ name: tool, arguments: { ...args } }, undefined, { signal: canceller.signal })
  await expect(call).rejects.toThrow('changed my mind')
  await vi.waitFor(() => expect(isClosed).toBe(true))
  await vi.waitFor(() => expect(logLines.join()).toContain('"status":"cancelled"'))
  expect(upstream.requests).toHaveLength(1)
  const key = upstream.requests[0]?.headers['idempotency-key']
  expect(logLines.filter((line) => line.startsWith('warn'))).toEqual(
    key ? [`warn write-outcome-unknown ${JSON.stringify({ tool, 'idempotency-key': key })}`] : [],
  )
})

test.each<[string, unknown, string | undefined]>([
  ['is sent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`],
  ['of another version is not sent', `01-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, undefined],
  ['of zeros is not sent', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, undefined],
  ['with another header in it is not sent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01\r\nx: y`, undefined],
  ['that is not text is not sent', 5, undefined],
])('a traceparent %s', async (_, traceparent, expected) => {
  const { baseUrl, requests } = await startUpstream(answerWith(200, ONE))
  const harness = createHarness({ upstream: { baseUrl } })
  await callWith(harness, READ, { traceparent })
  expect(requests.map(({ headers }) => headers.traceparent)).toEqual([expected])
})
