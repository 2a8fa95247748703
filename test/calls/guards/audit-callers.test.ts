import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { JsonObject } from '../../../src/operations/json.ts'
import { ID } from '../../contract.ts'
import { readPage, readRows } from '../../support/docs.ts'
import { KEY } from '../../support/harness.ts'
import { callTool, send } from '../../support/http.ts'
import { INITIALIZE, makeFolder, startProgram, toolCall } from '../../support/program.ts'
import { META, request } from '../../support/stateless.ts'
import { answerWith, startUpstream } from '../../support/upstream.ts'

const RENAME = { customer_id: ID, name: 'Acme EU' }
const CLIENT_KEY = 'io.modelcontextprotocol/clientInfo'
const chosenPath = () => join(makeFolder(), 'audit.jsonl')
const linesOf = (path: string): JsonObject[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** Every field of the lines has a row in docs/audit-log.md. */
function expectDocumented(lines: readonly JsonObject[]): void {
  const documented = readRows(readPage('docs/audit-log.md'), /^`/).map(([field]) => field)
  for (const line of lines)
    for (const field of [...Object.keys(line), ...Object.keys(line.caller as object)])
      expect(documented).toContain(`\`${field}\``)
}

test('on stdio the caller is the user of this machine, with the client in both eras', async () => {
  const path = chosenPath()
  const program = startProgram({ args: ['--sandbox', '--audit-log', path] })
  const client = { name: 'n'.repeat(1_000_000), version: '2', icons: [{ src: 'data:image/png;base64,AA==' }] }
  program.send({ ...INITIALIZE, params: { ...INITIALIZE.params, clientInfo: client } })
  await program.receive()
  program.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  program.send(toolCall(1, 'update-customer-name', RENAME))
  await program.receive()
  const _meta = { ...META, [CLIENT_KEY]: client }
  program.send(request('tools/call', { _meta, name: 'update-customer-name', arguments: RENAME }, 2))
  await program.receive()
  const lines = linesOf(path)
  expect(lines).toHaveLength(4)
  expectDocumented(lines)
  for (const line of lines) {
    expect(line.caller).toEqual({
      transport: 'stdio',
      user: userInfo().username,
      host: hostname(),
      client: { name: 'n'.repeat(100), version: '2' },
    })
    expect([line.user, line.host]).toEqual([undefined, undefined])
  }
})

test.each<[string, unknown]>([
  ['a name that is no text', { name: { toString: 1 }, version: '1' }],
  ['a list', []],
  ['a text', 'claude'],
])('a client that says %s of itself is served, and is none in the log', async (_, client) => {
  const path = chosenPath()
  const program = startProgram({ args: ['--sandbox', '--audit-log', path] })
  const _meta = { ...META, [CLIENT_KEY]: client }
  program.send(request('tools/call', { _meta, name: 'update-customer-name', arguments: RENAME }))
  expect(await program.receive()).toMatchObject({ result: { structuredContent: { data: { name: 'Acme EU' } } } })
  expect(linesOf(path)[0]?.caller).not.toHaveProperty('client')
})

test('over HTTP and REST it is the address, the user agent and a digest of the bearer, whatever that is', async () => {
  const path = chosenPath()
  const record = { id: ID, external_id: 'x', ingest_aliases: [], name: 'Acme', custom_fields: {} }
  const metronome = await startUpstream(answerWith(200, { data: record }, { 'x-request-id': 'req_1' }))
  const program = startProgram({
    args: ['--http', '--port', '0', '--rest', '--rest-port', '0', '--passthrough', '--audit-log', path],
    env: { METRONOME_BASE_URL: metronome.baseUrl },
  })
  await program.seeOnStderr('/openapi.json')
  const [mcp = '', rest = ''] = program.stderr().match(/http:\/\/127[^/]+/g) ?? []
  // What lines of the log consist of, as the key of a stranger.
  const bearers = [',"phase":"begin",', 'update-customer-name', 'tool":"update-customer-name', 'customer_id', KEY]
  for (const bearer of bearers) {
    const headers = { authorization: `Bearer ${bearer}`, 'user-agent': `agent/1 ${bearer} ${'x'.repeat(200)}` }
    const body = callTool('update-customer-name', { ...RENAME, name: `Acme ${bearer}` })
    expect((await send(mcp, { headers, body })).status).toBe(200)
    const target = { path: `/v1/v1/customers/${ID}/setname`, body: JSON.stringify({ name: `Acme ${bearer}` }) }
    const json = { ...headers, 'content-type': 'application/json' }
    expect((await send(rest, { ...target, headers: json })).status).toBe(200)
  }
  const lines = linesOf(path)
  expect(lines).toHaveLength(4 * bearers.length)
  expectDocumented(lines)
  for (const [index, line] of lines.entries()) {
    const bearer = bearers[Math.floor(index / 4)] ?? ''
    expect(line).toMatchObject({
      phase: index % 2 === 0 ? 'begin' : 'end',
      tool: 'update-customer-name',
      arguments: { customer_id: ID, name: 'Acme [redacted]' },
    })
    expect(line.caller).toEqual({
      transport: index % 4 < 2 ? 'http' : 'rest',
      peer: '127.0.0.1',
      user_agent: `agent/1 [redacted] ${'x'.repeat(100 - 'agent/1 [redacted] '.length)}`,
      bearer: createHash('sha256').update(bearer).digest('hex').slice(0, 8),
    })
  }
})
