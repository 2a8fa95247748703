// Packs the bundle for Claude Desktop from the built program, and prints its SHA-256. `npm run mcpb` builds first.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installTool } from './e2e/tool.mjs'

const PARTS = ['manifest.json', 'package.json', 'bin', 'dist', 'LICENSE', 'THIRD_PARTY_NOTICES']

const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'))
const file = `${name}-${version}.mcpb`
const mcpb = installTool('@anthropic-ai/mcpb', 'mcpb')
const folder = mkdtempSync(join(tmpdir(), 'mcpb-'))
try {
  for (const part of PARTS.filter((path) => existsSync(path))) cpSync(part, join(folder, part), { recursive: true })
  execFileSync(mcpb, ['validate', join(folder, 'manifest.json')], { stdio: ['ignore', 'ignore', 'inherit'] })
  execFileSync(mcpb, ['pack', folder, file], { stdio: ['ignore', 'ignore', 'inherit'] })
} finally {
  rmSync(folder, { recursive: true })
}
const line = `${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${file}`
writeFileSync(`${file}.sha256`, `${line}\n`)
console.log(line)
