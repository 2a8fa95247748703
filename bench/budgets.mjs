// Limits on what users download and what models read: `node bench/budgets.mjs`, after a build. Exits with 1 when one is exceeded.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'

const tools = JSON.parse(readFileSync('src/mcp/tools.generated.json', 'utf8'))
const shown = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }))
const listing = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { encoding: 'utf8' })
const [packed] = Object.values(JSON.parse(listing))

const budgets = [
  ['tarball, bytes', packed.size, 400_000],
  ['tools/list tokens: names, descriptions, input schemas', countTokens(JSON.stringify(shown)), 2_800],
  ['tools/list tokens, everything', countTokens(JSON.stringify({ tools })), 4_700],
]
for (const [name, value, limit] of budgets)
  console.log(`${value <= limit ? 'ok      ' : 'EXCEEDED'}  ${name}: ${value} (at most ${limit})`)
process.exitCode = budgets.every(([, value, limit]) => value <= limit) ? 0 : 1
