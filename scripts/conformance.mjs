// Runs the official conformance suite against the built program, in both protocol eras.
// `npm run conformance`, or `npm run conformance -- --url http://127.0.0.1:9090/mcp` for a server that runs already.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const OLD_SUITE = '0.1.16'
const NEW_SUITE = '0.2.0-alpha.12'
// The suite needs fs.globSync, which came with Node 22.
const SUITE_NODE = '24.21.0'
const START_MS = 10_000

const HANDSHAKE = ['server-initialize', 'ping', 'tools-list', 'dns-rebinding-protection']
const STATELESS = [
  'server-stateless',
  'http-header-validation',
  'caching',
  'tools-list',
  'sep-2164-resource-not-found',
  'dns-rebinding-protection',
  'server-sse-multiple-streams',
]
const RUNS = [
  { suite: OLD_SUITE, revision: '2025-11-25', scenarios: HANDSHAKE },
  { suite: NEW_SUITE, revision: '2025-11-25', scenarios: HANDSHAKE },
  { suite: NEW_SUITE, revision: '2026-07-28', scenarios: STATELESS, expectedFailures: 'conformance/2026-07-28.yml' },
]

const root = fileURLToPath(new URL('..', import.meta.url))
const cache = join(root, 'node_modules/.cache/conformance')

async function main() {
  const { values } = parseArgs({ options: { url: { type: 'string' } } })
  await installSuites()
  const program = values.url === undefined ? await startProgram() : undefined
  try {
    const rows = []
    for (const run of RUNS)
      for (const scenario of run.scenarios) rows.push(await runScenario(run, scenario, values.url ?? program.url))
    report(rows)
    process.exitCode = rows.every((row) => row.passed) ? 0 : 1
  } finally {
    program?.stop()
  }
}

/** Not devDependencies: 250 MB that only this script needs. */
async function installSuites() {
  const manifest = JSON.stringify({
    private: true,
    dependencies: {
      ...Object.fromEntries(
        [OLD_SUITE, NEW_SUITE].map((version) => [aliasOf(version), `npm:@modelcontextprotocol/conformance@${version}`]),
      ),
      ...(!ownNodeSuffices() && { node: SUITE_NODE }),
    },
  })
  const done = join(cache, 'installed.json')
  if (readIfThere(done) === manifest) return
  mkdirSync(cache, { recursive: true })
  writeFileSync(join(cache, 'package.json'), manifest)
  const { code, output } = await collect('npm', ['install', '--no-audit', '--no-fund'], cache)
  if (code !== 0) throw new Error(`npm could not install the suite:\n${output}`)
  writeFileSync(done, manifest)
}

function aliasOf(version) {
  return `conformance-${version}`
}

function ownNodeSuffices() {
  return Number.parseInt(process.versions.node, 10) >= 22
}

async function startProgram() {
  const port = await findFreePort()
  const args = ['bin/metronome-customers-mcp.js', '--http', '--sandbox', '--port', String(port)]
  const program = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  const origin = `http://127.0.0.1:${port}`
  const deadline = Date.now() + START_MS
  while (!(await isReady(origin))) {
    if (program.exitCode !== null) throw new Error(`the program ended with code ${program.exitCode}`)
    if (Date.now() > deadline) throw new Error(`the program did not answer within ${START_MS} ms`)
    await delay(50)
  }
  return { url: `${origin}/mcp`, stop: () => program.kill() }
}

async function findFreePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

async function isReady(origin) {
  try {
    return (await fetch(`${origin}/readyz`)).ok
  } catch {
    return false
  }
}

async function runScenario({ suite, revision, expectedFailures }, scenario, url) {
  const results = mkdtempSync(join(tmpdir(), 'conformance-'))
  try {
    const { code, output } = await collect(
      ownNodeSuffices() ? process.execPath : join(cache, 'node_modules/node/bin/node'),
      [
        join(cache, 'node_modules', aliasOf(suite), 'dist/index.js'),
        ...['server', '--url', url, '--scenario', scenario, '--spec-version', revision, '--output-dir', results],
        ...(expectedFailures ? ['--expected-failures', join(root, expectedFailures)] : []),
      ],
    )
    const count = countChecks(results)
    // A scenario that found nothing to check has not passed.
    return { suite, revision, scenario, count, passed: code === 0 && count.SUCCESS > 0, output }
  } finally {
    rmSync(results, { recursive: true })
  }
}

function countChecks(results) {
  const count = { SUCCESS: 0, WARNING: 0, FAILURE: 0 }
  for (const folder of readdirSync(results))
    for (const { status } of JSON.parse(readFileSync(join(results, folder, 'checks.json'), 'utf8')))
      if (status in count) count[status] += 1
  return count
}

function report(rows) {
  console.table(
    rows.map(({ suite, revision, scenario, count, passed }) => ({
      suite,
      revision,
      scenario,
      succeeded: count.SUCCESS,
      warned: count.WARNING,
      'failed as expected': passed ? count.FAILURE : '',
      result: passed ? 'passed' : 'FAILED',
    })),
  )
  for (const { scenario, passed, output } of rows) if (!passed) console.error(`\n${scenario}\n${output}`)
}

async function collect(command, args, cwd) {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
  const [code] = await once(child, 'close')
  return { code, output }
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

await main()
