// Lints what the built program serves at /openapi.json with Spectral's OpenAPI rules: `npm run openapi`.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

// Not a devDependency: 200 packages that only this script needs.
const SPECTRAL = '@stoplight/spectral-cli@6.16.3'

const root = fileURLToPath(new URL('..', import.meta.url))

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'openapi-'))
  try {
    writeFileSync(join(folder, 'openapi.json'), await readDocument())
    writeFileSync(join(folder, '.spectral.yaml'), 'extends: ["spectral:oas"]\n')
    const args = ['--yes', SPECTRAL, 'lint', 'openapi.json', '--fail-severity', 'hint']
    const spectral = spawn('npx', args, { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] })
    const [code] = await once(spectral, 'close')
    process.exitCode = code ?? 1
  } finally {
    rmSync(folder, { recursive: true })
  }
}

async function readDocument() {
  const program = spawn(
    process.execPath,
    [join(root, 'bin/metronome-customers-mcp.js'), '--sandbox', '--rest', '--rest-port', '0'],
    { env: { ...process.env, METRONOME_LOG: 'info' }, stdio: ['pipe', 'ignore', 'pipe'] },
  )
  try {
    const answer = await fetch(await readAddress(program.stderr))
    return await answer.text()
  } finally {
    program.stdin.end()
  }
}

async function readAddress(stderr) {
  const lines = []
  for await (const line of createInterface({ input: stderr })) {
    lines.push(line)
    const [, url] = /url=(\S+\/openapi\.json)$/.exec(line) ?? []
    if (url) return url
  }
  throw new Error(`the program did not start:\n${lines.join('\n')}`)
}

await main()
