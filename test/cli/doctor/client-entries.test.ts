import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
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

const SERVER = { kind: 'stdio', start: { command: 'npx', args: ['-y', 'metronome-customers-mcp'] } } as const
const LAUNCH = SERVER.start

const createContext = (options: Partial<CommandContext> = {}) =>
  createCommandContext({
    home: makeFolder(),
    cwd: makeFolder(),
    environment: { PATH: process.env.PATH },
    ...options,
  }).context

const check = async (context: CommandContext) => (await checkClients(context, false)).results

/** Writes the user's own configuration file of a client. */
function writeConfigFile(context: CommandContext, id: ClientId, text: string): string {
  const [path = ''] = findConfigFiles(findClient(id), context)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

const snippetWithKey = (id: ClientId): string =>
  (buildSnippet(findClient(id), SERVER) ?? '').replace('YOUR_METRONOME_API_KEY', KEY)

test.each(CLIENT_IDS)('the configuration that print-config prints for %s is ok', async (id) => {
  const context = createContext()
  const path = writeConfigFile(context, id, snippetWithKey(id))
  expect(await check(context)).toEqual([
    { check: findClient(id).title, status: 'ok', message: `${path} configures this server as "metronome"` },
  ])
})

test('a running server that is configured by its URL is ok', async () => {
  const context = createContext()
  writeConfigFile(
    context,
    'windsurf',
    buildSnippet(findClient('windsurf'), { kind: 'http', url: HTTP_URL, needsToken: false }) ?? '',
  )
  expect(await check(context)).toMatchObject([{ check: 'Windsurf', status: 'ok' }])
})

test.each<ClientId>(['cursor', 'claude-code', 'claude-desktop', 'gemini'])(
  'tool names are too long for %s under the name of the package',
  async (id) => {
    const context = createContext()
    writeConfigFile(context, id, snippetWithKey(id).replace('"metronome"', '"metronome-customers-mcp"'))
    expect(await check(context)).toEqual([
      {
        check: findClient(id).title,
        status: 'error',
        message: expect.stringContaining(`: 7 of ${operations.length} tool names exceed this client's name limit`),
        fix: 'Rename it to "metronome" there.',
      },
    ])
  },
)

test('nothing of other servers and no value of this one is reported', async () => {
  const context = createContext()
  const servers = {
    other: { command: 'other', env: { TOKEN: 'other-secret' } },
    metronome: { ...LAUNCH, args: ['-y', 'metronome-customers-mcp@0.1.0'], env: { METRONOME_API_KEY: KEY } },
  }
  writeConfigFile(context, 'cursor', `{ /* mine */ "mcpServers": ${JSON.stringify(servers)}, }`)
  writeConfigFile(context, 'claude-desktop', '{ "mcpServers": { "leak": "half-a-secret')
  const report = JSON.stringify(await check(context))
  expect(report).not.toMatch(/other|secret|leak|mk_test/)
  expect(report).toContain('is not valid JSON')
})

test('the server of one project is found', async () => {
  const context = createContext()
  const project = { mcpServers: { metronome: { ...LAUNCH, args: [...LAUNCH.args, '--sandbox'] } } }
  writeConfigFile(context, 'claude-code', JSON.stringify({ projects: { [context.cwd]: project } }))
  expect(await check(context)).toMatchObject([{ check: 'Claude Code', status: 'ok' }])
})

describe('an API key in this shell is needed', () => {
  const needsKey = async (entry: object | string): Promise<boolean> => {
    const context = createContext()
    const text = typeof entry === 'string' ? entry : JSON.stringify({ mcpServers: { metronome: entry } })
    writeConfigFile(context, 'cursor', text)
    return (await checkClients(context, false)).needsKey
  }
  const SANDBOX = { ...LAUNCH, args: [...LAUNCH.args, '--sandbox'] }

  test.each<[string, object | string, boolean]>([
    ['by an entry without one', LAUNCH, true],
    ['not on the sandbox', SANDBOX, false],
    ['not on the sandbox under a field that is wrong', JSON.stringify({ servers: { metronome: SANDBOX } }), false],
    ['not with a file that cannot be parsed', '{', false],
    ['not by an entry with its own', { ...LAUNCH, env: { METRONOME_API_KEY: KEY } }, false],
    ['not by an entry with a file of variables', { ...LAUNCH, args: [...LAUNCH.args, '--env-file', 'x'] }, false],
    ['not for a running server', { url: HTTP_URL }, false],
  ])('%s', async (_, entry, expected) => {
    expect(await needsKey(entry)).toBe(expected)
  })

  test('by a machine without any configuration', async () => {
    expect((await checkClients(createContext(), false)).needsKey).toBe(true)
  })
})

/** As people write it for some client. */
const reference = (text: string) => `\${${text}}`

describe('variables in an entry', () => {
  test.each<[ClientId, string, boolean]>([
    ['cursor', reference('env:METRONOME_API_KEY'), true],
    ['cursor', reference('METRONOME_API_KEY'), false],
    ['cursor', reference('input:key'), false],
    ['claude-code', reference('METRONOME_API_KEY'), true],
    ['claude-code', reference('METRONOME_API_KEY:-none'), true],
    ['claude-code', reference('env:METRONOME_API_KEY'), false],
    ['claude-code', '$METRONOME_API_KEY', false],
    ['vscode', reference('input:key'), true],
    ['vscode', reference('env:METRONOME_API_KEY'), true],
    ['vscode', reference('METRONOME_API_KEY'), false],
    ['gemini', '$METRONOME_API_KEY', true],
    ['gemini', reference('METRONOME_API_KEY'), true],
    ['windsurf', reference('env:METRONOME_API_KEY'), true],
    ['windsurf', reference('METRONOME_API_KEY'), false],
    ['kiro', reference('METRONOME_API_KEY'), true],
    ['opencode', '{env:METRONOME_API_KEY}', true],
    ['opencode', reference('METRONOME_API_KEY'), false],
    ['claude-desktop', reference('METRONOME_API_KEY'), false],
    ['claude-desktop', '%METRONOME_API_KEY%', false],
    ['claude-desktop', '{file:~/.metronome-key}', false],
    ['codex', '$METRONOME_API_KEY', false],
    ['zed', reference('METRONOME_API_KEY'), false],
  ])('%s and %s: replaced is %s', async (id, value, isReplaced) => {
    const context = createContext()
    const text = buildSnippet(findClient(id), SERVER) ?? ''
    writeConfigFile(
      context,
      id,
      text.replace(/YOUR_METRONOME_API_KEY|\$\{input:metronome_api_key\}/, () => value),
    )
    const [result] = await check(context)
    if (isReplaced) expect(result).toMatchObject({ status: 'ok' })
    else expect(result).toMatchObject({ status: 'error', fix: 'Write the value itself.' })
  })

  test('are found in the headers of an entry, too', async () => {
    const context = createContext()
    const headers = { Authorization: `Bearer ${reference('METRONOME_API_KEY')}` }
    writeConfigFile(context, 'cursor', JSON.stringify({ mcpServers: { metronome: { url: HTTP_URL, headers } } }))
    expect(await check(context)).toMatchObject([{ status: 'error', fix: 'Write the value itself.' }])
  })
})

test('a machine without any configuration gets a warning that names print-config', async () => {
  expect(await check(createContext())).toEqual([
    {
      check: 'clients',
      status: 'warning',
      message: 'not configured in any known client',
      fix: 'Add it to one: metronome-customers-mcp print-config --help',
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

const HOSTILE = /cannot be read \((not a regular file|larger than 10240 KiB)\)|is nested too deep|is not valid TOML/

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
  expect(await check(context)).toContainEqual(
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
  const [first] = await check(context)
  expect(first).toMatchObject(result)
})

test.runIf(process.platform === 'linux')('a file that cannot be read is a line of the report', async () => {
  const context = createContext()
  const path = writeConfigFile(context, 'cursor', '')
  // A regular file that root cannot read either.
  rmSync(path)
  symlinkSync('/proc/self/mem', path)
  expect(await check(context)).toEqual([
    {
      check: 'Cursor',
      status: 'error',
      message: `${path} cannot be read (EIO)`,
      fix: 'Correct that: Cursor ignores the whole file.',
    },
  ])
})

test.each([
  ['XDG_CONFIG_HOME', { environment: { PATH: process.env.PATH, XDG_CONFIG_HOME: '.' } }],
  ['HOME', { home: '.' }],
])('a relative %s makes no file of a project the own one of the user', async (_, options) => {
  const cwd = makeFolder()
  const context = createContext({ cwd, ...options })
  const text = JSON.stringify({ mcpServers: { metronome: { ...LAUNCH, args: [...LAUNCH.args, '--sandbox'] } } })
  for (const path of ['Claude/claude_desktop_config.json', '.cursor/mcp.json']) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true })
    writeFileSync(join(cwd, path), text)
  }
  const before = process.cwd()
  process.chdir(cwd)
  const { results } = await checkClients(context, true).finally(() => process.chdir(before))
  expect(new Set(results.map(({ check }) => check))).toEqual(new Set(['Cursor']))
  for (const { message } of results) expect(message).toContain('not run, since it is in the file of a project')
})
