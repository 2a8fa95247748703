// Tokens, the packed size, and the first `npx` without a cached package.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { interleave, median, pairedRatio, row } from './stats.mjs'
import { openServer, timeRun } from './stdio-client.mjs'
import { countListTokens } from './tokens.mjs'

const ROUNDS = 5
const LIMITS = JSON.parse(readFileSync('bench/budgets.json', 'utf8'))

export async function measureTokens(node, env) {
  const server = await openServer(node, ['bin/metronome-customers-mcp.js'], env)
  const result = await server.callTool('list-customers', { limit: 100 })
  await server.close()
  const customers = await (await fetch(`${env.METRONOME_BASE_URL}/v1/customers?limit=100`)).json()
  const [text, body] = [countTokens(result.content[0].text), countTokens(JSON.stringify(customers))]
  const { modelTokens, responseTokens } = countListTokens(server.tools)
  return [
    sizeRow('tools/list tokens: names, descriptions, input schemas', modelTokens, LIMITS.modelTokens),
    sizeRow('tools/list tokens, everything', responseTokens, LIMITS.responseTokens),
    row(`text block of ${customers.data.length} customers, tokens`, text, `upstream body ${body}`, text / body, 1, 1),
  ]
}

export async function measurePackage() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-package-'))
  try {
    const ours = pack(resolve('.'), folder)
    const floor = pack(writeEmptyPackage(folder), folder)
    const runs = await interleave(ROUNDS, { ours: () => runCold(ours, folder), floor: () => runCold(floor, folder) })
    const kilobytes = Math.round(statSync(ours).size / 1000)
    const [mine, theirs] = [runs.ours, runs.floor].map((times) => `${median(times).toFixed(0)} ms`)
    return [
      sizeRow('tarball, kB packed', kilobytes, LIMITS.tarballBytes / 1000),
      row('cold npx --version', mine, `no code ${theirs}`, pairedRatio(runs.ours, runs.floor), 1.5, 1.2),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const sizeRow = (figure, value, limit) => row(figure, value, '', value, limit, limit)

function pack(source, folder) {
  const { stdout } = spawnSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder], {
    cwd: source,
    encoding: 'utf8',
  })
  return join(folder, Object.values(JSON.parse(stdout))[0].filename)
}

function writeEmptyPackage(folder) {
  const source = join(folder, 'source')
  mkdirSync(source)
  writeFileSync(join(source, 'package.json'), '{"name":"bench-floor","version":"1.0.0","bin":"floor.js"}')
  writeFileSync(join(source, 'floor.js'), '#!/usr/bin/env node\nconsole.log("1.0.0")\n')
  return source
}

async function runCold(tarball, folder) {
  const cache = mkdtempSync(join(folder, 'cache-'))
  const env = { ...process.env, npm_config_cache: cache, npm_config_update_notifier: 'false' }
  // A path that begins with a slash would be run and not installed.
  return timeRun('npx', ['-y', `./${basename(tarball)}`, '--version'], { cwd: folder, env })
}
