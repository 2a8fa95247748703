import { EventEmitter } from 'node:events'
import { linkSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import Metronome from '@metronome/sdk'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { serveSandbox } from '../../src/cli/sandbox-server.ts'
import { acme, acmeDetail } from '../../src/operations/examples.ts'
import { createStore } from '../../src/sandbox/store.ts'
import { CONTRACT } from '../contract.ts'
import { createCommandContext } from '../support/command-context.ts'
import { KEY } from '../support/harness.ts'
import { formatRequest, openSocket } from '../support/listeners.ts'
import { makeFolder, type Program, runProgram, startProgram } from '../support/program.ts'
import { post } from '../support/sandbox.ts'
import { type SandboxServer, startSandboxServer } from '../support/sandbox-server.ts'
import { listen } from '../support/upstream.ts'

const bolt = { name: 'Bolt', ingest_aliases: ['bolt'] }

/** Sends a request with a key of some caller. */
function ask(baseUrl: string, path: string, { headers, ...init }: RequestInit = {}): Promise<Response> {
  return fetch(baseUrl + path, { ...init, headers: { authorization: 'Bearer any-key', ...Object(headers) } })
}

async function startServer(faults?: string): Promise<SandboxServer> {
  const server = await startSandboxServer(faults)
  onTestFinished(server.close)
  return server
}

describe("the official SDK's call for", () => {
  const rows = CONTRACT.flatMap(({ sdk, ...row }) => (sdk === 'not in the SDK' ? [] : [{ ...row, sdk }]))

  test.each(rows)('$tool works on a sandbox server', async ({ tool, request, write, sdk }) => {
    const { baseUrl, store } = await startServer()
    // A cursor of another account.
    const { next_page: _, ...args } = write?.args[0] ?? request.args
    const result = await sdk(new Metronome({ bearerToken: KEY, baseURL: baseUrl, maxRetries: 0 }), args)
    if (request.response !== '') expect(result).toMatchObject({ data: expect.anything() })
    expect(store.effects.map((effect) => effect.tool)).toEqual(write ? [tool] : [])
    expect(write?.isInPlace(store, args) ?? true).toBe(true)
  })

  test('a list goes through all pages', async () => {
    const { baseUrl, store } = await startServer()
    const active = Array.from(store.customers.values()).filter(({ archived_at }) => archived_at === null)
    const sdk = new Metronome({ bearerToken: KEY, baseURL: baseUrl })
    const names: string[] = []
    for await (const { name } of sdk.v1.customers.list({ limit: 5 })) names.push(name)
    expect(names).toEqual(active.map(({ name }) => name))
  })
})

describe('a sandbox server', () => {
  test('takes any bearer as a key for the same data, and none is a 401', async () => {
    const { baseUrl } = await startServer()
    await ask(baseUrl, '/v1/customers', post(bolt))
    const other = { headers: { authorization: 'Bearer other-key' } }
    const list = await ask(baseUrl, '/v1/customers?ingest_alias=bolt', other)
    expect(await list.json()).toMatchObject({ data: [bolt] })
    const without = await fetch(`${baseUrl}/v1/customers`)
    expect([without.status, await without.json()]).toEqual([401, { message: 'Missing bearer token.' }])
  })

  test('keeps an Idempotency-Key for all connections', async () => {
    const { baseUrl, store } = await startServer()
    const first = await ask(baseUrl, '/v1/customers', post(bolt, 'key-1'))
    // The same parameters in other bytes.
    const again = await ask(baseUrl, '/v1/customers', post(JSON.stringify(bolt, null, 2), 'key-1'))
    expect([again.status, await again.json()]).toEqual([200, await first.json()])
    expect((await ask(baseUrl, '/v1/customers', post({ name: 'Other' }, 'key-1'))).status).toBe(409)
    expect(store.effects).toHaveLength(1)
  })

  test.each([
    ['another Host', { host: 'evil.example' }, 403],
    ['a foreign Origin', { origin: 'https://evil.example' }, 403],
    ['another content type', { 'content-type': 'text/plain' }, 415],
  ])('rejects %s, on the faults too', async (_, headers, status) => {
    const { baseUrl, store } = await startServer()
    const { port } = new URL(baseUrl)
    for (const [method, target] of [
      ['POST', '/v1/customers'],
      ['PUT', '/_sandbox/faults'],
    ] as const) {
      const sent = { authorization: 'Bearer any-key', 'content-type': 'application/json', ...headers }
      const response = await exchange(Number(port), formatRequest({ method, target, headers: sent, body: '{}' }))
      expect(response).toMatch(new RegExp(`^HTTP/1.1 ${status} .*"message":`, 's'))
    }
    expect(store.effects).toEqual([])
  })

  test('responds 404 to an unknown path, 400 to a body that is not JSON', async () => {
    const { baseUrl } = await startServer()
    expect((await ask(baseUrl, '/v2/customers')).status).toBe(404)
    expect((await ask(baseUrl, '/v1/customers', post('{'))).status).toBe(400)
  })
})

/** Everything that a server sends before it closes the connection. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = await openSocket(port)
  socket.write(text.replace('\r\n\r\n', '\r\nconnection: close\r\n\r\n'))
  let received = ''
  for await (const chunk of socket) received += chunk
  return received
}

describe('over a socket', () => {
  const headers = { authorization: 'Bearer any-key', 'content-type': 'application/json' }
  const body = JSON.stringify(bolt)
  const create = formatRequest({ method: 'POST', target: '/v1/customers', headers, body })

  test.each([
    ['reset', 0],
    ['lost-response', 1],
  ])('"%s" closes the connection without a byte, with %i effects', async (faults, effects) => {
    const { baseUrl, store } = await startServer(faults)
    expect(await exchange(Number(new URL(baseUrl).port), create)).toBe('')
    expect(store.effects).toHaveLength(effects)
  })

  test.each([
    ['hang', 0],
    ['hang-applied', 1],
  ])('"%s" sends nothing until the client leaves, with %i effects', async (faults, effects) => {
    const { baseUrl, store } = await startServer(faults)
    const signal = AbortSignal.timeout(200)
    await expect(ask(baseUrl, '/v1/customers', { ...post(bolt, 'key-1'), signal })).rejects.toThrow(/timeout/)
    expect(store.effects).toHaveLength(effects)
    expect((await ask(baseUrl, '/v1/customers', post(bolt, 'key-1'))).status).toBe(200)
  })
})

describe('/_sandbox/faults', () => {
  const put = (settings: unknown): RequestInit => ({ ...post(settings), method: 'PUT' })
  const list = async (baseUrl: string): Promise<number> => (await ask(baseUrl, '/v1/customers')).status

  test('needs no token', async () => {
    const { baseUrl } = await startServer()
    expect((await fetch(`${baseUrl}/_sandbox/faults`)).status).toBe(200)
  })

  test('shows the faults and replaces them, counting attempts from one again', async () => {
    const { baseUrl } = await startServer('unavailable:2nd@reads')
    const path = '/_sandbox/faults'
    expect(await (await ask(baseUrl, path)).json()).toEqual({ faults: 'unavailable:2nd@reads', seed: 1 })
    expect([await list(baseUrl), await list(baseUrl)]).toEqual([200, 503])
    const settings = { faults: 'gateway-timeout:2nd@reads', seed: 7 }
    const replaced = await ask(baseUrl, path, put(settings))
    expect([replaced.status, await replaced.json()]).toEqual([200, settings])
    expect(await (await ask(baseUrl, path)).json()).toEqual(settings)
    expect([await list(baseUrl), await list(baseUrl), await list(baseUrl)]).toEqual([200, 504, 200])
    await ask(baseUrl, path, put(settings))
    expect([await list(baseUrl), await list(baseUrl)]).toEqual([200, 504])
  })

  test('takes an empty text for no faults, and seed 1 where there is none', async () => {
    const { baseUrl } = await startServer('unavailable:9@reads')
    expect(await list(baseUrl)).toBe(503)
    const replaced = await ask(baseUrl, '/_sandbox/faults', put({ faults: '' }))
    expect(await replaced.json()).toEqual({ faults: '', seed: 1 })
    expect(await list(baseUrl)).toBe(200)
  })

  test.each([
    [{ faults: 'meteor' }, /^fault 1 is invalid; expected NAME/],
    [{ faults: 'reset', seed: -1 }, /^The body must be/],
    [{ faults: 'reset', sead: 1 }, /^The body must be/],
    [{ seed: 1 }, /^The body must be/],
    [[], /^The body must be/],
  ])('rejects %j with 400 and changes nothing', async (settings, message) => {
    const { baseUrl } = await startServer('unavailable:2nd@reads')
    expect(await list(baseUrl)).toBe(200)
    const rejected = await ask(baseUrl, '/_sandbox/faults', put(settings))
    expect([rejected.status, await rejected.json()]).toEqual([400, { message: expect.stringMatching(message) }])
    expect(await (await ask(baseUrl, '/_sandbox/faults')).json()).toMatchObject({ faults: 'unavailable:2nd@reads' })
    expect(await list(baseUrl)).toBe(503)
  })
})

describe('the command sandbox', () => {
  /** Starts the program on a free port and waits for its address. */
  async function startCommand(args: readonly string[] = [], cwd = makeFolder()): Promise<Program & { url: string }> {
    const program = startProgram({ args: ['sandbox', '--port', '0', ...args], cwd })
    while (!program.stdout().includes('\n')) await new Promise((resolve) => program.child.stdout.once('data', resolve))
    const [url = ''] = program.stdout().split('\n')
    return { ...program, url }
  }

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('prints its address first and ends on %s', async (signal) => {
    const program = await startCommand(['--sandbox-faults', 'hang:9@reads'])
    expect(program.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const hanging = ask(program.url, '/v1/customers')
    const failed = expect(hanging).rejects.toThrow()
    await ask(program.url, '/_sandbox/faults')
    program.child.kill(signal)
    expect(await program.ended).toEqual({ code: 0, signal: null })
    await failed
  })

  test('survives a second Ctrl-C, which npm passes on, while it ends', async () => {
    const signals = new EventEmitter()
    const { context, stdout } = createCommandContext({ signals })
    const ended = serveSandbox(['--port', '0'], context)
    await vi.waitUntil(() => stdout() !== '')
    // Without a listener, the signal would kill the process.
    expect([signals.emit('SIGINT'), signals.emit('SIGINT')]).toEqual([true, true])
    expect(await ended).toBe(0)
  })

  test('serves the program itself, whose writes are verified after lost responses', async () => {
    const sandbox = await startCommand(['--sandbox-faults', 'lost-response:100%'])
    const env = { METRONOME_BASE_URL: sandbox.url, METRONOME_API_KEY: KEY, METRONOME_TIMEOUT_MS: '20000' }
    const server = startProgram({ env })
    server.send({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: 'create-customer',
        arguments: bolt,
        _meta: {
          'io.modelcontextprotocol/protocolVersion': '2026-07-28',
          'io.modelcontextprotocol/clientInfo': { name: 'raw', version: '0' },
          'io.modelcontextprotocol/clientCapabilities': {},
        },
      },
    })
    expect((await server.receive()).result).toMatchObject({
      structuredContent: { data: bolt, _note: expect.stringMatching(/^Outcome: applied\. No response/) },
    })
  })

  const readCustomers = (cwd: string, name: string) => JSON.parse(readFileSync(join(cwd, name), 'utf8')).customers

  test('writes its records into --data at the end, and begins with them again', async () => {
    const cwd = makeFolder()
    const first = await startCommand(['--data', 'records.json', '--sandbox-faults', 'pending:1st'], cwd)
    const left = AbortSignal.timeout(300)
    await expect(ask(first.url, '/v1/customers', { ...post(bolt, 'key-1'), signal: left })).rejects.toThrow()
    await ask(first.url, `/v1/customers/${acme.id}/setName`, post({ name: 'Acme Europe' }))
    first.child.kill('SIGTERM')
    expect(await first.ended).toMatchObject({ code: 0 })
    expect(readdirSync(cwd)).toEqual(['records.json'])
    const written = JSON.parse(readFileSync(join(cwd, 'records.json'), 'utf8'))
    expect(written.customers).toHaveLength(createStore().customers.size + 1)
    expect(written.customers[0]).toEqual({ ...acmeDetail, name: 'Acme Europe', updated_at: expect.any(String) })

    // A second name of the same file keeps what the first run wrote, since the second run renames another one.
    linkSync(join(cwd, 'records.json'), join(cwd, 'kept.json'))
    const second = await startCommand(['--data', 'records.json'], cwd)
    expect(await (await ask(second.url, '/v1/customers?ingest_alias=bolt')).json()).toMatchObject({ data: [bolt] })
    await ask(second.url, `/v1/customers/${acme.id}/setName`, post({ name: 'Acme Asia' }))
    second.child.kill('SIGINT')
    await second.ended
    const [acmeAsia, ...others] = readCustomers(cwd, 'records.json')
    expect(acmeAsia).toMatchObject({ name: 'Acme Asia' })
    expect(others).toEqual(written.customers.slice(1))
    expect(readCustomers(cwd, 'kept.json')).toEqual(written.customers)
  })

  test('ends with 1 when its port is taken', async () => {
    const port = await listen(createServer())
    const { code, stdout, stderr } = await runProgram({ args: ['sandbox', '--port', String(port)] })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toBe(
      `metronome-customers-mcp: 127.0.0.1:${port} is in use already; stop what listens there, or choose another port.\n`,
    )
  })

  test.each([
    ['an invalid specification', ['--sandbox-faults', 'meteor'], /--sandbox-faults: fault 1 is invalid/],
    ['a file that is not JSON', ['--data', 'text.json'], /--data names a file that is not JSON/],
    ['a wrong list', ['--data', 'list.json'], /--data: customer is unknown; see docs\/sandbox\.md/],
    ['a wrong record', ['--data', 'record.json'], /--data: customers\[1\]\.name is missing or invalid/],
    ['a folder as file', ['--data', '.'], /--data names a file that cannot be read \(not a regular file\)/],
    ['a device as file', ['--data', '/dev/zero'], /--data names a file .* \((not a regular file|EACCES)\)/],
    ['a missing folder', ['--data', 'none/records.json'], /--data names a file .* \(ENOENT\)/],
    ['an unknown option', ['--host', '0.0.0.0'], /unknown option --host/],
  ])('ends with 2 for %s', async (_, args, message) => {
    const cwd = makeFolder({
      'text.json': 'no',
      'list.json': '{"customer": []}',
      'record.json': '{"customers": [{"name": "A"}, {}]}',
    })
    const { code, stdout, stderr } = await runProgram({ args: ['sandbox', '--port', '0', ...args], cwd })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(message)
  })
})
