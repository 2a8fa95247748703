import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { parse as parseJson } from 'jsonc-parser'
import { parse as parseToml } from 'smol-toml'
import { installTool } from './tool.mjs'

/** Files that add-mcp writes below a home folder, by our name of the client. It knows no LM Studio. */
const FILES = {
  'claude-desktop': '.config/Claude/claude_desktop_config.json',
  'claude-code': '.claude.json',
  cursor: '.cursor/mcp.json',
  vscode: '.config/Code/User/mcp.json',
  codex: '.codex/config.toml',
  gemini: '.gemini/settings.json',
  windsurf: '.codeium/windsurf/mcp_config.json',
  opencode: '.config/opencode/opencode.jsonc',
  zed: '.config/zed/settings.json',
  kiro: '.kiro/settings/mcp.json',
}
const PROGRAM = join(import.meta.dirname, '../../bin/metronome-customers-mcp.js')
const KEY = 'YOUR_METRONOME_API_KEY'
const URL_OF_SERVER = 'http://127.0.0.1:9090/mcp'

/** Holds what `print-config` prints against what a tool of another maker writes for the same clients. */
export function compareWithAddMcp(folder) {
  compare(join(folder, 'stdio'), ['--npx'], ['metronome-customers-mcp', '--env', `METRONOME_API_KEY=${KEY}`])
  compare(join(folder, 'http'), ['--http'], [URL_OF_SERVER, '--transport', 'http'])
  checkWithDoctor(join(folder, 'doctor'))
  console.log(`ok  add-mcp writes what print-config prints, for ${Object.keys(FILES).length} clients`)
}

/** The command of docs/clients.md with a key; `doctor` finds nothing wrong with what it writes. */
function checkWithDoctor(home) {
  runAddMcp(home, ['metronome-customers-mcp', '-g', '--env', 'METRONOME_API_KEY=key-of-a-user-0123'])
  const { PATH } = process.env
  const report = execFileSync(process.execPath, [PROGRAM, 'doctor', '--sandbox', '--no-run', '--json'], {
    cwd: home,
    env: { PATH, HOME: home },
    encoding: 'utf8',
  })
  const found = JSON.parse(report).checks.filter(({ message }) => message.includes('configures this server'))
  const clients = new Set(found.filter(({ status }) => status === 'ok').map(({ check }) => check))
  if (clients.size !== Object.keys(FILES).length) throw new Error(`doctor: ${JSON.stringify(found, null, 2)}`)
  console.log(`ok  doctor finds what add-mcp writes for ${clients.size} clients`)
}

function runAddMcp(home, args) {
  mkdirSync(home)
  const { PATH } = process.env
  execFileSync(installTool('add-mcp', 'add-mcp'), [...args, '-y', '--all', '--name', 'metronome'], {
    cwd: home,
    env: { PATH, HOME: home },
    stdio: 'ignore',
  })
}

function compare(home, flags, args) {
  runAddMcp(home, args)
  for (const [id, path] of Object.entries(FILES)) {
    // Claude Desktop reaches no server on this machine by HTTP; add-mcp writes none either.
    if (!existsSync(join(home, path)) && id === 'claude-desktop' && flags.includes('--http')) continue
    const printed = runNode(PROGRAM, 'print-config', id, '--file', ...flags).replace(/\$\{input:\w+\}/, KEY)
    const ours = parseEntry(id, printed)
    const theirs = parseEntry(id, readFileSync(join(home, path), 'utf8'))
    if (!isDeepStrictEqual(ours, theirs))
      throw new Error(`${id}: ours ${JSON.stringify(ours)}, add-mcp ${JSON.stringify(theirs)}`)
  }
}

/** The entry of our server, less what says nothing. */
function parseEntry(id, text) {
  const file = id === 'codex' ? parseToml(text) : parseJson(text)
  const { mcpServers, servers, mcp, mcp_servers, context_servers } = file
  const entry = { ...(mcpServers ?? servers ?? mcp ?? mcp_servers ?? context_servers).metronome }
  if (Object.keys(entry.headers ?? {}).length === 0) delete entry.headers
  // Codex tells HTTP by the url; its own command writes no type.
  if (id === 'codex') delete entry.type
  return JSON.parse(JSON.stringify(entry))
}

function runNode(...args) {
  return execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
}
