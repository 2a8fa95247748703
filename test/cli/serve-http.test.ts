import { EventEmitter, once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseCommandLine } from '../../src/cli/config/command-line.ts'
import { readConfig } from '../../src/cli/config/config.ts'
import { OPTIONS } from '../../src/cli/config/options.ts'
import { serveHttp } from '../../src/cli/serve-http.ts'
import { createLog } from '../../src/log.ts'
import { describeServer } from '../../src/mcp/server-info.ts'
import { createRedactor } from '../../src/sanitize.ts'
import { VERSION } from '../../src/version.ts'
import { KEY } from '../support/harness.ts'
import {
  CUSTOMER_ID,
  callTool,
  getCustomer,
  type HttpRequest,
  type HttpResponse,
  send,
  TOKEN,
} from '../support/http.ts'
import { formatRequest, openSocket } from '../support/listeners.ts'
import { startProgram } from '../support/program.ts'
import { answerWith, inTurn, startUpstream } from '../support/upstream.ts'

const CUSTOMER = { data: { id: CUSTOMER_ID, name: 'Acme' } }
const ARCHIVE = callTool('archive-customer', { id: CUSTOMER_ID })
const JSON_BODY = { 'content-type': 'application/json' }
const withToken = { METRONOME_MCP_AUTH_TOKEN: TOKEN }

interface Service {
  readonly url: string
  /** Empty without `--rest`. */
  readonly restUrl: string
  readonly lines: readonly string[]
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number>
}

/** `--http` in this process, with the environment given; each file has the same text. */
async function serve(
  environment: Record<string, string>,
  argv: readonly string[] = [],
  fileText = '',
): Promise<Service> {
  const config = readConfig(
    { environment, envFile: {}, dotEnv: {}, readFile: () => fileText },
    parseCommandLine(['--http', '--port', '0', '--drain-ms', '100', ...argv], OPTIONS).options,
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
    redact: createRedactor([config.apiKey, ...config.http.tokens]),
    signals,
    exit: onExit,
  })
  const stop = (): Promise<number> => {
    signals.emit('SIGTERM')
    return exited
  }
  onTestFinished(async () => void (await stop()))
  const [url = '', restUrl = ''] = lines.join('\n').match(/http:\/\/[^/]+/g) ?? []
  return { url, restUrl, lines, stop }
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
    for (const name of ['get-custmer', 'delete-customer']) await send(url, { body: callTool(name, {}) })
    await send(url, { path: '/nowhere' })
    const { text, headers } = await get(url, '/metrics')
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    const lines = text.split('\n').filter((line) => line.startsWith('metronome_') && !/_bucket|_sum|_info/.test(line))
    expect(lines).toMatchInlineSnapshot(`
      [
        "metronome_calls_total{tool="get-customer",result="success"} 2",
        "metronome_calls_total{tool="get-customer",result="upstream_rejected"} 1",
        "metronome_calls_total{tool="get-customer",result="invalid_arguments"} 1",
        "metronome_calls_total{tool="unknown tool",result="unknown_tool"} 2",
        "metronome_call_duration_seconds_count{tool="get-customer"} 4",
        "metronome_call_duration_seconds_count{tool="unknown tool"} 2",
        "metronome_upstream_retries_total 1",
        "metronome_http_rejected_total{check="path",status="404"} 1",
        "metronome_requests_in_flight 0",
        "metronome_requests_waiting 0",
      ]
    `)
  })

  test('has the version, and the metrics of the process that dashboards use', async () => {
    const { url } = await serve({ METRONOME_API_KEY: KEY })
    const { text } = await get(url, '/metrics')
    expect(text).toContain(`metronome_build_info{version="${VERSION}"} 1\n`)
    expect(text).toContain(`nodejs_version_info{version="${process.version}"`)
    const names = [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'process_start_time_seconds',
      'nodejs_eventloop_lag_seconds',
      'nodejs_eventloop_lag_p99_seconds',
      'nodejs_heap_size_used_bytes',
    ]
    for (const name of names) expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'))
  })
})

describe('a rejected request', () => {
  const rejections = (lines: readonly string[]) => lines.filter((line) => line.includes('request-rejected'))

  test('is logged at info with its route and peer, but at debug when a client only asks for a stream', async () => {
    const { url, restUrl, lines } = await serve({ METRONOME_API_KEY: KEY }, ['--rest', '--rest-port', '0'])
    for (const method of ['GET', 'DELETE']) expect(await send(url, { method })).toMatchObject({ status: 405 })
    await get(url, '/nowhere')
    await send(url, { body: '{' })
    await send(restUrl, { path: `/v1/v1/customers/${CUSTOMER_ID}/setName`.toLowerCase(), method: 'PUT' })
    await get(restUrl, '/v1/secret')
    expect(rejections(lines)).toEqual([
      'debug request-rejected check=method status=405 method=GET route=/mcp peer=127.0.0.1',
      'debug request-rejected check=method status=405 method=DELETE route=/mcp peer=127.0.0.1',
      'info request-rejected check=path status=404 method=GET route="unknown path" peer=127.0.0.1',
      'info request-rejected check=parse status=400 method=POST route=/mcp peer=127.0.0.1',
      'debug request-rejected check=method status=405 method=PUT route=/v1/v1/customers/{customer-id}/setname peer=127.0.0.1',
      'info request-rejected check=path status=404 method=GET route="unknown path" peer=127.0.0.1',
    ])
  })

  test.each([
    ['evil.example', 'evil.example'],
    ['mcp.example.com.:443', 'mcp.example.com.:443'],
    ['a\u0085\u009b[2J', 'a\\u{85}\\u{9b}[2J'],
    [`${'x'.repeat(90)}\u0085${'y'.repeat(20)}`, `${'x'.repeat(90)}\\u{85}yyyy`],
    [`${'x'.repeat(95)}${KEY}`, `${'x'.repeat(95)}[reda`],
  ])('with Host %j names it, escaped and cut', async (host, shown) => {
    const { url, lines } = await serve({ METRONOME_API_KEY: KEY })
    expect(await get(url, '/readyz', { host })).toMatchObject({ status: 403 })
    expect(rejections(lines)).toEqual([
      `info request-rejected check=host status=403 method=GET route=/readyz peer=127.0.0.1 host=${shown}`,
    ])
  })
})

describe('limits', () => {
  const batch = (path: string) => {
    const calls = Array.from({ length: 10 }, (_, id) => JSON.parse(getCustomer(id)))
    return { path, body: JSON.stringify(calls) }
  }

  test('while 1,000 requests to Metronome wait, further calls get 429 on both ports', async () => {
    const upstream = await startUpstream(() => {})
    const { url, restUrl, stop } = await serve({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl }, [
      '--rest',
      '--rest-port',
      '0',
    ])
    const waiting = Array.from({ length: 105 }, () => send(url, batch('/mcp')))
    while (!(await get(url, '/metrics')).text.includes('metronome_requests_waiting 1000'))
      await new Promise(setImmediate)
    const customer = `/v1/v1/customers/${CUSTOMER_ID}`
    for (const rejected of [await send(url, { body: getCustomer() }), await get(restUrl, customer)])
      expect(rejected).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
    expect(await get(url, '/readyz')).toMatchObject({ status: 200 })
    await stop()
    await Promise.all(waiting)
  })

  test('MCP and REST share the bytes of the bodies in flight', async () => {
    const { url, restUrl } = await serve({ METRONOME_API_KEY: KEY }, ['--rest', '--rest-port', '0'])
    const announce = async (to: string, path: string) => {
      const socket = await openSocket(Number(new URL(to).port))
      const headers = { ...JSON_BODY, 'content-length': String(512 * 1024), expect: '100-continue' }
      socket.write(formatRequest({ method: 'POST', target: path, headers }))
      return String(await once(socket, 'data')).split('\r\n', 1)[0]
    }
    const announced = await Promise.all([
      ...Array.from({ length: 32 }, () => announce(url, '/mcp')),
      ...Array.from({ length: 32 }, () => announce(restUrl, '/v1/v1/customers')),
    ])
    expect(new Set(announced)).toEqual(new Set(['HTTP/1.1 100 Continue']))
    expect(await announce(url, '/mcp')).toBe('HTTP/1.1 429 Too Many Requests')
    expect(await announce(restUrl, '/v1/v1/customers')).toBe('HTTP/1.1 429 Too Many Requests')
  })

  test.each([
    [[], '65'],
    [['--keep-alive-seconds', '620'], '620'],
  ])('an idle connection stays open as %j says', async (argv, seconds) => {
    const { url } = await serve({ METRONOME_API_KEY: KEY }, argv)
    const { headers } = await get(url, '/healthz', { connection: 'keep-alive' })
    expect(headers['keep-alive']).toBe(`timeout=${seconds}`)
  })
})

const podAddresses = Object.values(networkInterfaces())
  .flatMap((found) => found ?? [])
  .filter(({ internal, scopeid }) => !internal && !scopeid)
  .map(({ address, family }) => ({ address: family === 'IPv6' ? `[${address}]` : address, family }))

describe.runIf(podAddresses.length > 0)('on all addresses of a pod', () => {
  const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })
  const authorization = `Bearer ${TOKEN}`

  async function serveOn(host: string, address: string): Promise<{ url: string; port: string }> {
    const argv = ['--host', host, '--allowed-hosts', 'mcp.example.com']
    const { port } = new URL((await serve({ METRONOME_API_KEY: KEY, ...withToken }, argv)).url)
    return { url: `http://${address}:${port}`, port }
  }

  test.each(podAddresses)('$address reaches every route', async ({ address, family }) => {
    const { url } = await serveOn(family === 'IPv6' ? '::' : '0.0.0.0', address)
    const status = async (request: HttpRequest) => (await send(url, request)).status
    const GET = { method: 'GET' }
    // Probes have no token.
    expect(await status({ ...GET, path: '/healthz' })).toBe(200)
    expect(await status({ ...GET, path: '/readyz' })).toBe(200)
    for (const request of [{ ...GET, path: '/metrics' }, { body: ping }]) {
      const statusWith = (headers: HttpRequest['headers']) => status({ ...request, headers })
      expect(await statusWith({})).toBe(401)
      expect(await statusWith({ authorization })).toBe(200)
      expect(await statusWith({ authorization, origin: url })).toBe(200)
      expect(await statusWith({ authorization, host: 'mcp.example.com' })).toBe(200)
      expect(await statusWith({ authorization, host: 'unknown.example.com' })).toBe(403)
      expect(await statusWith({ authorization, host: '10.99.0.1' })).toBe(403)
      expect(await statusWith({ authorization, origin: 'https://evil.example' })).toBe(403)
    }
  })

  const ipv4 = podAddresses.find(({ family }) => family === 'IPv4')?.address ?? ''
  const hasBoth = ipv4 && podAddresses.some(({ family }) => family === 'IPv6')
  test.runIf(hasBoth)('the IPv4 address of a port that is open for IPv6 as well', async () => {
    const { url } = await serveOn('::', ipv4)
    expect(await send(url, { body: ping, headers: { authorization } })).toMatchObject({ status: 200 })
  })
})

describe('tokens', () => {
  test('of variable and file all count', async () => {
    const [second, third] = ['second-token-of-32-or-more-characters', 'third-token-of-32-or-more-characters']
    const { url } = await serve({ ...withToken, METRONOME_MCP_AUTH_TOKEN_FILE: 'tokens' }, [], `${second}\n${third}\n`)
    const statusOf = async (token: string) => (await get(url, '/metrics', { authorization: `Bearer ${token}` })).status
    for (const token of [TOKEN, second, third]) expect(await statusOf(token)).toBe(200)
    for (const token of [`${second}x`, 'tokens']) expect(await statusOf(token)).toBe(401)
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

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('drains once for two times %s', async (signal) => {
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

  test('repeats neither its key nor its token, in a response or a log line', async () => {
    const program = startProgram({
      args: ['--http', '--port', '0', '--drain-ms', '100'],
      env: { ...withToken, METRONOME_API_KEY: KEY, METRONOME_LOG: 'debug' },
    })
    await program.seeOnStderr('/mcp')
    const url = /url=(http:\/\/[^/]+)/.exec(program.stderr())?.[1] ?? ''
    const headers = { ...JSON_BODY, authorization: `Bearer ${TOKEN}` }
    const { text } = await send(url, { body: callTool(`${KEY} ${TOKEN}`, {}), headers })
    expect(text).toContain('Unknown tool: [redacted] [redacted]')
    await send(url, { body: getCustomer(), headers: { ...headers, host: `${TOKEN}.${KEY}` } })
    await program.seeOnStderr('[redacted].[redacted]')
    for (const secret of [KEY, TOKEN]) expect(program.stderr() + text).not.toContain(secret)
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
