import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { KEY } from '../support/harness.ts'
import { send } from '../support/http.ts'
import { baseEnvironment, INITIALIZE, type Program, startProgram, toolCall } from '../support/program.ts'
import { ask, restRequest } from '../support/rest.ts'
import { answerWith, startUpstream } from '../support/upstream.ts'

const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const READ = restRequest('get-customer', { customer_id: ID })
const LOG_INFO = { METRONOME_LOG: 'info' }
const BESIDE_STDIO = ['--sandbox', '--rest', '--rest-port', '0']
const ALONE = [...BESIDE_STDIO, '--http', '--port', '0', '--drain-ms', '100']

/** The address of REST, once it is served. */
async function readUrl(program: Program): Promise<string> {
  await program.seeOnStderr('/openapi.json')
  return /url=(\S+)\/openapi\.json/.exec(program.stderr())?.[1] ?? ''
}

describe('beside stdio', () => {
  test('both interfaces share one sandbox', async () => {
    const program = startProgram({ args: BESIDE_STDIO, env: LOG_INFO })
    const url = await readUrl(program)
    await ask(url, restRequest('update-customer-name', { customer_id: ID, name: 'Acme EU' }))
    program.send(INITIALIZE)
    program.send(toolCall(1, 'get-customer', { customer_id: ID }))
    await program.receive()
    expect(JSON.stringify(await program.receive())).toContain('"name":"Acme EU"')
  })

  test.each([
    ['stdin ends', (program: Program) => void program.child.stdin.end()],
    ['SIGTERM comes', (program: Program) => void program.child.kill('SIGTERM')],
  ])('it ends with code 0 when %s, with nothing on stdout', async (_, end) => {
    const program = startProgram({ args: BESIDE_STDIO, env: LOG_INFO })
    expect(await ask(await readUrl(program), READ)).toMatchObject({ status: 200 })
    end(program)
    expect(await program.ended).toEqual({ code: 0, signal: null })
    expect(program.stdout()).toBe('')
  })

  test('a REST call in flight when stdin ends gets its response, when Metronome responds in time', async () => {
    const upstream = await startUpstream((response, request, attempt) => {
      program.child.stdin.end()
      setTimeout(() => answerWith(200, { data: { id: ID } })(response, request, attempt), 100)
    })
    const env = { ...LOG_INFO, METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl }
    const program = startProgram({ args: ['--rest', '--rest-port', '0'], env })
    expect(await ask(await readUrl(program), READ)).toMatchObject({ status: 200 })
    expect(await program.ended).toEqual({ code: 0, signal: null })
  })

  test('the lines of the requests in flight and the bodies of REST have 32 MiB together', async () => {
    const upstream = await startUpstream(() => {})
    const env = { ...LOG_INFO, METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl }
    const program = startProgram({ args: ['--rest', '--rest-port', '0'], env })
    const url = await readUrl(program)
    const line = (id: number) =>
      JSON.stringify(toolCall(id, 'get-customer', { customer_id: ID })).padEnd(4 * 1024 * 1024)
    for (let id = 1; id <= 9; id++) program.send(line(id))
    expect(await program.receive()).toMatchObject({ id: 9, error: { code: -32000 } })
    const write = restRequest('update-customer-name', { customer_id: ID, name: 'x' })
    expect(await ask(url, write)).toMatchObject({ status: 429, headers: { 'retry-after': '1' } })
  })

  test('a REST write without a response ends as unknown, within two seconds', async () => {
    const upstream = await startUpstream(() => void program.child.stdin.end())
    const env = { ...LOG_INFO, METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl }
    const program = startProgram({ args: ['--rest', '--rest-port', '0'], env })
    const answer = await ask(await readUrl(program), restRequest('archive-customer', { id: ID }))
    const endedAt = performance.now()
    expect(answer).toMatchObject({ status: 502, json: { outcome: 'unknown' } })
    expect(await program.ended).toEqual({ code: 0, signal: null })
    // Two seconds, and as much again for a machine under load.
    expect(performance.now() - endedAt).toBeLessThan(4_000)
    expect(program.stderr()).toMatch(/warn write-outcome-unknown tool=archive-customer idempotency-key=\S+/)
  })
})

test('--http --rest serves both ports with stdin closed, and ends with 0 at SIGTERM', async () => {
  const program = startProgram({ args: ALONE })
  program.child.stdin.end()
  const url = await readUrl(program)
  const mcp = /url=(\S+)\/mcp/.exec(program.stderr())?.[1] ?? ''
  expect(await ask(url, READ)).toMatchObject({ status: 200 })
  const body = JSON.stringify(toolCall(1, 'get-customer', { customer_id: ID }))
  expect(await send(mcp, { body })).toMatchObject({ status: 200 })
  // Both ports share the counters.
  const { text } = await send(mcp, { method: 'GET', path: '/metrics' })
  expect(text).toContain('metronome_calls_total{tool="get-customer",result="success"} 2')
  expect(await send(mcp, { ...READ })).toMatchObject({ status: 404 })
  program.child.kill('SIGTERM')
  expect(await program.ended).toEqual({ code: 0, signal: null })
})

test('a port in use ends --http --rest with 1 and one line', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as { port: number }
  const program = startProgram({
    args: ['--sandbox', '--rest', '--rest-port', String(port), '--http', '--port', '0'],
    env: { METRONOME_LOG: 'warn' },
  })
  expect(await program.ended).toEqual({ code: 1, signal: null })
  other.close()
  expect(program.stderr()).toBe(
    `metronome-customers-mcp: 127.0.0.1:${port} is in use already; stop what listens there, or choose another port.\n`,
  )
})

test('a port in use beside stdio is a warning: MCP works without REST', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void other.close())
  await once(other, 'listening')
  const { port } = other.address() as { port: number } // it listens on TCP
  const program = startProgram({ args: ['--sandbox', '--rest', '--rest-port', String(port)] })
  await program.seeOnStderr('warn rest-not-served')
  program.send(toolCall(1, 'get-customer', { customer_id: ID }))
  expect(JSON.stringify(await program.receive())).toContain('Acme Robotics')
  expect(program.stderr()).toContain(`127.0.0.1:${port} is in use`)
})

const hasCurl = spawnSync('curl', ['--version']).status === 0

// Machines without curl have the other tests of the routes.
describe.runIf(hasCurl)('docs/rest.md', () => {
  const samples = Array.from(
    readFileSync('docs/rest.md', 'utf8').matchAll(/```sh\n(curl .*?)```\s+(?:[^`]*?```json\n(.*?)```)?/gs),
    ([, command = '', answer = '']) => ({ command: command.trim(), answer }),
  )

  test('its curl commands return what it says', async () => {
    expect(samples.length).toBeGreaterThanOrEqual(3)
    const program = startProgram({ args: BESIDE_STDIO, env: LOG_INFO })
    const { host } = new URL(await readUrl(program))
    for (const { command, answer } of samples) {
      const line = command.replaceAll('127.0.0.1:8080', host)
      const { stdout } = await promisify(execFile)('sh', ['-c', line], { env: baseEnvironment() })
      expect(JSON.parse(stdout), command).toEqual(JSON.parse(answer))
    }
  })
})
