import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import type { CommandContext } from '../../../src/cli/config/command-line.ts'
import { checkClients } from '../../../src/cli/doctor/client-entries.ts'
import {
  CLIENT_IDS,
  type ClientId,
  findClient,
  findConfigFiles,
  HTTP_URL,
} from '../../../src/cli/print-config/clients.ts'
import { buildSnippet } from '../../../src/cli/print-config/snippet.ts'
import { operations } from '../../../src/operations/index.ts'
import { createCommandContext } from '../../support/command-context.ts'
import { KEY } from '../../support/harness.ts'
import { makeFolder } from '../../support/program.ts'

const LAUNCH = { command: 'npx', args: ['-y', 'metronome-customers-mcp'] }

const createContext = () => createCommandContext({ home: makeFolder(), cwd: makeFolder() }).context

/** Writes the user's own configuration file of a client. */
function writeConfigFile(context: CommandContext, id: ClientId, text: string): string {
  const [path = ''] = findConfigFiles(findClient(id), context)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

const snippetWithKey = (id: ClientId): string =>
  (buildSnippet(findClient(id)) ?? '').replace('YOUR_METRONOME_API_KEY', KEY)

test.each(CLIENT_IDS)('the configuration that print-config prints for %s is ok', async (id) => {
  const context = createContext()
  const path = writeConfigFile(context, id, snippetWithKey(id))
  expect(await checkClients(context, false)).toEqual([
    { check: findClient(id).title, status: 'ok', message: `${path} configures this server as "metronome"` },
  ])
})

test('a running server that is configured by its URL is ok', async () => {
  const context = createContext()
  writeConfigFile(
    context,
    'windsurf',
    buildSnippet(findClient('windsurf'), { http: { url: HTTP_URL, needsToken: false } }) ?? '',
  )
  expect(await checkClients(context, false)).toMatchObject([{ check: 'Windsurf', status: 'ok' }])
})

test.each<ClientId>(['cursor', 'claude-code', 'claude-desktop', 'gemini'])(
  'tool names are too long for %s under the name of the package',
  async (id) => {
    const context = createContext()
    writeConfigFile(context, id, snippetWithKey(id).replace('"metronome"', '"metronome-customers-mcp"'))
    expect(await checkClients(context, false)).toEqual([
      {
        check: findClient(id).title,
        status: 'error',
        message: expect.stringContaining(`: 7 of ${operations.length} tool names exceed this client's name limit`),
        fix: 'Rename it to "metronome" there.',
      },
    ])
  },
)

test('a longer name that loses no tool is a warning', async () => {
  const context = createContext()
  writeConfigFile(
    context,
    'codex',
    snippetWithKey('codex').replaceAll('metronome]', 'metronome-2]').replaceAll('metronome.env', 'metronome-2.env'),
  )
  expect(await checkClients(context, false)).toMatchObject([{ check: 'Codex', status: 'warning' }])
})

test('nothing of other servers and no value of this one is reported', async () => {
  const context = createContext()
  const servers = {
    other: { command: 'other', env: { TOKEN: 'other-secret' } },
    metronome: { ...LAUNCH, args: ['-y', 'metronome-customers-mcp@0.1.0'], env: { METRONOME_API_KEY: KEY } },
  }
  writeConfigFile(context, 'cursor', `{ /* mine */ "mcpServers": ${JSON.stringify(servers)}, }`)
  writeConfigFile(context, 'claude-desktop', '{ "mcpServers": { "leak": "half-a-secret')
  const report = JSON.stringify(await checkClients(context, false))
  expect(report).not.toMatch(/other|secret|leak|mk_test/)
  expect(report).toContain('is not valid JSON')
})

test('a missing key, a placeholder and the server of one project are found', async () => {
  const context = createContext()
  const project = { mcpServers: { metronome: { ...LAUNCH, args: [...LAUNCH.args, '--sandbox'] } } }
  writeConfigFile(context, 'claude-code', JSON.stringify({ projects: { [context.cwd]: project } }))
  writeConfigFile(context, 'kiro', JSON.stringify({ mcpServers: { metronome: LAUNCH } }))
  writeConfigFile(context, 'windsurf', buildSnippet(findClient('windsurf')) ?? '')
  expect((await checkClients(context, false)).map(({ check, status }) => [check, status])).toEqual([
    ['Claude Code', 'ok'],
    ['Windsurf', 'error'],
    ['Kiro', 'warning'],
  ])
})

test('a machine without any configuration gets a warning that names print-config', async () => {
  expect(await checkClients(createContext(), false)).toEqual([
    {
      check: 'clients',
      status: 'warning',
      message: 'not configured in any known client',
      fix: 'See metronome-customers-mcp print-config --help.',
    },
  ])
})

/** Makes a file that must not be read like any other at the path of a client's configuration. */
const HOSTILE_FILES: Readonly<Record<string, (path: string) => void>> = {
  'a named pipe': (path) => void execFileSync('mkfifo', [path]),
  'a directory': (path) => void mkdirSync(path),
  'a file of 1 GB': (path) => {
    writeFileSync(path, '')
    truncateSync(path, 1e9)
  },
  'a million brackets': (path) => writeFileSync(path, '['.repeat(1e6)),
}

const HOSTILE = /is not a file of at most 10 MiB|is nested too deep|is not valid TOML/

test.each<[string, ClientId]>(
  Object.keys(HOSTILE_FILES).flatMap((name) => [
    [name, 'cursor'],
    [name, 'codex'],
  ]),
)('%s as the configuration of %s is an error', async (name, id) => {
  const context = createContext()
  const [path = ''] = findConfigFiles(findClient(id), context)
  mkdirSync(dirname(path), { recursive: true })
  HOSTILE_FILES[name]?.(path)
  expect(await checkClients(context, false)).toContainEqual(
    expect.objectContaining({ check: findClient(id).title, status: 'error', message: expect.stringMatching(HOSTILE) }),
  )
})

test.each([
  [40, { check: 'clients', message: 'not configured in any known client' }],
  [100_000, { check: 'Cursor', status: 'error', message: expect.stringMatching(/is nested too deep$/) }],
])('objects in %i levels are not searched', async (levels, result) => {
  const context = createContext()
  const inner = '{"mcpServers":{"metronome":{"command":"npx","args":["metronome-customers-mcp"]}}}'
  writeConfigFile(context, 'cursor', `${'{"a":'.repeat(levels)}${inner}${'}'.repeat(levels)}`)
  const [first] = await checkClients(context, false)
  expect(first).toMatchObject(result)
})
