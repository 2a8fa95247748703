import type { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { createNetworkFetch } from '../../src/metronome/fetch.ts'
import { buildRequest } from '../../src/metronome/request.ts'
import { createSend, type Upstream } from '../../src/metronome/send.ts'
import { callWith, ONE, READ, READ_AND_WRITE, WRITE } from '../support/call-upstream.ts'
import { connectClient, createHarness, KEY, operationOf } from '../support/harness.ts'
import { INITIALIZE, startProgram, toolCall } from '../support/program.ts'
import { startProxy } from '../support/proxy.ts'
import { startUntrusted } from '../support/tls.ts'
import { answerWith, findClosedAddress, startRawUpstream, startUpstream } from '../support/upstream.ts'

const portOf = (url: string) => Number(new URL(url).port)

const behindProxy = (httpsProxy: string): Partial<Upstream> => ({
  baseUrl: 'https://metronome.test',
  fetch: createNetworkFetch({ httpsProxy }),
})

test('a request goes through the tunnel of the proxy, which does not see the API key', async () => {
  const upstream = await startUpstream(answerWith(200, ONE))
  const proxy = await startProxy(portOf(upstream.baseUrl))
  const fetch = createNetworkFetch({ httpProxy: proxy.url })
  const harness = createHarness({ upstream: { fetch, baseUrl: 'http://metronome.test' } })
  for (const call of READ_AND_WRITE) expect(await callWith(harness, call)).toEqual({ ok: true, body: ONE })
  expect(new Set(proxy.requests)).toEqual(new Set(['CONNECT metronome.test:80']))
  expect(proxy.headers.join()).not.toContain(KEY)
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${KEY}`, `Bearer ${KEY}`])
})

test('nothing is sent through a tunnel that opens after the attempt has ended', async () => {
  const upstream = await startUpstream(answerWith(200, ONE))
  const proxy = await startProxy(portOf(upstream.baseUrl), 400)
  const send = createSend({
    fetch: createNetworkFetch({ httpProxy: proxy.url }),
    baseUrl: 'http://metronome.test',
  })
  const request = buildRequest(operationOf(WRITE[0]), WRITE[1])
  const options = { apiKey: KEY, redact: (text: string) => text }
  expect(await send(request, { ...options, attemptMs: 200 })).toMatchObject({ kind: 'not_sent', cause: 'timeout' })
  // A later request that waits for the same tunnel shows that it has opened.
  expect(await send(request, { ...options, attemptMs: 5_000 })).toMatchObject({ kind: 'response', status: 200 })
  expect(upstream.requests).toHaveLength(1)
})

test('a host in NO_PROXY is reached directly', async () => {
  const { baseUrl } = await startUpstream(answerWith(200, ONE))
  const proxy = await startProxy(undefined)
  const fetch = createNetworkFetch({ httpProxy: proxy.url, noProxy: '127.0.0.1' })
  expect(await callWith(createHarness({ upstream: { fetch, baseUrl } }), READ)).toEqual({ ok: true, body: ONE })
  expect(proxy.requests).toEqual([])
})

test.each<[string, (port: number) => Promise<Partial<Upstream>>]>([
  ['directly', async (port) => ({ baseUrl: `https://127.0.0.1:${port}`, fetch: createNetworkFetch() })],
  ['through a proxy', async (port) => behindProxy((await startProxy(port)).url)],
])(
  'a certificate that is not trusted, %s, is told with the variable to set, and the write was not sent',
  async (_, find) => {
    const harness = createHarness({ upstream: await find(await startUntrusted()) })
    const message = expect.stringMatching(/\(DEPTH_ZERO_SELF_SIGNED_CERT\)\. .*set NODE_EXTRA_CA_CERTS to the file/)
    expect(await callWith(harness, READ)).toMatchObject({ code: 'no_response', message })
    expect(await callWith(harness, WRITE)).toMatchObject({ code: 'no_response', outcome: 'not_applied', message })
  },
)

test.each([
  ['that rejects the tunnel', async () => (await startProxy(undefined)).url, /the proxy responded 502/],
  ['that is not running', findClosedAddress, /no connection \(ECONNREFUSED\)/],
])('a proxy %s is reported, and the write was not sent', async (_, findProxy, message) => {
  const harness = createHarness({ upstream: behindProxy(await findProxy()) })
  expect(await callWith(harness, WRITE)).toMatchObject({
    code: 'no_response',
    outcome: 'not_applied',
    message: expect.stringMatching(message),
  })
})

test.each<[string, (socket: Socket) => void]>([
  ['closes the connection', (socket) => socket.once('data', () => socket.end())],
  ['resets the connection', (socket) => socket.once('data', () => socket.resetAndDestroy())],
  ['does not speak HTTP', (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n'))],
  [
    'closes the connection in the TLS handshake',
    (socket) =>
      socket.once('data', () => {
        socket.once('data', () => socket.destroy())
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
      }),
  ],
])('a proxy that %s is connected to once an attempt', async (_, onConnection) => {
  let connections = 0
  const { baseUrl } = await startRawUpstream((socket) => {
    connections++
    onConnection(socket)
  })
  expect(await callWith(createHarness({ upstream: behindProxy(baseUrl) }), WRITE)).toMatchObject({
    outcome: 'not_applied',
    message: expect.stringMatching(
      /Could not reach Metronome: no connection \((\w+|invalid HTTP response)\)\. Sent 3 t/,
    ),
  })
  expect(connections).toBe(3)
})

describe('a connection that is never established', () => {
  const UNRESPONSIVE: [string, (url: string) => Partial<Upstream>][] = [
    ['with a server that does not respond in TLS', (url) => ({ baseUrl: url.replace('http:', 'https:') })],
    ['with a proxy that does not respond', (url) => behindProxy(url)],
  ]

  /** Accepts connections and never responds, not even in TLS. */
  async function startUnresponsive() {
    let open = 0
    const { baseUrl } = await startRawUpstream((socket) => {
      open++
      socket.on('close', () => open--)
    })
    return { baseUrl, open: () => open }
  }

  test.each(UNRESPONSIVE)('%s ends at the deadline as not sent', async (_, reach) => {
    const { baseUrl } = await startUnresponsive()
    for (const [tool, args] of READ_AND_WRITE) {
      const startedAt = performance.now()
      const harness = createHarness({ upstream: reach(baseUrl), timeoutMs: 500 })
      expect(await callWith(harness, [tool, args])).toMatchObject({
        code: 'timed_out',
        outcome: tool === WRITE[0] ? 'not_applied' : undefined,
        message: expect.stringMatching(/Could not reach Metronome: no connection within \d+ ms\./),
      })
      expect(performance.now() - startedAt).toBeLessThan(3_000)
    }
  })

  test.each(UNRESPONSIVE)('%s can be cancelled, and the write was not sent', async (_, reach) => {
    const { baseUrl, open } = await startUnresponsive()
    const canceller = new AbortController()
    const { mcp, logLines } = await connectClient({ upstream: reach(baseUrl) })
    const [name, args] = WRITE
    const call = mcp.callTool({ name, arguments: { ...args } }, undefined, { signal: canceller.signal })
    await vi.waitFor(() => expect(open()).toBe(1))
    canceller.abort('changed my mind')
    await expect(call).rejects.toThrow('changed my mind')
    await vi.waitFor(() => expect(logLines.join()).toContain('"status":"cancelled"'))
    expect(logLines.filter((line) => line.startsWith('warn'))).toEqual([])
  })
})

describe('the program', () => {
  /** Makes one read with these variables set. */
  async function readWith(env: Record<string, string>): Promise<{ text: string; stderr: string }> {
    const program = startProgram({ env: { METRONOME_API_KEY: KEY, METRONOME_TIMEOUT_MS: '1000', ...env } })
    program.send(INITIALIZE)
    program.send(toolCall(1, ...READ))
    await program.receive()
    const { result } = await program.receive()
    program.child.stdin.end()
    await program.ended
    return { text: JSON.stringify(result), stderr: program.stderr() }
  }

  test.each(['HTTPS_PROXY', 'https_proxy'])('uses the proxy in %s and writes nothing about it', async (name) => {
    const proxy = await startProxy(undefined)
    const { text, stderr } = await readWith({ [name]: proxy.url })
    expect(proxy.requests[0]).toBe('CONNECT api.metronome.com:443')
    expect(proxy.headers.join()).not.toContain(KEY)
    expect(text).toContain('the proxy responded 502. Check the network, the proxy')
    expect(stderr).toBe('')
  })

  test('never sends requests to loopback through a proxy', async () => {
    const upstream = await startUpstream(answerWith(200, ONE))
    const proxy = await startProxy(undefined)
    const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, METRONOME_BASE_URL: upstream.baseUrl }
    expect((await readWith(env)).text).toContain(ONE.data.id)
    expect(proxy.requests).toEqual([])
  })
})
