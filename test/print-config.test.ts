import { parse as parseToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import type { Surroundings } from '../src/commands.ts'
import { CLIENT_IDS, type ClientId } from '../src/setup/clients.ts'
import { printConfig } from '../src/setup/command.ts'
import { runProgram } from './support/program.ts'

const LAUNCH = { command: 'npx', args: ['-y', 'metronome-customers-mcp'] }
const ENTRY = { ...LAUNCH, env: { METRONOME_API_KEY: 'YOUR_METRONOME_API_KEY' } }

async function run(argv: readonly string[], platform: NodeJS.Platform = 'linux') {
  let printed = ''
  let explained = ''
  const surroundings: Surroundings = {
    environment: {},
    platform,
    nodeVersion: '22.1.0',
    home: '/home/person',
    folder: '/work',
    print: (text) => {
      printed += text
    },
    explain: (text) => {
      explained += text
    },
  }
  const code = await printConfig(argv, surroundings)
  return { code, printed, explained }
}

async function readPrinted(...argv: string[]): Promise<unknown> {
  const { printed } = await run(argv)
  return argv[0] === 'codex' ? parseToml(printed) : JSON.parse(printed)
}

describe('what goes into the file of a client', () => {
  test.each<[ClientId, unknown]>([
    ['claude-desktop', { mcpServers: { metronome: ENTRY } }],
    ['claude-code', { mcpServers: { metronome: ENTRY } }],
    ['cursor', { mcpServers: { metronome: ENTRY } }],
    ['codex', { mcp_servers: { metronome: ENTRY } }],
    ['gemini', { mcpServers: { metronome: ENTRY } }],
    ['windsurf', { mcpServers: { metronome: ENTRY } }],
    ['kiro', { mcpServers: { metronome: ENTRY } }],
    ['lm-studio', { mcpServers: { metronome: ENTRY } }],
    ['zed', { context_servers: { metronome: { source: 'custom', ...ENTRY } } }],
    [
      'opencode',
      {
        mcp: {
          metronome: {
            type: 'local',
            command: ['npx', '-y', 'metronome-customers-mcp'],
            environment: ENTRY.env,
            enabled: true,
          },
        },
      },
    ],
  ])('%s', async (id, file) => {
    expect(await readPrinted(id)).toEqual(file)
  })

  test('VS Code asks for the key instead of keeping it in the file', async () => {
    expect(await readPrinted('vscode')).toEqual({
      // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code fills it in
      servers: { metronome: { ...LAUNCH, env: { METRONOME_API_KEY: '${input:metronome_api_key}' } } },
      inputs: [{ type: 'promptString', id: 'metronome_api_key', description: 'API key of Metronome', password: true }],
    })
  })

  test.each<[ClientId, unknown]>([
    ['claude-code', { mcpServers: { metronome: { type: 'http', url: 'http://127.0.0.1:9090/mcp' } } }],
    ['cursor', { mcpServers: { metronome: { url: 'http://127.0.0.1:9090/mcp' } } }],
    ['vscode', { servers: { metronome: { type: 'http', url: 'http://127.0.0.1:9090/mcp' } } }],
    ['codex', { mcp_servers: { metronome: { url: 'http://127.0.0.1:9090/mcp' } } }],
    ['gemini', { mcpServers: { metronome: { type: 'http', url: 'http://127.0.0.1:9090/mcp' } } }],
    ['windsurf', { mcpServers: { metronome: { serverUrl: 'http://127.0.0.1:9090/mcp' } } }],
    ['opencode', { mcp: { metronome: { type: 'remote', url: 'http://127.0.0.1:9090/mcp', enabled: true } } }],
  ])('%s over HTTP', async (id, file) => {
    expect(await readPrinted(id, '--http')).toEqual(file)
  })

  test.each(CLIENT_IDS)('%s on the sandbox gets no key', async (id) => {
    const { printed } = await run([id, '--sandbox'])
    expect(printed).toContain('"--sandbox"')
    expect(printed).not.toMatch(/METRONOME_API_KEY|inputs/)
  })

  test('Windows gets cmd, also when asked for elsewhere', async () => {
    const windows = { command: 'cmd', args: ['/c', 'npx', '-y', 'metronome-customers-mcp'], env: ENTRY.env }
    expect(await readPrinted('cursor', '--windows')).toEqual({ mcpServers: { metronome: windows } })
    const { printed, explained } = await run(['cursor'], 'win32')
    expect(JSON.parse(printed)).toEqual({ mcpServers: { metronome: windows } })
    expect(explained).toContain('\\.cursor\\mcp.json')
  })

  test('Claude Desktop has no HTTP form, and a misspelt client is named', async () => {
    await expect(run(['claude-desktop', '--http'])).rejects.toThrow('leave out --http')
    await expect(run(['cursr'])).rejects.toThrow('did you mean cursor?')
    await expect(run([])).rejects.toThrow('claude-desktop, claude-code')
  })
})

describe('links that open a client', () => {
  async function readLink(id: ClientId): Promise<URL> {
    const { printed } = await run([id, '--link'])
    return new URL(printed.trim())
  }

  test.each<ClientId>(['cursor', 'lm-studio'])('%s: the entry in base64', async (id) => {
    const { searchParams } = await readLink(id)
    expect(searchParams.get('name')).toBe('metronome')
    expect(JSON.parse(Buffer.from(searchParams.get('config') ?? '', 'base64').toString())).toEqual(ENTRY)
  })

  test('Kiro: the entry as JSON', async () => {
    const { searchParams } = await readLink('kiro')
    expect(searchParams.get('name')).toBe('metronome')
    expect(JSON.parse(searchParams.get('config') ?? '')).toEqual(ENTRY)
  })

  test('VS Code: what print-config writes, with a prompt for the key', async () => {
    const link = (await readLink('vscode')).searchParams.get('url') ?? ''
    expect(link).toMatch(/^vscode:mcp\/install\?/)
    const { name, inputs, ...entry } = JSON.parse(decodeURIComponent(link.replace(/^[^?]+\?/, '')))
    expect({ servers: { [name]: entry }, inputs }).toEqual(await readPrinted('vscode'))
  })

  test('a client without links says so', async () => {
    await expect(run(['codex', '--link'])).rejects.toThrow('no link for Codex')
  })
})

test('the built program prints the snippet on stdout and where it goes on stderr', async () => {
  const { code, stdout, stderr } = await runProgram({ args: ['print-config', 'cursor'], env: { HOME: '/home/person' } })
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toHaveProperty('mcpServers.metronome')
  expect(stderr).toBe('Merge it into /home/person/.cursor/mcp.json and restart Cursor.\n')
})
