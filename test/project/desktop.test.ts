// What a client does with the entries of print-config. nightly.yml runs this on Windows and macOS, too.
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { NAME } from '../../src/version.ts'
import { baseEnvironment, INITIALIZE, makeFolder, runProgram, startProgram, toolCall } from '../support/program.ts'

interface Entry {
  readonly command: string
  readonly args: readonly string[]
}

async function printEntry(...flags: string[]): Promise<Entry> {
  const { stdout } = await runProgram({ args: ['print-config', 'cursor', '--sandbox', ...flags] })
  return JSON.parse(stdout).mcpServers.metronome
}

/** Starts the entry in a folder, as a client does: without a shell. Lists the tools, calls one, and ends the input. */
async function useEntry({ command, args }: Entry, cwd: string) {
  const env = baseEnvironment({ npm_config_cache: join(cwd, 'cache'), npm_config_update_notifier: 'false' })
  const child = spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill())
  const ended = once(child, 'close')
  const messages = [
    INITIALIZE,
    { jsonrpc: '2.0', method: 'notifications/initialized' },
    { jsonrpc: '2.0', id: 'tools', method: 'tools/list' },
    toolCall('call', 'list-customers', { ingest_alias: 'acme-prod' }),
  ]
  child.stdin.write(messages.map((message) => `${JSON.stringify(message)}\n`).join(''))
  const results = new Map<string, { tools?: unknown[]; structuredContent?: unknown }>()
  for await (const line of createInterface({ input: child.stdout })) {
    const { id, result } = JSON.parse(line)
    results.set(id, result)
    if (results.size === 3) child.stdin.end()
  }
  const [code] = await ended
  return { code, tools: results.get('tools')?.tools?.length, called: results.get('call')?.structuredContent }
}

const USED = { code: 0, tools: operations.length, called: { data: [{ name: 'Acme Robotics' }] } }

test('the entry of a clone starts it', async () => {
  expect(await useEntry(await printEntry(), makeFolder())).toMatchObject(USED)
})

test('the entry of the package starts the packed program with npx in an empty folder', async () => {
  const folder = makeFolder()
  // The tests run on a fresh build; building again would pull it away from under the others.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]
  const { stdout } = await promisify(execFile)('npm', pack, { shell: process.platform === 'win32' })
  renameSync(join(folder, JSON.parse(stdout)[0].filename), join(folder, 'program.tgz'))
  const { command, args } = await printEntry('--npx')
  expect(args).toContain(NAME)
  const local = args.map((word) => (word === NAME ? './program.tgz' : word))
  expect(await useEntry({ command, args: local }, folder)).toMatchObject(USED)
}, 60_000)

test('--http serves on a free port', async () => {
  const program = startProgram({ args: ['--http', '--sandbox', '--port', '0'] })
  await program.seeOnStderr('/mcp')
  const [, origin] = /url=(\S+)\/mcp/.exec(program.stderr()) ?? []
  expect(await fetch(`${origin}/healthz`)).toMatchObject({ status: 200 })
})
