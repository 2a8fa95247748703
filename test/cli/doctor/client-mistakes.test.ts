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

const check = async (context: CommandContext, run = true) => (await checkClients(context, run)).results

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
  /** The text after what the fix says. */
  readonly fixed: string
}

const GOOD = cursor(SANDBOX)
const CORRECT = /^Correct it, or replace the entry with that of: metronome-customers-mcp print-config cursor$/

const MISTAKES: Readonly<Record<string, Mistake>> = {
  'a missing comma': {
    text: GOOD.replace('",\n', '"\n'),
    message: /is not valid JSON: comma expected in line \d+, column \d+/,
    fix: /^Correct that line: Cursor ignores the whole file\.$/,
    fixed: GOOD,
  },
  'curly quotes': {
    text: GOOD.replace('"mcpServers"', '“mcpServers”'),
    message: /not valid JSON: invalid symbol in line 2, column 3/,
    fix: /Correct/,
    fixed: GOOD,
  },
  'an empty file': {
    text: '',
    message: /not valid JSON: value expected in line 1, column 1/,
    fix: /Correct/,
    fixed: GOOD,
  },
  'a truncated file': {
    id: 'claude-desktop',
    text: GOOD.slice(0, -8),
    message: /not valid JSON: close brace expected/,
    fix: /Correct that line: Claude Desktop ignores the whole file\./,
    fixed: GOOD,
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
    fixed: GOOD,
  },
  'a comment': {
    text: `// mine\n${GOOD}`,
    message: /not valid JSON: invalid comment token in line 1, column 1/,
    fix: /Correct/,
    fixed: GOOD,
  },
  'a trailing comma': {
    text: GOOD.replace(/\}\s*$/, ',}'),
    message: /not valid JSON: property name expected/,
    fix: /Correct/,
    fixed: GOOD,
  },
  'servers in place of mcpServers': {
    text: cursor(SANDBOX, 'metronome', 'servers'),
    message: /under "servers"/,
    fix: /^Rename that field to "mcpServers"\.$/,
    fixed: GOOD,
  },
  'a misspelt package': {
    text: cursor({ command: 'npx', args: ['-y', 'metronome-customer-mcp', '--sandbox'] }),
    message: /names the package metronome-customer-mcp, which is not this one/,
    fix: /^Write metronome-customers-mcp\.$/,
    fixed: GOOD,
  },
  'a misspelt variable': {
    text: cursor({ ...KEYED, env: { METRONOME_APIKEY: KEYED.env.METRONOME_API_KEY } }),
    message: /METRONOME_APIKEY.*METRONOME_API_KEY/,
    fix: CORRECT,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
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
      /but it ends or responds with an error: metronome-customers-mcp: METRONOME_API_KEY is shorter than 8 characters; copy/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'an unknown option': {
    text: cursor({ ...SANDBOX, args: [PROGRAM, '--sandbx'], env: KEYED.env }),
    message: /unknown option --sandbx; did you mean --sandbox\?/,
    fix: CORRECT,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
  },
  'command and arguments in one text': {
    text: cursor({ command: 'npx -y metronome-customers-mcp', args: ['--sandbox'] }),
    message: /, but its command is not found$/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'a misspelt command': {
    text: cursor({ command: 'npxx', args: ['-y', 'metronome-customers-mcp'] }),
    message: /, but its command is not found$/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'arguments in one text': {
    text: cursor({ command: 'npx', args: '-y metronome-customers-mcp --sandbox' }),
    message: /in a form that Cursor does not read/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'an entry that is switched off': {
    text: cursor({ ...SANDBOX, disabled: true }),
    status: 'warning',
    message: /switched off/,
    fix: /^Switch it on in Cursor\.$/,
    fixed: GOOD,
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
    message: /list-customers fails: .*METRONOME_API_KEY is not set.* in the "env" block/,
    fix: /^Add METRONOME_API_KEY to its "env" block .*unless the client inherits it/,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
  },
  'the placeholder as key': {
    text: cursor({ ...KEYED, env: { METRONOME_API_KEY: 'YOUR_METRONOME_API_KEY' } }),
    message: /METRONOME_API_KEY is a placeholder; copy the API key from Metronome again\.$/,
    fix: CORRECT,
    fixed: cursor({ ...SANDBOX, env: KEYED.env }),
  },
  'a path that has moved': {
    text: cursor({ command: process.execPath, args: ['/moved away/bin/metronome-customers-mcp.js', '--sandbox'] }),
    message: /with an error: Error: Cannot find module 'metronome-customers-mcp\.js'$/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'an address with a version': {
    text: cursor({ ...KEYED, env: { ...KEYED.env, METRONOME_BASE_URL: 'https://api.metronome.com/v1' } }),
    message: /METRONOME_BASE_URL ends in \/v1; set it to https:\/\/api\.metronome\.com or unset it\.$/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'certificates that cannot be read': {
    text: cursor({
      ...KEYED,
      env: { ...KEYED.env, METRONOME_BASE_URL: 'https://127.0.0.1:1', NODE_EXTRA_CA_CERTS: '~/ca.pem' },
    }),
    message: /no connection .*\. Warning: Ignoring extra certs from `\[redacted\]`, load failed/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'several wrong options and variables': {
    text: cursor({ ...KEYED, env: { METRONOME_READ_ONLY: 'perhaps', METRONOME_TIMEOUT_MS: '5' } }),
    message: /METRONOME_TIMEOUT_MS must be .*METRONOME_READ_ONLY must be/,
    fix: CORRECT,
    fixed: GOOD,
  },
  'a name that is too long': {
    text: cursor(SANDBOX, 'metronome-customers-mcp'),
    message: new RegExp(`7 of ${operations.length} tool names exceed this client's name limit`),
    fix: /^Rename it to "metronome" there\.$/,
    fixed: GOOD,
  },
}

describe('a mistake is found', () => {
  test.each(Object.entries(MISTAKES))('%s', async (_, { id = 'cursor', text, status = 'error', message, fix }) => {
    const context = createContext()
    const path = writeConfigFile(context, id, text)
    const results = await check(context)
    expect(results).toEqual([
      {
        check: findClient(id).title,
        status,
        message: expect.stringMatching(message),
        fix: expect.stringMatching(fix),
      },
    ])
    expect(results[0]?.message).toContain(path)
    expect(JSON.stringify(results)).not.toContain(KEYED.env.METRONOME_API_KEY)
  })
})

describe('what the fixes say works', () => {
  const FIXED = new Map(Object.values(MISTAKES).map(({ id = 'cursor', fixed }) => [`${id} ${fixed}`, { id, fixed }]))

  test.each(Array.from(FIXED.values()))('$id $fixed', async ({ id, fixed }) => {
    const context = createContext()
    writeConfigFile(context, id, fixed)
    expect(await check(context)).toEqual([
      { check: findClient(id).title, status: 'ok', message: expect.stringMatching(WORKS) },
    ])
  })
})

test('an address at which nothing listens is found', async () => {
  const context = createContext()
  const url = `${await findClosedAddress()}/mcp`
  writeConfigFile(context, 'cursor', cursor({ url }))
  expect(await check(context)).toMatchObject([
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
    expect(await check(context)).toMatchObject([{ status: 'ok', message: expect.stringMatching(WORKS) }])
  })

  test('that rejects the token gets the advice to add one', async () => {
    const context = createContext()
    writeConfigFile(context, 'cursor', cursor({ url: await startServer() }))
    expect(await check(context)).toMatchObject([
      { status: 'error', fix: expect.stringMatching(/^Give its header "Authorization": "Bearer TOKEN"/) },
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
    expect(await check(context)).toMatchObject([
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
    expect(await check(context, false)).toMatchObject([{ check: 'Cursor', status: 'ok' }])
    expect(isSprung()).toBe(false)
  })

  test('an entry without a key with --no-run, which still says so', async () => {
    const context = createContext()
    writeConfigFile(context, 'cursor', cursor({ command: process.execPath, args: [PROGRAM] }))
    expect(await check(context, false)).toMatchObject([
      { status: 'warning', message: expect.stringMatching(/, without an API key$/) },
    ])
  })

  test.each([
    { command: 'sh', args: ['-c', 'touch ran', 'metronome-customers-mcp', '--sandbox'] },
    { command: 'npx', args: ['-y', '--package', 'evil', 'metronome-customers-mcp', '--sandbox'] },
    { command: 'node', args: ['--require', './evil.js', 'metronome-customers-mcp.js', '--sandbox'] },
    { command: 'node', args: ['evil.js', 'metronome-customers-mcp', '--sandbox'] },
    { command: './npx', args: ['-y', 'metronome-customers-mcp', '--sandbox'] },
    { command: '.\\npx', args: ['-y', 'metronome-customers-mcp', '--sandbox'] },
  ])('$command $args', async (entry) => {
    const folder = makeFolder()
    for (const name of ['npx', '.\\npx']) writeFileSync(`${folder}/${name}`, '', { mode: 0o700 })
    const context = { ...createContext(), environment: { PATH: `${process.env.PATH}:${folder}` } }
    writeConfigFile(context, 'cursor', cursor(entry))
    expect(await check(context)).toMatchObject([
      { status: 'warning', message: expect.stringContaining('not run, since its command is not npx or node with') },
    ])
  })

  test('an entry whose values only the client knows', async () => {
    const context = createContext()
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what Cursor replaces
    writeConfigFile(context, 'cursor', cursor({ ...SANDBOX, env: { METRONOME_API_KEY: '${env:KEY}' } }))
    expect(await check(context)).toMatchObject([
      { status: 'warning', message: expect.stringContaining('only Cursor knows the values') },
    ])
  })
})

describe('what an entry prints', () => {
  const SECRET = 'sEcReT-0123456789-abcdefghij-0123456789-abcdefghij'

  /** The entry of a program that prints this and ends; its folder has a secret in its name. */
  async function report(lines: string, { args = [], env = {} }: { args?: string[]; env?: object } = {}) {
    const { context, stderr } = createCommandContext({
      home: makeFolder(),
      cwd: makeFolder(),
      environment: { PATH: process.env.PATH },
    })
    const folder = `${makeFolder()}/${SECRET} folder`
    mkdirSync(folder)
    writeFileSync(`${folder}/metronome-customers-mcp.js`, `console.error(${lines}); process.exitCode = 1`)
    const entry = { command: process.execPath, args: [`${folder}/metronome-customers-mcp.js`, ...args], env }
    writeConfigFile(context, 'cursor', cursor(entry))
    const [result] = await check(context)
    expect(`${JSON.stringify(result)} ${stderr()}`).not.toContain('sEcReT')
    return result?.message.replace(/^.* with an error: /, '')
  }

  test.each([
    ['a value of a variable', `process.env.X`, { env: { X: SECRET } }, '[redacted]'],
    ['its beginning', `process.env.X.slice(0, 40) + '…'`, { env: { X: SECRET } }, '[redacted]'],
    ['one of a list', `process.argv[3].split(',')[1]`, { args: ['--tools', `reads,${SECRET}`] }, '[redacted]'],
    ['the value of an option', `process.argv[2].slice(8)`, { args: [`--audit=${SECRET}`] }, '[redacted]'],
    ['its own path', `'No ' + __filename + ' in ' + __dirname`, {}, 'No metronome-customers-mcp.js in'],
    ['another path', `'No file:///home/' + '${SECRET}' + '/dist/main.js'`, {}, 'No main.js'],
    ['the name of an option', `'unknown option ' + process.argv[2]`, { args: ['--sandbx'] }, 'unknown option --sandbx'],
  ])('%s', async (_, lines, options, expected) => {
    expect(await report(lines, options)).toBe(expected)
  })

  test('is the telling line, and neither the trailer of Node nor a stack', async () => {
    expect(await report(`new TypeError('a reason').stack + '\\n\\nNode.js v20.20.2'`)).toBe('TypeError: a reason')
    expect(await report(`'npm error code E404\\nnpm error 404 x\\nnpm error A complete log'`)).toBe(
      'npm error code E404',
    )
    expect(await report(`'a warning\\nthe reason\\n    at x (y:1:2)\\n\\nNode.js v20.20.2'`)).toBe('the reason')
  })

  test('is not needed for a name: neither command line nor URL is printed', async () => {
    const { context, stderr } = createCommandContext({ home: makeFolder(), cwd: makeFolder() })
    writeConfigFile(context, 'cursor', cursor({ command: `KEY=${SECRET} npx`, args: ['metronome-customers-mcp'] }))
    const url = (await findClosedAddress()).replace('//', `//user:${SECRET}@`)
    writeConfigFile(context, 'kiro', cursor({ url: `${url}/${SECRET}?api_key=${SECRET}` }))
    const results = await check(context)
    expect(results).toMatchObject([{ status: 'error' }, { status: 'error' }])
    expect(stderr()).toMatch(/^Connecting to http:\/\/127\.0\.0\.1:\d+ for Kiro\n$/)
    expect(`${JSON.stringify(results)}`).not.toContain('sEcReT')
  })
})

test('a server that is started is not left behind', async () => {
  const context = createContext()
  const folder = makeFolder({
    'metronome-customers-mcp.js': `require('node:fs').writeFileSync(__dirname + '/pid', String(process.pid)); process.stdin.resume()
      process.stdin.on('end', () => {}); setInterval(() => {}, 1000); console.error('secret is key-of-a-test-0123456789'); process.exitCode = 3; setTimeout(() => process.exit(3), 200)`,
  })
  writeConfigFile(context, 'cursor', cursor({ ...KEYED, args: [`${folder}/metronome-customers-mcp.js`] }))
  const [result] = await check(context)
  expect(result).toMatchObject({ status: 'error', message: expect.stringContaining('secret is [redacted]') })
  expect(() => process.kill(Number(readFileSync(`${folder}/pid`, 'utf8')), 0)).toThrow('ESRCH')
})
