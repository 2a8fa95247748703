// The documented set-up of each agent in an empty home folder; then the agent's own list and `doctor` must agree that the
// server works: `npm run e2e:set-up`. Needs Linux on x64 and 1.7 GB for the agents, which are installed on demand.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { importSource } from '../import-source.mjs'
import { packTarball } from './tarball.mjs'
import { installTool } from './tool.mjs'

const { CLIENTS } = await importSource('src/cli/print-config/clients.ts')
const PROGRAM = join(import.meta.dirname, '../../bin/metronome-customers-mcp.js')

const AGENTS = {
  'claude-code': { command: ['@anthropic-ai/claude-code-linux-x64', './claude'], connected: /metronome: .*Connected/ },
  codex: { command: ['@openai/codex', 'codex'], connected: /metronome .*enabled/ },
  gemini: { command: ['@google/gemini-cli', 'gemini'], connected: /metronome: .*Connected/ },
  opencode: { command: ['opencode-linux-x64', 'bin/opencode'], connected: /metronome.*connected/s },
}

const folder = mkdtempSync(join(tmpdir(), 'e2e-set-up-'))
const metronome = spawn(process.execPath, ['bench/upstream.mjs'], { stdio: ['ignore', 'pipe', 'inherit'] })
try {
  const [address] = await once(metronome.stdout, 'data')
  const tarball = packTarball(folder)
  for (const id of Object.keys(AGENTS)) check(id, String(address).trim(), tarball)
} finally {
  metronome.kill()
  rmSync(folder, { recursive: true })
}

function check(id, baseUrl, tarball) {
  const { command, connected } = AGENTS[id]
  const home = join(folder, id)
  // npx finds the package where npm has installed it for the user.
  write(home, '.npmrc', `prefix=${join(home, 'npm')}\n`)
  write(home, '.gemini/trustedFolders.json', JSON.stringify({ [home]: 'TRUST_FOLDER' }))
  const agent = installTool(...command)
  const env = { PATH: `${dirname(agent)}:${process.env.PATH}`, HOME: home, CI: '1' }
  /** What a command prints; some agents list on stderr. */
  const run = (...words) => {
    const { status, stdout, stderr } = spawnSync(words[0], words.slice(1), { cwd: home, env, encoding: 'utf8' })
    if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`)
    return stdout || stderr
  }
  run('npm', 'install', '--global', '--no-audit', '--no-fund', tarball)

  const printed = run(process.execPath, PROGRAM, 'print-config', id, '--npx')
  const values = [`METRONOME_API_KEY=bench-key-0123`, `METRONOME_BASE_URL=${baseUrl}`]
  if (CLIENTS[id].addCommand) {
    const words = printed.trim().split(' ')
    const at = words.findIndex((word) => word.startsWith('METRONOME_API_KEY='))
    run(...words.toSpliced(at, 1, values[0], words[at - 1], values[1]))
  } else {
    const file = JSON.parse(printed)
    file.mcp.metronome.environment = Object.fromEntries(values.map((value) => value.split(/=(.*)/s).slice(0, 2)))
    write(home, CLIENTS[id].files.home[0], JSON.stringify(file))
  }
  const list = run(agent, 'mcp', 'list')
  if (!connected.test(list)) throw new Error(`${id} mcp list: ${list}`)
  const { checks } = JSON.parse(run(process.execPath, PROGRAM, 'doctor', '--sandbox', '--json'))
  const result = checks.find(({ check }) => check === CLIENTS[id].title)
  if (result?.status !== 'ok' || !/: \d+ tools, list-customers works$/.test(result.message))
    throw new Error(`${id}: doctor says ${JSON.stringify(result)}`)
  console.log(`ok  ${CLIENTS[id].title}: its list and doctor agree`)
}

function write(home, path, text) {
  mkdirSync(dirname(join(home, path)), { recursive: true })
  writeFileSync(join(home, path), text)
}
