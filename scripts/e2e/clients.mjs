// Clients of other makers list the tools and call one on the sandbox, from the packed tarball: `npm run e2e:clients`.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { importSource } from '../import-source.mjs'
import { compareWithAddMcp } from './add-mcp.mjs'
import { serveHttp } from './http-server.mjs'
import { installTarball } from './tarball.mjs'
import { installTool } from './tool.mjs'

const CUSTOMER = 'Acme Robotics'
const { operations } = await importSource('src/operations/index.ts')
const TOOLS = operations.map(({ tool }) => tool).sort()

const { values } = parseArgs({ options: { 'stdio-only': { type: 'boolean' } } })
const folder = mkdtempSync(join(tmpdir(), 'e2e-clients-'))
try {
  const program = installTarball(folder)
  await check('stdio', { command: program, args: ['--sandbox'] })
  if (!values['stdio-only']) {
    const server = await serveHttp(program)
    await check('HTTP', { type: 'streamable-http', url: server.url }).finally(server.stop)
  }
  compareWithAddMcp(folder)
} finally {
  rmSync(folder, { recursive: true })
}

async function check(transport, entry) {
  const file = join(folder, 'servers.json')
  writeFileSync(file, JSON.stringify({ mcpServers: { metronome: entry } }))
  await checkInspector(transport, file)
  await checkMcporter(transport, file)
}

async function checkInspector(transport, file) {
  const inspector = installTool('@modelcontextprotocol/inspector', 'mcp-inspector')
  const run = (...args) => runClient(inspector, '--cli', '--config', file, '--server', 'metronome', '--method', ...args)
  const { tools } = JSON.parse(await run('tools/list'))
  expectTools(tools)
  const call = await run('tools/call', '--tool-name', 'list-customers', '--tool-arg', 'ingest_alias=acme-prod')
  expectCustomer(JSON.parse(call).structuredContent)
  report('MCP Inspector', '@modelcontextprotocol/inspector', transport)
}

async function checkMcporter(transport, file) {
  const mcporter = installTool('mcporter', 'mcporter')
  const { tools } = JSON.parse(await runClient(mcporter, '--config', file, 'list', 'metronome', '--json'))
  expectTools(tools)
  const call = ['call', 'metronome.list-customers', 'ingest_alias=acme-prod', '--output', 'raw']
  const answer = await runClient(mcporter, '--config', file, ...call)
  if (!answer.includes(CUSTOMER)) throw new Error(`list-customers answered ${answer}`)
  report('mcporter', 'mcporter', transport)
}

async function runClient(command, ...args) {
  const { PATH } = process.env
  const { stdout } = await promisify(execFile)(command, args, {
    env: { PATH, HOME: folder, TERM: 'dumb' },
    maxBuffer: 10_000_000,
    timeout: 60_000,
  })
  return stdout
}

function expectTools(tools) {
  const names = tools.map(({ name }) => name).sort()
  if (names.join() !== TOOLS.join()) throw new Error(`expected the ${TOOLS.length} tools, got ${names.join(', ')}`)
}

function expectCustomer(result) {
  if (result?.data?.[0]?.name !== CUSTOMER) throw new Error(`list-customers answered ${JSON.stringify(result)}`)
}

function report(title, tool, transport) {
  const packageFile = installTool(tool, './package.json')
  const { version } = JSON.parse(readFileSync(packageFile, 'utf8'))
  console.log(`ok  ${title} ${version} over ${transport}: ${TOOLS.length} tools, one call`)
}
