import { parse as parseToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import {
  CLIENT_IDS,
  type ClientId,
  findClient,
  findTooLongNames,
  SERVER_KEY,
} from '../../../src/cli/print-config/clients.ts'
import { printConfig } from '../../../src/cli/print-config/command.ts'
import { NAME } from '../../../src/version.ts'
import { createCommandContext } from '../../support/command-context.ts'
import { runProgram } from '../../support/program.ts'

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

async function run(argv: readonly string[], platform: NodeJS.Platform = 'linux') {
  const { context, stdout, stderr } = createCommandContext({ platform })
  const code = await printConfig(argv, context)
  return { code, stdout: stdout(), stderr: stderr() }
}

async function readPrinted(...argv: string[]): Promise<unknown> {
  const { stdout } = await run(argv)
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
    const { stdout } = await run([id, '--sandbox'])
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
  const { stdout, stderr } = await run(['cursor'], 'win32')
  expect(JSON.parse(stdout)).toEqual({ mcpServers: { metronome: WINDOWS_ENTRY } })
  expect(stderr).toContain('\\.cursor\\mcp.json')
})

test('--windows on another system names the path on Windows', async () => {
  const { stderr } = await run(['claude-desktop', '--windows'])
  expect(stderr).toContain('Merge it into %APPDATA%\\Claude\\claude_desktop_config.json')
})

test('--clone starts this copy with node', async () => {
  expect(await readPrinted('cursor', '--clone', '--sandbox')).toEqual({
    mcpServers: { metronome: { command: 'node', args: ['/clone/bin/metronome-customers-mcp.js', '--sandbox'] } },
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
  await expect(run(['claude'])).rejects.toThrow('did you mean claude-desktop?')
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

  test.each(['--http', '--windows', '--clone'])('--link rejects %s', async (option) => {
    await expect(run(['cursor', '--link', option])).rejects.toThrow(`--link and ${option} are mutually exclusive`)
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
  [['--read-only', '--http'], /--http connects to a running server/],
])('print-config checks them as the server does: %j', async (options, message) => {
  await expect(run(['cursor', ...options])).rejects.toThrow(message)
})

test('the built program prints the snippet on stdout and its place on stderr', async () => {
  const { code, stdout, stderr } = await runProgram({ args: ['print-config', 'cursor'], env: { HOME: '/home/user' } })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toEqual(FILES.cursor.stdio)
  expect(stderr).toBe('Merge it into /home/user/.cursor/mcp.json and restart Cursor.\n')
})
