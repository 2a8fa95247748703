// The makers' own tools check our manifests: `npm run e2e:manifests`.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { installTool } from './tool.mjs'

const folder = mkdtempSync(join(tmpdir(), 'e2e-manifests-'))
try {
  for (const file of ['gemini-extension.json', 'GEMINI.md']) cpSync(file, join(folder, file))
  run(installTool('@anthropic-ai/mcpb', 'mcpb'), 'validate', 'manifest.json')
  run(installTool('@google/gemini-cli', 'gemini'), 'extensions', 'validate', folder)
} finally {
  rmSync(folder, { recursive: true })
}

function run(command, ...args) {
  const { PATH } = process.env
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { PATH, HOME: folder, TERM: 'dumb' } })
  console.log(`ok  ${command.split('/').at(-1)} ${args.slice(0, -1).join(' ')}`)
}
