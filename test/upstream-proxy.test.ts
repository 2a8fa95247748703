import { expect, test } from 'vitest'
import { createNetworkFetch } from '../src/upstream/network.ts'
import { ONE, outcomesIn, READ, WRITE } from './support/ask.ts'
import { connectClient, KEY, textOf } from './support/mcp.ts'
import { INITIALIZE, startProgram, toolCall } from './support/program.ts'
import { startProxy } from './support/proxy.ts'
import { answerWith, findClosedAddress, startUpstream } from './support/upstream.ts'

const portOf = (url: string) => Number(new URL(url).port)

test('a request goes through the tunnel of the proxy, and the proxy does not see the key', async () => {
  const upstream = await startUpstream(answerWith(200, ONE))
  const proxy = await startProxy(portOf(upstream.baseUrl))
  const fetch = createNetworkFetch({ httpProxy: proxy.url })
  const { callTool } = await connectClient({ upstream: { fetch, baseUrl: 'http://metronome.test' } })
  for (const [tool, args] of [READ, WRITE]) {
    expect(textOf(await callTool(tool, { ...args }))).toBe(JSON.stringify(ONE))
  }
  expect(new Set(proxy.wanted)).toEqual(new Set(['CONNECT metronome.test:80']))
  expect(proxy.headers.join()).not.toContain(KEY)
  expect(upstream.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${KEY}`, `Bearer ${KEY}`])
})

test('NO_PROXY is honoured', async () => {
  const upstream = await startUpstream(answerWith(200, ONE))
  const proxy = await startProxy(undefined)
  const fetch = createNetworkFetch({ httpProxy: proxy.url, noProxy: '127.0.0.1' })
  const { callTool } = await connectClient({ upstream: { fetch, baseUrl: upstream.baseUrl } })
  expect(textOf(await callTool(...READ))).toBe(JSON.stringify(ONE))
  expect(proxy.wanted).toEqual([])
})

test.each([
  ['that refuses', async () => (await startProxy(undefined)).url, /the proxy answered 502/],
  ['where nobody listens', findClosedAddress, /no connection \(ECONNREFUSED\)/],
])('a proxy %s is named, and the write was never sent', async (_, findProxy, reason) => {
  const fetch = createNetworkFetch({ httpsProxy: await findProxy() })
  const { callTool } = await connectClient({ upstream: { fetch, baseUrl: 'https://metronome.test' } })
  const message = textOf(await callTool(...WRITE))
  expect(message).toMatch(reason)
  expect(message).toContain('Metronome was not reached')
  expect(outcomesIn(message)).toEqual(['not_applied'])
})

/** What the built program does with these variables: one read. */
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

test.each(['HTTPS_PROXY', 'https_proxy'])('the program honours %s and says nothing about it', async (name) => {
  const proxy = await startProxy(undefined)
  const { text, stderr } = await readWith({ [name]: proxy.url })
  expect(proxy.wanted[0]).toBe('CONNECT api.metronome.com:443')
  expect(proxy.headers.join()).not.toContain(KEY)
  expect(text).toContain('the proxy answered 502. Check the network, the proxy')
  expect(stderr).toBe('')
})

test('the program never sends loopback through a proxy', async () => {
  const upstream = await startUpstream(answerWith(200, ONE))
  const proxy = await startProxy(undefined)
  const env = { HTTP_PROXY: proxy.url, HTTPS_PROXY: proxy.url, METRONOME_BASE_URL: upstream.baseUrl }
  expect((await readWith(env)).text).toContain(ONE.data.id)
  expect(proxy.wanted).toEqual([])
})
