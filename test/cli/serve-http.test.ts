import { EventEmitter, once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfig } from '../../src/cli/config.ts'
import { parseOptions } from '../../src/cli/options.ts'
import { serveHttp } from '../../src/cli/serve-http.ts'
import { createLog } from '../../src/log.ts'
import { describeServer } from '../../src/mcp/server-info.ts'
import { KEY } from '../support/harness.ts'
import { CUSTOMER_ID, callTool, getCustomer, type HttpResponse, send, TOKEN } from '../support/http.ts'
import { openSocket } from '../support/listeners.ts'
import { startProgram } from '../support/program.ts'
import { answerWith, inTurn, startUpstream } from '../support/upstream.ts'

const CUSTOMER = { data: { id: CUSTOMER_ID, name: 'Acme' } }
const ARCHIVE = callTool('archive-customer', { id: CUSTOMER_ID })
const withToken = { METRONOME_MCP_AUTH_TOKEN: TOKEN }

interface Service {
  readonly url: string
  readonly lines: readonly string[]
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number>
}

/** `--http` in this process, with the environment given. */
async function serve(environment: Record<string, string>, argv: readonly string[] = []): Promise<Service> {
  const config = readConfig(
    { environment, envFile: {}, dotEnv: {}, readFile: () => '' },
    parseOptions(['--http', '--port', '0', '--drain-ms', '100', ...argv]),
  )
  if (!config.http) throw new Error('--http was given')
  const lines: string[] = []
  const signals = new EventEmitter()
  let onExit = (_code: number): void => {}
  const exited = new Promise<number>((resolve) => {
    onExit = resolve
  })
  await serveHttp({
    config,
    http: config.http,
    info: describeServer(),
    log: createLog('debug', 'text', (line) => lines.push(line)),
    signals,
    exit: onExit,
  })
  const stop = (): Promise<number> => {
    signals.emit('SIGTERM')
    return exited
  }
  onTestFinished(async () => void (await stop()))
  return { url: lines.join('\n').match(/http:\/\/[^/]+/)?.[0] ?? '', lines, stop }
}

function get(url: string, path: string, headers = {}): Promise<HttpResponse> {
  return send(url, { method: 'GET', path, headers })
}

describe('/readyz', () => {
  test('calls no Metronome and needs no token', async () => {
    const upstream = await startUpstream(answerWith(200, CUSTOMER))
    const { url } = await serve({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl, ...withToken })
    expect(await get(url, '/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
    expect(await get(url, '/readyz')).toMatchObject({ status: 200, text: 'ready\n' })
    expect(upstream.requests).toEqual([])
  })

  test('says that a key is missing, which --passthrough does not need', async () => {
    const { url } = await serve({})
    expect(await get(url, '/readyz')).toMatchObject({ status: 503, text: 'METRONOME_API_KEY is not set\n' })
    expect(await get(url, '/healthz')).toMatchObject({ status: 200 })
    const { url: withClientKeys } = await serve({}, ['--passthrough'])
    expect(await get(withClientKeys, '/readyz')).toMatchObject({ status: 200 })
  })
})

describe('/metrics', () => {
  test('needs the token when there is one', async () => {
    const { url } = await serve({ METRONOME_API_KEY: KEY, ...withToken })
    expect(await get(url, '/metrics')).toMatchObject({ status: 401 })
    expect(await get(url, '/metrics', { authorization: `Bearer ${TOKEN}` })).toMatchObject({ status: 200 })
  })

  test('counts calls by outcome and duration, retries and rejected requests', async () => {
    const upstream = await startUpstream(
      inTurn(answerWith(200, CUSTOMER), answerWith(503), answerWith(200, CUSTOMER), answerWith(404, { message: 'no' })),
    )
    const { url } = await serve({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl })
    for (const body of [getCustomer(), getCustomer(), getCustomer(), callTool('get-customer', { customer_id: 7 })])
      await send(url, { body })
    await send(url, { path: '/nowhere' })
    const { text, headers } = await get(url, '/metrics')
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    const lines = text.split('\n').filter((line) => !/^#|_bucket|_sum/.test(line))
    expect(lines.filter(Boolean)).toMatchInlineSnapshot(`
      [
        "metronome_calls_total{tool="get-customer",result="success"} 2",
        "metronome_calls_total{tool="get-customer",result="upstream_rejected"} 1",
        "metronome_calls_total{tool="get-customer",result="invalid_arguments"} 1",
        "metronome_call_duration_seconds_count{tool="get-customer"} 4",
        "metronome_upstream_retries_total 1",
        "metronome_http_rejected_total{check="path",status="404"} 1",
        "metronome_requests_in_flight 0",
        "metronome_requests_waiting 0",
      ]
    `)
  })
})

describe('shutdown', () => {
  test('sends the outcome of an interrupted write, and asks to repeat an interrupted read', async () => {
    const upstream = await startUpstream(() => {})
    const service = await serve({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl })
    const [write, read] = [send(service.url, { body: ARCHIVE }), send(service.url, { body: getCustomer() })]
    while (upstream.requests.length < 2) await new Promise(setImmediate)
    expect(await service.stop()).toBe(0)
    expect((await write).text).toContain('Outcome: unknown')
    expect((await read).text).toMatch(/stopping|again/)
    expect(service.lines.filter((line) => line.includes('write-outcome-unknown'))).toHaveLength(1)
  })

  test('a rejected write that waits for its retry was not applied', async () => {
    const upstream = await startUpstream(answerWith(429, { message: 'slow down' }, { 'retry-after': '4' }))
    const service = await serve({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl })
    const write = send(service.url, { body: ARCHIVE })
    const hasRetried = async () =>
      (await get(service.url, '/metrics')).text.includes('metronome_upstream_retries_total 1')
    while (!(await hasRetried())) await new Promise(setImmediate)
    expect(await service.stop()).toBe(0)
    expect((await write).text).toMatch(/slow down.*Outcome: not_applied/)
    expect(service.lines.join('\n')).not.toContain('write-outcome-unknown')
  })
})

describe('the program', () => {
  const start = (args: readonly string[], env: Record<string, string> = {}) =>
    startProgram({ args: ['--http', '--sandbox', ...args], env })

  test.each([
    ['an invalid port', ['--port', 'x'], {}],
    ['an exposed address', ['--host', '0.0.0.0'], {}],
    ['a short token', [], { METRONOME_MCP_AUTH_TOKEN: 'short' }],
  ])('ends with 2 and one line for %s', async (_, args, env) => {
    const program = start(args, env)
    expect(await program.ended).toEqual({ code: 2, signal: null })
    expect(program.stderr()).toMatch(/^metronome-customers-mcp: .*\n$/)
  })

  test('ends with 1 and names the port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as { port: number } // it listens on TCP
    const program = start(['--port', String(port)], { METRONOME_LOG: 'warn' })
    expect(await program.ended).toEqual({ code: 1, signal: null })
    expect(program.stderr()).toBe(
      `metronome-customers-mcp: 127.0.0.1:${port} is in use already; stop what listens there, or choose another port.\n`,
    )
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('drains once for two times %s', async (signal) => {
    const program = start(['--port', '0', '--drain-ms', '100'])
    await program.seeOnStderr('listening')
    program.child.kill(signal)
    await program.seeOnStderr('draining')
    program.child.kill(signal)
    expect(await program.ended).toEqual({ code: 0, signal: null })
    expect(program.stderr().match(/draining/g)).toHaveLength(1)
  })

  test('ignores the end of stdin, logs JSON without the token, and ends with 0 on SIGTERM', async () => {
    const program = start(['--port', '0', '--log-format', 'json', '--drain-ms', '100'], withToken)
    program.child.stdin.end()
    await program.seeOnStderr('listening')
    program.child.kill('SIGTERM')
    expect(await program.ended).toEqual({ code: 0, signal: null })
    const events = program
      .stderr()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.map(({ event }) => event)).toEqual(['sandbox-enabled', 'listening', 'draining'])
    expect(events[1]).toEqual({ time: expect.any(String), level: 'info', event: 'listening', url: expect.any(String) })
    expect(program.stderr()).not.toContain(TOKEN)
  })

  // Only Linux tells how much memory another process uses.
  test.runIf(existsSync('/proc/self/status'))('1,000 abandoned connections leave at most 60 MiB behind', async () => {
    const program = start(['--port', '0'])
    await program.seeOnStderr('/mcp')
    const url = /url=(http:\/\/[^/]+)/.exec(program.stderr())?.[1] ?? ''
    const port = Number(new URL(url).port)
    const readMemory = (): number =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'))?.[1]) / 1024
    const abandon = (count: number) =>
      Promise.all(Array.from({ length: count }, (_, index) => abandonConnection(port, index)))
    await abandon(20)
    const before = readMemory()
    for (let round = 0; round < 10; round++) await abandon(100)
    const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
    expect(await send(url, { body: ping })).toMatchObject({ status: 200 })
    expect(readMemory() - before).toBeLessThan(60)
  })
})

/** Leaves within the headers, within the body, or before the response. */
async function abandonConnection(port: number, index: number): Promise<void> {
  const socket = await openSocket(port)
  const body = getCustomer(index)
  const head = `POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`
  const texts = [head.slice(0, 60), head + body.slice(0, 20), head + body]
  socket.write(texts[index % texts.length] ?? '')
  socket.destroy()
  await once(socket, 'close')
}
