import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { CommandContext } from '../../../src/cli/config/command-line.ts'
import { checkClients } from '../../../src/cli/doctor/client-entries.ts'
import { type ClientId, findClient, findConfigFiles } from '../../../src/cli/print-config/clients.ts'
import { operations } from '../../../src/operations/index.ts'
import { createCommandContext } from '../../support/command-context.ts'
import { makeFolder, startProgram } from '../../support/program.ts'
import { findClosedAddress } from '../../support/upstream.ts'

const WORKS = new RegExp(`: ${operations.length} tools, list-customers works$`)
const PROGRAM = resolve('bin/metronome-customers-mcp.js')
const SANDBOX = { command: process.execPath, args: [PROGRAM, '--sandbox'] }
const KEYED = { command: process.execPath, args: [PROGRAM], env: { METRONOME_API_KEY: 'key-of-a-test-0123456789' } }

const createContext = (): CommandContext =>
  createCommandContext({ home: makeFolder(), cwd: makeFolder(), environment: { PATH: process.env.PATH } }).context

function writeConfigFile(context: CommandContext, id: ClientId, text: string): string {
  const [path = ''] = findConfigFiles(findClient(id), context)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  return path
}

const cursor = (entry: object, key = 'metronome', servers = 'mcpServers'): string =>
  JSON.stringify({ [servers]: { [key]: entry } }, null, 2)

interface Mistake {
  readonly id?: ClientId
  readonly text: string
  readonly status?: 'error' | 'warning'
  readonly message: RegExp
  readonly fix: RegExp
  /** The text after what the fix says; that of a good entry unless given. */
  readonly fixed?: string
}

const GOOD = cursor(SANDBOX)
const REPLACE = /^Replace the entry with that of: metronome-customers-mcp print-config cursor$/

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'a missing comma': {
    text: GOOD.replace('",\n', '"\n'),
    message: /is not valid JSON: comma expected in line \d+, column \d+/,
    fix: /^Correct that line: Cursor ignores the whole file\.$/,
  },
  'curly quotes': {
    text: GOOD.replace('"mcpServers"', '“mcpServers”'),
    message: /not valid JSON: invalid symbol in line 2, column 3/,
    fix: /Correct/,
  },
  'an empty file': {
    text: '',
    message: /not valid JSON: value expected in line 1, column 1/,
    fix: /Correct/,
  },
  'a truncated file': {
    id: 'claude-desktop',
    text: GOOD.slice(0, -8),
    message: /not valid JSON: close brace expected/,
    fix: /Correct that line: Claude Desktop ignores the whole file\./,
  },
  'broken TOML': {
    id: 'codex',
    text: '[mcp_servers.metronome\ncommand = "npx"\n',
    message: /not valid TOML: syntax error in line 1, column \d+/,
    fix: /Correct that line: Codex ignores the whole file\./,
    fixed: `[mcp_servers.metronome]\ncommand = "${process.execPath}"\nargs = ["${PROGRAM}", "--sandbox"]\n`,
  },
  'a byte-order mark': {
    id: 'claude-desktop',
    text: `\ufeff${GOOD}`,
    message: /starts with a byte-order mark/,
    fix: /^Save it as UTF-8 without BOM before you start Claude Desktop/,
  },
  'a comment': {
    text: `// mine\n${GOOD}`,
    message: /not valid JSON: invalid comment token in line 1, column 1/,
    fix: /Correct/,
  },
  'a trailing comma': {
    text: GOOD.replace(/\}\s*$/, ',}'),
    message: /not valid JSON: property name expected/,
    fix: /Correct/,
  },
  'servers in place of mcpServers': {
    text: cursor(SANDBOX, 'metronome', 'servers'),
    message: /under "servers"/,
    fix: /^Rename that field to "mcpServers"\.$/,
  },
  'a misspelt package': {
    text: cursor({ command: 'npx', args: ['-y', 'metronome-customer-mcp', '--sandbox'] }),
    message: /names the package metronome-customer-mcp, which is not this one/,
    fix: /^Write metronome-customers-mcp\.$/,
  },
  'a misspelt variable': {
    text: cursor({ ...SANDBOX, env: { METRONOME_APIKEY: KEYED.env.METRONOME_API_KEY } }),
    message: /with the variable METRONOME_APIKEY, which this server does not read/,
    fix: /^Rename it to METRONOME_API_KEY\.$/,
    fixed: cursor({ ...SANDBOX, ...{ env: KEYED.env } }),
  },
  'a variable that the client does not replace': {
    id: 'claude-desktop',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what people write
    text: cursor({ ...SANDBOX, env: { METRONOME_API_KEY: '${METRONOME_API_KEY}' } }),
    message: /with the name of a variable as a value, which Claude Desktop does not replace/,
    fix: /^Write the value itself\.$/,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
  },
  'a key with which the server does not start': {
    text: cursor({ ...KEYED, env: { METRONOME_API_KEY: 'abc' } }),
    message:
      /but it ends or responds with an error: .*METRONOME_API_KEY is shorter than 8 characters; copy the API key/,
    fix: /^Correct what it names in that entry\.$/,
  },
  'an unknown option': {
    text: cursor({ ...SANDBOX, args: [PROGRAM, '--sandbx'], env: KEYED.env }),
    message: /unknown option --sandbx; did you mean --sandbox\?/,
    fix: /^Correct what it names in that entry\.$/,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
  },
  'command and arguments in one text': {
    text: cursor({ command: 'npx -y metronome-customers-mcp', args: ['--sandbox'] }),
    message: /but the command npx -y metronome-customers-mcp is not found/,
    fix: REPLACE,
  },
  'a misspelt command': {
    text: cursor({ command: 'npxx', args: ['-y', 'metronome-customers-mcp', '--sandbox'] }),
    message: /but the command npxx is not found/,
    fix: REPLACE,
  },
  'arguments in one text': {
    text: cursor({ command: 'npx', args: '-y metronome-customers-mcp --sandbox' }),
    message: /in a form that Cursor does not read/,
    fix: REPLACE,
  },
  'an entry that is switched off': {
    text: cursor({ ...SANDBOX, disabled: true }),
    status: 'warning',
    message: /switched off/,
    fix: /^Switch it on in Cursor\.$/,
  },
  'the form of another client': {
    id: 'opencode',
    text: JSON.stringify({ mcp: { metronome: { type: 'local', ...SANDBOX } } }),
    message: /in a form that opencode does not read/,
    fix: /print-config opencode$/,
    fixed: JSON.stringify({ mcp: { metronome: { type: 'local', command: [SANDBOX.command, ...SANDBOX.args] } } }),
  },
  'no key': {
    text: cursor({ command: process.execPath, args: [PROGRAM] }),
    status: 'warning',
    message: /without an API key/,
    fix: /^Add METRONOME_API_KEY to its "env" block/,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
  },
  'the placeholder as key': {
    text: cursor({ ...SANDBOX, env: { METRONOME_API_KEY: 'YOUR_METRONOME_API_KEY' } }),
    message: /with the placeholder as API key/,
    fix: /^Replace it with your Metronome API key\.$/,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
  },
  'a name that is too long': {
    text: cursor(SANDBOX, 'metronome-customers-mcp'),
    message: new RegExp(`7 of ${operations.length} tool names exceed this client's name limit`),
    fix: /^Rename it to "metronome" there\.$/,
  },
}

describe.each(Object.entries(MISTAKES))('%s', (_, { id = 'cursor', text, status = 'error', message, fix, fixed }) => {
  test('is found', async () => {
    const context = createContext()
    const path = writeConfigFile(context, id, text)
    const results = await checkClients(context, true)
    expect(results[0]).toEqual({
      check: findClient(id).title,
      status,
      message: expect.stringMatching(message),
      fix: expect.stringMatching(fix),
    })
    expect(results[0]?.message).toContain(path)
    expect(JSON.stringify(results)).not.toContain(KEYED.env.METRONOME_API_KEY)
  })

  if (fixed !== undefined) test('is right after what the fix says', () => expectRight(id, fixed))
})

test('a good entry, to which most mistakes are corrected, is right', () => expectRight('cursor', GOOD))

async function expectRight(id: ClientId, text: string): Promise<void> {
  const context = createContext()
  writeConfigFile(context, id, text)
  expect(await checkClients(context, true)).toEqual([
    { check: findClient(id).title, status: 'ok', message: expect.stringMatching(WORKS) },
  ])
}

test('an address at which nothing listens is found', async () => {
  const context = createContext()
  const url = `${await findClosedAddress()}/mcp`
  writeConfigFile(context, 'cursor', cursor({ url }))
  expect(await checkClients(context, true)).toMatchObject([
    {
      status: 'error',
      message: expect.stringContaining('but it cannot be reached (ECONNREFUSED)'),
      fix: 'Start it with metronome-customers-mcp --http, or correct the URL; http://127.0.0.1:9090/mcp is the default.',
    },
  ])
})

describe('a running server', () => {
  const TOKEN = 'token-of-a-test-0123456789-0123456789'

  /** The built program over HTTP; resolves with its address. */
  async function startServer(): Promise<string> {
    const program = startProgram({
      args: ['--http', '--sandbox', '--port', '0', '--log-format', 'json'],
      env: { METRONOME_MCP_AUTH_TOKEN: TOKEN },
    })
    await program.seeOnStderr('/mcp"')
    return /http:[^"]+\/mcp/.exec(program.stderr())?.[0] ?? ''
  }

  test('works with the headers of the entry', async () => {
    const context = createContext()
    writeConfigFile(
      context,
      'cursor',
      cursor({ url: await startServer(), headers: { Authorization: `Bearer ${TOKEN}` } }),
    )
    expect(await checkClients(context, true)).toMatchObject([{ status: 'ok', message: expect.stringMatching(WORKS) }])
  })

  test('that rejects the token gets the advice to add one', async () => {
    const context = createContext()
    writeConfigFile(context, 'cursor', cursor({ url: await startServer() }))
    expect(await checkClients(context, true)).toMatchObject([
      { status: 'error', fix: expect.stringMatching(/^Add the header "Authorization": "Bearer TOKEN"/) },
    ])
  })
})

describe('what is not run', () => {
  /** Leaves a trace when it is started. */
  function createTrap(): { entry: object; isSprung: () => boolean } {
    const folder = makeFolder({
      'metronome-customers-mcp.js': "require('node:fs').writeFileSync(__dirname + '/ran', '')",
    })
    const isSprung = (): boolean => {
      try {
        readFileSync(`${folder}/ran`)
        return true
      } catch {
        return false
      }
    }
    return { entry: { command: 'node', args: [`${folder}/metronome-customers-mcp.js`, '--sandbox'] }, isSprung }
  }

  test('an entry in the file of a project', async () => {
    const context = createContext()
    const { entry, isSprung } = createTrap()
    writeFileSync(`${context.cwd}/.mcp.json`, cursor(entry))
    expect(await checkClients(context, true)).toMatchObject([
      {
        check: 'Claude Code',
        status: 'warning',
        message: expect.stringContaining('not run, since it is in the file of a project'),
      },
    ])
    expect(isSprung()).toBe(false)
  })

  test('any entry with --no-run', async () => {
    const context = createContext()
    const { entry, isSprung } = createTrap()
    writeConfigFile(context, 'cursor', cursor(entry))
    expect(await checkClients(context, false)).toMatchObject([{ check: 'Cursor', status: 'ok' }])
    expect(isSprung()).toBe(false)
  })

  test.each([
    { command: 'sh', args: ['-c', 'touch ran', 'metronome-customers-mcp', '--sandbox'] },
    { command: 'npx', args: ['-y', '--package', 'evil', 'metronome-customers-mcp', '--sandbox'] },
    { command: 'node', args: ['--require', './evil.js', 'metronome-customers-mcp.js', '--sandbox'] },
    { command: 'node', args: ['evil.js', 'metronome-customers-mcp', '--sandbox'] },
  ])('$command $args', async (entry) => {
    const context = createContext()
    writeConfigFile(context, 'cursor', cursor(entry))
    expect(await checkClients(context, true)).toMatchObject([
      { status: 'warning', message: expect.stringContaining('not run, since its command is not npx or node with') },
    ])
  })

  test('an entry whose values only the client knows', async () => {
    const context = createContext()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what Cursor replaces
    writeConfigFile(context, 'cursor', cursor({ ...SANDBOX, env: { METRONOME_API_KEY: '${env:KEY}' } }))
    expect(await checkClients(context, true)).toMatchObject([
      { status: 'warning', message: expect.stringContaining('only Cursor knows the values') },
    ])
  })
})

test('a server that is started is not left behind', async () => {
  const context = createContext()
  const folder = makeFolder({
    'metronome-customers-mcp.js': `require('node:fs').writeFileSync(__dirname + '/pid', String(process.pid)); process.stdin.resume()
      process.stdin.on('end', () => {}); setInterval(() => {}, 1000); console.error('secret is key-of-a-test-0123456789'); process.exitCode = 3; setTimeout(() => process.exit(3), 200)`,
  })
  writeConfigFile(context, 'cursor', cursor({ ...KEYED, args: [`${folder}/metronome-customers-mcp.js`] }))
  const [result] = await checkClients(context, true)
  expect(result).toMatchObject({ status: 'error', message: expect.stringContaining('secret is [redacted]') })
  expect(() => process.kill(Number(readFileSync(`${folder}/pid`, 'utf8')), 0)).toThrow('ESRCH')
})
