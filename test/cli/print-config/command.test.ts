import { execFileSync } from 'node:child_process'
import { parse as parseToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import type { CommandContext } from '../../../src/cli/config/command-line.ts'
import {
  CLIENT_IDS,
  type ClientId,
  findClient,
  findTooLongNames,
  SERVER_KEY,
} from '../../../src/cli/print-config/clients.ts'
import { printConfig } from '../../../src/cli/print-config/command.ts'
import { NAME } from '../../../src/version.ts'
import { CLONE, createCommandContext, INSTALLED } from '../../support/command-context.ts'
import { PROGRAM, runProgram } from '../../support/program.ts'

const LAUNCH = { command: 'npx', args: ['-y', 'metronome-customers-mcp'] }
const ENTRY = { ...LAUNCH, env: { METRONOME_API_KEY: 'YOUR_METRONOME_API_KEY' } }
const WINDOWS_ENTRY = { ...ENTRY, command: 'cmd', args: ['/c', 'npx', ...LAUNCH.args] }
const URL_ENTRY = { url: 'http://127.0.0.1:9090/mcp' }
const TYPED_URL_ENTRY = { type: 'http', ...URL_ENTRY }

/** The files that each client reads, over stdio and over HTTP. */
const FILES: Readonly<Record<ClientId, { stdio: object; http?: object }>> = {
  'claude-desktop': { stdio: { mcpServers: { metronome: ENTRY } } },
  'claude-code': {
    stdio: { mcpServers: { metronome: ENTRY } },
    http: { mcpServers: { metronome: TYPED_URL_ENTRY } },
  },
  cursor: { stdio: { mcpServers: { metronome: ENTRY } }, http: { mcpServers: { metronome: URL_ENTRY } } },
  vscode: {
    stdio: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code fills it in
      servers: { metronome: { ...LAUNCH, env: { METRONOME_API_KEY: '${input:metronome_api_key}' } } },
      inputs: [{ type: 'promptString', id: 'metronome_api_key', description: 'Metronome API key', password: true }],
    },
    http: { servers: { metronome: TYPED_URL_ENTRY } },
  },
  codex: { stdio: { mcp_servers: { metronome: ENTRY } }, http: { mcp_servers: { metronome: URL_ENTRY } } },
  gemini: { stdio: { mcpServers: { metronome: ENTRY } }, http: { mcpServers: { metronome: TYPED_URL_ENTRY } } },
  windsurf: {
    stdio: { mcpServers: { metronome: ENTRY } },
    http: { mcpServers: { metronome: { serverUrl: URL_ENTRY.url } } },
  },
  opencode: {
    stdio: {
      mcp: {
        metronome: {
          type: 'local',
          command: ['npx', '-y', 'metronome-customers-mcp'],
          environment: ENTRY.env,
          enabled: true,
        },
      },
    },
    http: { mcp: { metronome: { type: 'remote', ...URL_ENTRY, enabled: true } } },
  },
  zed: {
    stdio: { context_servers: { metronome: { source: 'custom', ...ENTRY } } },
    http: { context_servers: { metronome: { source: 'custom', ...TYPED_URL_ENTRY } } },
  },
  kiro: { stdio: { mcpServers: { metronome: ENTRY } }, http: { mcpServers: { metronome: URL_ENTRY } } },
  'lm-studio': { stdio: { mcpServers: { metronome: ENTRY } }, http: { mcpServers: { metronome: URL_ENTRY } } },
}

async function run(
  argv: readonly string[],
  { platform = 'linux', program = INSTALLED }: Partial<Pick<CommandContext, 'platform' | 'program'>> = {},
) {
  const { context, stdout, stderr } = createCommandContext({ platform, program })
  const code = await printConfig(argv, context)
  return { code, stdout: stdout(), stderr: stderr() }
}

async function readPrinted(...argv: string[]): Promise<unknown> {
  const { stdout } = await run([...argv, '--file'])
  return argv[0] === 'codex' ? parseToml(stdout) : JSON.parse(stdout)
}

describe.each(CLIENT_IDS)('%s', (id) => {
  test('gets an entry that starts the server', async () => {
    expect(await readPrinted(id)).toEqual(FILES[id].stdio)
  })

  test('gets an entry for a running server, or an error', async () => {
    if (FILES[id].http) expect(await readPrinted(id, '--http')).toEqual(FILES[id].http)
    else await expect(run([id, '--http'])).rejects.toThrow('cannot connect to a local server over HTTP; omit --http.')
  })

  test('gets no key with --sandbox', async () => {
    const { stdout } = await run([id, '--sandbox', '--file'])
    expect(stdout).toContain('"--sandbox"')
    expect(stdout).not.toMatch(/METRONOME_API_KEY|inputs/)
  })

  test('keeps all tools under the key that is printed', () => {
    const { toolNames } = findClient(id)
    expect(toolNames ? findTooLongNames(SERVER_KEY, toolNames) : []).toEqual([])
  })
})

test('Windows gets cmd, also with --windows elsewhere', async () => {
  expect(await readPrinted('cursor', '--windows')).toEqual({ mcpServers: { metronome: WINDOWS_ENTRY } })
  const { stdout, stderr } = await run(['cursor'], { platform: 'win32' })
  expect(JSON.parse(stdout)).toEqual({ mcpServers: { metronome: WINDOWS_ENTRY } })
  expect(stderr).toContain('\\.cursor\\mcp.json')
})

test('--windows on another system names the path on Windows', async () => {
  const { stderr } = await run(['claude-desktop', '--windows'])
  expect(stderr).toContain('Merge it into %USERPROFILE%\\AppData\\Roaming\\Claude\\claude_desktop_config.json')
})

describe('run from a clone', () => {
  const entryOf = async (argv: string[], platform: NodeJS.Platform = 'linux') =>
    JSON.parse((await run(argv, { program: CLONE, platform })).stdout).mcpServers.metronome

  test('the entry starts that clone', async () => {
    expect(await entryOf(['cursor', '--sandbox'])).toEqual({ command: 'node', args: [CLONE.file, '--sandbox'] })
    expect(await entryOf(['cursor', '--sandbox'], 'win32')).toMatchObject({ command: 'node' })
  })

  test('--npx starts the published package', async () => {
    expect(await entryOf(['cursor', '--npx'])).toEqual(ENTRY)
    expect(await entryOf(['cursor', '--npx', '--windows'])).toEqual(WINDOWS_ENTRY)
  })

  test('--windows is rejected, since another machine does not have it', async () => {
    await expect(run(['cursor', '--windows'], { program: CLONE })).rejects.toThrow('add --npx.')
  })
})

describe("the client's own command", () => {
  const ADD: Partial<Record<ClientId, string>> = {
    'claude-code': 'claude mcp add -s user metronome -e METRONOME_API_KEY=YOUR_METRONOME_API_KEY --',
    codex: 'codex mcp add metronome --env METRONOME_API_KEY=YOUR_METRONOME_API_KEY --',
    gemini: 'gemini mcp add --scope user -e METRONOME_API_KEY=YOUR_METRONOME_API_KEY metronome',
  }
  const WITH_COMMAND = CLIENT_IDS.filter((id) => ADD[id])

  test.each(WITH_COMMAND)('%s gets it instead of a snippet', async (id) => {
    const { stdout, stderr } = await run([id])
    expect(stdout).toBe(`${ADD[id]} npx -y metronome-customers-mcp\n`)
    expect(stderr).toMatch(/^Run this command, then restart .*; --file prints what belongs in \/home\/user\//)
  })

  test.each(WITH_COMMAND)('%s gets it without a key for the sandbox of a clone', async (id) => {
    const { stdout } = await run([id, '--sandbox'], { program: CLONE })
    expect(stdout).toMatch(/^\w+ mcp add .*metronome .*node \/clone\/bin\/metronome-customers-mcp\.js .*--sandbox\n$/)
    expect(stdout).not.toContain('KEY')
  })

  test.each([
    ['claude-code', "--transport http metronome URL --header 'Authorization: Bearer TOKEN'"],
    ['codex', 'metronome --url URL --bearer-token-env-var METRONOME_MCP_AUTH_TOKEN'],
    ['gemini', "--transport http --header 'Authorization: Bearer TOKEN' metronome URL"],
  ])('%s gets it for a running server', async (id, words) => {
    const { stdout } = await run([id, '--http', '--url', 'https://mcp.example.com/mcp'])
    const expected = words
      .replace('URL', 'https://mcp.example.com/mcp')
      .replace('TOKEN', 'YOUR_METRONOME_MCP_AUTH_TOKEN')
    expect(
      stdout.endsWith(` ${id === 'codex' ? words.replace('URL', 'https://mcp.example.com/mcp') : expected}\n`),
    ).toBe(true)
  })

  test('words that a shell would read otherwise are quoted', async () => {
    const program = { ...CLONE, file: "/my clone/$(it's)/bin/metronome-customers-mcp.js" }
    const { stdout } = await run(['codex', '--sandbox'], { program })
    const echo = execFileSync('sh', ['-c', stdout.replace('codex', 'printf "%s\\n"')], { encoding: 'utf8' })
    expect(echo.split('\n')).toContain(program.file)
    const windows = await run(['codex', '--sandbox'], {
      program: { ...CLONE, file: 'C:\\my clone\\x.js' },
      platform: 'win32',
    })
    expect(windows.stdout).toContain('-- node "C:\\my clone\\x.js" --sandbox')
  })
})

test('--http with --url has a placeholder for the token', async () => {
  expect(await readPrinted('cursor', '--http', '--url', 'https://mcp.example.com/mcp')).toEqual({
    mcpServers: {
      metronome: {
        url: 'https://mcp.example.com/mcp',
        headers: { Authorization: 'Bearer YOUR_METRONOME_MCP_AUTH_TOKEN' },
      },
    },
  })
  expect(await readPrinted('codex', '--http', '--url', 'https://mcp.example.com/mcp')).toEqual({
    mcp_servers: {
      metronome: { url: 'https://mcp.example.com/mcp', bearer_token_env_var: 'METRONOME_MCP_AUTH_TOKEN' },
    },
  })
  await expect(run(['cursor', '--http', '--url', 'example.com'])).rejects.toThrow('--url must be a URL such as')
  await expect(run(['cursor', '--url', 'https://mcp.example.com'])).rejects.toThrow('--url requires --http.')
})

test('a misspelled client is rejected with the nearest name', async () => {
  await expect(run(['cursr'])).rejects.toThrow('did you mean cursor?')
  await expect(run(['claude'])).rejects.toThrow('did you mean claude-desktop or claude-code?')
  await expect(run([])).rejects.toThrow('print-config requires a client: claude-desktop, claude-code')
})

describe('install links', () => {
  async function readLink(id: ClientId): Promise<URL> {
    const { stdout } = await run([id, '--link'])
    return new URL(stdout.trim())
  }

  test.each<ClientId>(['cursor', 'lm-studio'])('%s gets the entry in base64', async (id) => {
    const { searchParams } = await readLink(id)
    expect(searchParams.get('name')).toBe('metronome')
    expect(JSON.parse(Buffer.from(searchParams.get('config') ?? '', 'base64').toString())).toEqual(ENTRY)
  })

  test('Kiro gets the entry as JSON', async () => {
    const { searchParams } = await readLink('kiro')
    expect(searchParams.get('name')).toBe('metronome')
    expect(JSON.parse(searchParams.get('config') ?? '')).toEqual(ENTRY)
  })

  test('VS Code gets what print-config prints, with a prompt for the key', async () => {
    const link = (await readLink('vscode')).searchParams.get('url') ?? ''
    expect(link).toMatch(/^vscode:mcp\/install\?/)
    const { name, inputs, ...entry } = JSON.parse(decodeURIComponent(link.replace(/^[^?]+\?/, '')))
    expect({ servers: { [name]: entry }, inputs }).toEqual(FILES.vscode.stdio)
  })

  test('a client without a link is rejected', async () => {
    await expect(run(['codex', '--link'])).rejects.toThrow('Codex has no install link; omit --link.')
  })

  test('--link opens the sandbox with --sandbox', async () => {
    const { stdout } = await run(['cursor', '--link', '--sandbox'])
    const config = new URL(stdout.trim()).searchParams.get('config') ?? ''
    expect(JSON.parse(Buffer.from(config, 'base64').toString())).toEqual({
      command: 'npx',
      args: ['-y', NAME, '--sandbox'],
    })
  })

  test('--link starts a clone, and cmd on Windows', async () => {
    const { stdout } = await run(['kiro', '--link', '--sandbox'], { program: CLONE })
    expect(new URL(stdout).searchParams.get('config')).toContain(CLONE.file)
    const windows = await run(['kiro', '--link', '--windows'])
    expect(JSON.parse(new URL(windows.stdout).searchParams.get('config') ?? '')).toEqual(WINDOWS_ENTRY)
  })
})

describe('options that do not fit together are rejected, not dropped', () => {
  test.each([
    [['--link', '--http'], '--link and --http are mutually exclusive'],
    [['--link', '--file'], '--link and --file are mutually exclusive'],
    [['--http', '--npx'], '--http and --npx are mutually exclusive'],
    [['--http', '--sandbox'], '--http connects to a running server'],
    [['--http', '--read-only'], '--http connects to a running server'],
    [['--http', '--confirm-archives'], '--http connects to a running server'],
    [['--http', '--environment', 'production'], '--http connects to a running server'],
    [['--url', 'http://127.0.0.1:1/mcp'], '--url requires --http.'],
  ])('%j', async (options, message) => {
    await expect(run(['cursor', ...options])).rejects.toThrow(message)
  })
})

test('the access options are passed on to the server', async () => {
  const options = [
    '--read-only',
    '--confirm-archives',
    '--tools',
    'reads',
    '--exclude-tools',
    'get-customer',
    '--environment',
    'production',
  ]
  const { stdout } = await run(['cursor', ...options])
  expect(JSON.parse(stdout).mcpServers.metronome.args).toEqual(['-y', NAME, ...options])
})

test.each([
  [['--tools', 'get-custmer'], /did you mean get-customer/],
  [['--read-only', '--tools', 'writes'], /no tool is left/],
])('print-config checks them as the server does: %j', async (options, message) => {
  await expect(run(['cursor', ...options])).rejects.toThrow(message)
})

test('the built program prints the snippet on stdout and its place on stderr', async () => {
  const { code, stdout, stderr } = await runProgram({ args: ['print-config', 'cursor'], env: { HOME: '/home/user' } })
  expect(code).toBe(0)
  expect(JSON.parse(stdout).mcpServers.metronome).toEqual({ ...ENTRY, command: 'node', args: [PROGRAM] })
  expect(stderr).toBe('Merge it into /home/user/.cursor/mcp.json and restart Cursor.\n')
})
