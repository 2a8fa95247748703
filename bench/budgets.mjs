// Limits on what users download and what models read: `node bench/budgets.mjs`, after a build. Exits with 1 when one is exceeded.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { importSource } from '../scripts/import-source.mjs'
import { countListTokens } from './tokens.mjs'

const LIMITS = JSON.parse(readFileSync('bench/budgets.json', 'utf8'))
const NAMES = {
  tarballBytes: 'tarball, bytes',
  modelTokens: 'tools/list tokens: names, descriptions, input schemas',
  responseTokens: 'tools/list tokens, everything',
}

const { buildToolList } = await importSource('src/mcp/tool-list.ts')
const listing = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { encoding: 'utf8' })
const [packed] = Object.values(JSON.parse(listing))

const tools = buildToolList()
console.log('| tool | properties | described | tokens for models | tokens |\n| --- | --- | --- | --- | --- |')
for (const tool of tools) {
  const properties = Object.values(tool.inputSchema.properties)
  const described = properties.filter(({ description }) => description).length
  const { modelTokens, responseTokens } = countListTokens([tool])
  console.log(`| ${[tool.name, properties.length, described, modelTokens, responseTokens].join(' | ')} |`)
}

const values = { tarballBytes: packed.size, ...countListTokens(tools) }
for (const [name, value] of Object.entries(values)) {
  const isExceeded = value > LIMITS[name]
  console.log(`${isExceeded ? 'EXCEEDED' : 'ok      '}  ${NAMES[name]}: ${value} (at most ${LIMITS[name]})`)
  if (isExceeded) process.exitCode = 1
}
if (process.exitCode)
  console.log('Shorten what grew, or raise the limit in bench/budgets.json with a reason in the commit.')
