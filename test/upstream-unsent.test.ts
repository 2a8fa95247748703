import type { Socket } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import type { Upstream } from '../src/upstream/attempt.ts'
import { UnsentError } from '../src/upstream/errors.ts'
import { createNetworkFetch } from '../src/upstream/network.ts'
import { outcomesIn, READ, WRITE } from './support/ask.ts'
import { connectClient, textOf } from './support/mcp.ts'
import { startRawUpstream } from './support/upstream.ts'

const behindProxy = (httpsProxy: string): Partial<Upstream> => ({
  baseUrl: 'https://metronome.test',
  fetch: createNetworkFetch({ httpsProxy }),
})

/** Ways to Metronome that end at a socket which never says anything. */
const DEAD_ENDS: [string, (silent: string) => Partial<Upstream>][] = [
  ['a server that does not answer in TLS', (url) => ({ baseUrl: url.replace('http:', 'https:') })],
  ['a proxy that does not answer', (url) => behindProxy(url)],
]

describe('without a connection nothing was sent', () => {
  /** Takes connections and says nothing, not even in TLS. */
  const startSilence = async () => {
    let open = 0
    const { baseUrl } = await startRawUpstream((socket) => {
      open++
      socket.on('close', () => open--)
    })
    return { baseUrl, open: () => open }
  }

  test.each(DEAD_ENDS)('%s: the deadline holds, and says so', async (_, reach) => {
    const { baseUrl } = await startSilence()
    for (const [tool, args] of [READ, WRITE]) {
      const startedAt = Date.now()
      const { callTool } = await connectClient({ upstream: reach(baseUrl), timeoutMs: 500 })
      const message = textOf(await callTool(tool, { ...args }))
      expect(Date.now() - startedAt).toBeLessThan(3_000)
      expect(message).toMatch(/Metronome was not reached, no connection within \d+ ms\./)
      expect(outcomesIn(message)).toEqual(tool === WRITE[0] ? ['not_applied'] : null)
    }
  })

  test.each(DEAD_ENDS)('a call that waits for %s can be cancelled, and its write leaves no doubt', async (_, reach) => {
    const silence = await startSilence()
    const canceller = new AbortController()
    const { mcp, logLines } = await connectClient({ upstream: reach(silence.baseUrl) })
    const [name, args] = WRITE
    const call = mcp.callTool({ name, arguments: { ...args } }, undefined, { signal: canceller.signal })
    await vi.waitFor(() => expect(silence.open()).toBe(1))
    canceller.abort('changed my mind')
    await expect(call).rejects.toThrow('changed my mind')
    await vi.waitFor(() => expect(logLines.join()).toContain('CancelledError'))
    expect(logLines.filter((line) => line.startsWith('warn'))).toEqual([])
  })

  test('a request whose time is over already is not sent', async () => {
    const { baseUrl, open } = await startSilence()
    const init = { method: 'GET', headers: new Headers(), signal: AbortSignal.abort(), redirect: 'manual' } as const
    await expect(createNetworkFetch()(baseUrl, init)).rejects.toThrow(UnsentError)
    expect(open()).toBe(0)
  })

  test.each<[string, (socket: Socket) => void]>([
    ['hangs up', (socket) => socket.once('data', () => socket.end())],
    ['resets the connection', (socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['speaks no HTTP', (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n'))],
    [
      'hangs up in the handshake of TLS',
      (socket) =>
        socket.once('data', () => {
          socket.once('data', () => socket.destroy())
          socket.write('HTTP/1.1 200 OK\r\n\r\n')
        }),
    ],
  ])('a proxy that %s is asked once an attempt', async (_, onConnection) => {
    let connections = 0
    const { baseUrl } = await startRawUpstream((socket) => {
      connections++
      onConnection(socket)
    })
    const { callTool } = await connectClient({ upstream: behindProxy(baseUrl) })
    const message = textOf(await callTool(...WRITE))
    expect(message).toMatch(
      /Metronome was not reached, no connection \((\w+|what came is not valid HTTP)\)\. Tried 3 times/,
    )
    expect(outcomesIn(message)).toEqual(['not_applied'])
    expect(connections).toBe(3)
  })
})
