import { posix, win32 } from 'node:path'
import { operations } from '../../operations/index.ts'
import type { JsonObject } from '../../operations/json.ts'
import type { CommandContext } from '../config/command-line.ts'
import { OPTIONS } from '../config/options.ts'

/** The name of this server in a configuration. With a longer one some clients drop tools. */
export const SERVER_KEY = 'metronome'

export const HTTP_URL = `http://${OPTIONS.host.default}:${OPTIONS.port.default}/mcp`

/** How a client starts the server. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** A running server; `headers` where it needs a token. */
export interface RemoteServer {
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
}

/** How a client makes its own name of a tool. */
export interface ToolNameRule {
  readonly format: (serverKey: string, tool: string) => string
  /** The longest name that the client keeps. */
  readonly maxLength: number
}

/** Everything about one MCP client: a new client is one record. */
export interface McpClient {
  readonly title: string
  /** Paths of its configuration files below these directories; the user's own come before those of a project. */
  readonly files: {
    /** Where the operating system keeps the settings of applications. */
    readonly settings?: readonly string[]
    readonly home?: readonly string[]
    readonly project?: readonly string[]
  }
  readonly format: 'json' | 'toml'
  /** Whether it reads JSON with comments and trailing commas. */
  readonly allowsComments?: boolean
  /** References that the client itself replaces by values, such as environment variables. It replaces no others. */
  readonly references?: RegExp
  /** The field of the file that contains the servers by key. */
  readonly servers: string
  readonly stdioEntry: (launch: Launch) => JsonObject
  /** Absent when the client cannot connect to a local server over HTTP. */
  readonly httpEntry?: (server: RemoteServer) => JsonObject
  /** Makes the client ask for the API key, so that no file contains it. */
  readonly keyPrompt?: { readonly reference: string; readonly fields: JsonObject }
  /** A URL that opens the client and adds the entry, with a placeholder or a prompt for the key. */
  readonly installLink?: (entry: JsonObject) => string
  /** Absent when the rule is not known. */
  readonly toolNames?: ToolNameRule
  /** The client's own command that adds the server, as words. */
  readonly addCommand?: (launch: Launch) => readonly string[]
  /** The same for a running server. */
  readonly addUrlCommand?: (server: RemoteServer) => readonly string[]
  /** Markdown for docs/clients.md: what a user has to know besides the path of the file. */
  readonly notes?: string
}

const plainEntry = ({ command, args, env }: Launch): JsonObject => ({
  command,
  args,
  ...(Object.keys(env).length > 0 && { env }),
})
const urlEntry = (server: RemoteServer): JsonObject => ({ ...server })
const typedUrlEntry = (server: RemoteServer): JsonObject => ({ type: 'http', ...server })

/** Variables as options of a command. */
const envOptions = (option: string, env: Launch['env']): string[] =>
  Object.entries(env).flatMap(([name, value]) => [option, `${name}=${value}`])
const headerOptions = ({ headers = {} }: RemoteServer): string[] =>
  Object.entries(headers).flatMap(([name, value]) => ['--header', `${name}: ${value}`])

/** `${NAME}` and `${NAME:-default}`. */
const PLAIN_REFERENCES = /\$\{[A-Za-z_]\w*(:-[^}]*)?\}/

/** Also the rule of the Claude API, behind Claude Desktop. */
const CLAUDE_NAMES: ToolNameRule = { format: (key, tool) => `mcp__${key}__${tool}`, maxLength: 64 }

export const CLIENTS = {
  'claude-desktop': {
    title: 'Claude Desktop',
    files: { settings: ['Claude/claude_desktop_config.json'] },
    format: 'json',
    servers: 'mcpServers',
    stdioEntry: plainEntry,
    toolNames: CLAUDE_NAMES,
    notes:
      'Open the file with Settings, Developer, Edit Config. Or open the `.mcpb` file of a release, which asks for the key and stores it in the key store of the system.',
  },
  'claude-code': {
    title: 'Claude Code',
    files: { home: ['.claude.json'], project: ['.mcp.json'] },
    format: 'json',
    references: PLAIN_REFERENCES,
    servers: 'mcpServers',
    stdioEntry: plainEntry,
    httpEntry: typedUrlEntry,
    toolNames: CLAUDE_NAMES,
    addCommand: ({ command, args, env }) => [
      ...['claude', 'mcp', 'add', '-s', 'user', SERVER_KEY, ...envOptions('-e', env)],
      ...['--', command, ...args],
    ],
    addUrlCommand: (server) => [
      ...['claude', 'mcp', 'add', '-s', 'user', '--transport', 'http', SERVER_KEY, server.url],
      ...headerOptions(server),
    ],
    notes:
      '`-s user` makes it available in every folder. An entry in the `.mcp.json` of a project stays pending until you approve it with `/mcp`. There is no plugin: Claude Code adds the name of a plugin to every tool name, and the longest one would exceed 64 characters.',
  },
  cursor: {
    title: 'Cursor',
    files: { home: ['.cursor/mcp.json'], project: ['.cursor/mcp.json'] },
    format: 'json',
    references: /\$\{(env:[^}]+|userHome|workspaceFolder\w*|pathSeparator|\/)\}/,
    servers: 'mcpServers',
    stdioEntry: plainEntry,
    httpEntry: urlEntry,
    installLink: (entry) => `https://cursor.com/en/install-mcp?${query({ name: SERVER_KEY, config: toBase64(entry) })}`,
    // Cursor drops tools with names over 60 characters.
    toolNames: { format: (key, tool) => `${key}:${tool}`, maxLength: 60 },
  },
  vscode: {
    title: 'VS Code',
    files: { settings: ['Code/User/mcp.json'], project: ['.vscode/mcp.json'] },
    format: 'json',
    allowsComments: true,
    references: /\$\{(\w+:[^}]+|userHome|workspaceFolder\w*|pathSeparator|\/|cwd)\}/,
    servers: 'servers',
    stdioEntry: plainEntry,
    httpEntry: typedUrlEntry,
    keyPrompt: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code fills it in
      reference: '${input:metronome_api_key}',
      fields: {
        inputs: [{ type: 'promptString', id: 'metronome_api_key', description: 'Metronome API key', password: true }],
      },
    },
    installLink: (entry) => {
      const link = `vscode:mcp/install?${encodeURIComponent(JSON.stringify({ name: SERVER_KEY, ...entry }))}`
      // GitHub shows no vscode: links; this page redirects to one.
      return `https://insiders.vscode.dev/redirect?url=${encodeURIComponent(link)}`
    },
    notes: 'Open the file with `MCP: Open User Configuration`. VS Code asks for the key once and stores it.',
  },
  codex: {
    title: 'Codex',
    files: { home: ['.codex/config.toml'], project: ['.codex/config.toml'] },
    format: 'toml',
    servers: 'mcp_servers',
    stdioEntry: plainEntry,
    // It rejects a token in its file.
    httpEntry: ({ url, headers }) => ({ url, ...(headers && { bearer_token_env_var: 'METRONOME_MCP_AUTH_TOKEN' }) }),
    addCommand: ({ command, args, env }) => [
      ...['codex', 'mcp', 'add', SERVER_KEY, ...envOptions('--env', env)],
      ...['--', command, ...args],
    ],
    addUrlCommand: ({ url, headers }) => [
      ...['codex', 'mcp', 'add', SERVER_KEY, '--url', url],
      ...(headers ? ['--bearer-token-env-var', 'METRONOME_MCP_AUTH_TOKEN'] : []),
    ],
  },
  gemini: {
    title: 'Gemini CLI',
    files: { home: ['.gemini/settings.json'], project: ['.gemini/settings.json'] },
    format: 'json',
    allowsComments: true,
    references: /\$\{[A-Za-z_]\w*(:-[^}]*)?\}|\$[A-Za-z_]\w*/,
    servers: 'mcpServers',
    stdioEntry: plainEntry,
    httpEntry: typedUrlEntry,
    toolNames: { format: (key, tool) => `mcp_${key}_${tool}`, maxLength: 63 },
    notes: 'In a folder that is not trusted, Gemini CLI lists the server as disabled: trust the folder first.',
    addCommand: ({ command, args, env }) => [
      ...['gemini', 'mcp', 'add', '--scope', 'user', ...envOptions('-e', env)],
      ...[SERVER_KEY, command, ...args],
    ],
    addUrlCommand: (server) => [
      ...['gemini', 'mcp', 'add', '--scope', 'user', '--transport', 'http', ...headerOptions(server)],
      ...[SERVER_KEY, server.url],
    ],
  },
  windsurf: {
    title: 'Windsurf',
    files: { home: ['.codeium/windsurf/mcp_config.json'] },
    format: 'json',
    references: /\$\{(env|file):[^}]+\}/,
    servers: 'mcpServers',
    stdioEntry: plainEntry,
    httpEntry: ({ url, ...server }) => ({ serverUrl: url, ...server }),
  },
  opencode: {
    title: 'opencode',
    files: {
      home: ['.config/opencode/opencode.json', '.config/opencode/opencode.jsonc'],
      project: ['opencode.json', 'opencode.jsonc'],
    },
    format: 'json',
    allowsComments: true,
    references: /\{(env|file):/,
    servers: 'mcp',
    stdioEntry: ({ command, args, env }) => ({
      type: 'local',
      command: [command, ...args],
      ...(Object.keys(env).length > 0 && { environment: env }),
      enabled: true,
    }),
    httpEntry: (server) => ({ type: 'remote', ...server, enabled: true }),
    // Model providers accept names of up to 64 characters.
    toolNames: { format: (key, tool) => `${key}_${tool}`, maxLength: 64 },
  },
  zed: {
    title: 'Zed',
    files: { settings: ['zed/settings.json'], home: ['.config/zed/settings.json'], project: ['.zed/settings.json'] },
    format: 'json',
    allowsComments: true,
    servers: 'context_servers',
    stdioEntry: (launch) => ({ source: 'custom', ...plainEntry(launch) }),
    httpEntry: (server) => ({ source: 'custom', ...typedUrlEntry(server) }),
  },
  kiro: {
    title: 'Kiro',
    files: { home: ['.kiro/settings/mcp.json'], project: ['.kiro/settings/mcp.json'] },
    format: 'json',
    references: PLAIN_REFERENCES,
    servers: 'mcpServers',
    stdioEntry: plainEntry,
    httpEntry: urlEntry,
    installLink: (entry) =>
      `https://kiro.dev/launch/mcp/add?${query({ name: SERVER_KEY, config: JSON.stringify(entry) })}`,
  },
  'lm-studio': {
    title: 'LM Studio',
    files: { home: ['.lmstudio/mcp.json'] },
    format: 'json',
    servers: 'mcpServers',
    stdioEntry: plainEntry,
    httpEntry: urlEntry,
    installLink: (entry) => `https://lmstudio.ai/install-mcp?${query({ name: SERVER_KEY, config: toBase64(entry) })}`,
    notes: 'Open the file with Program, Install, Edit mcp.json.',
  },
} as const satisfies Record<string, McpClient>

export type ClientId = keyof typeof CLIENTS

export const CLIENT_IDS = Object.keys(CLIENTS) as ClientId[] // Object.keys returns strings

export function findClient(id: ClientId): McpClient {
  return CLIENTS[id]
}

/** Where a client looks for its configuration on this machine; the user's own file comes first. */
export function findConfigFiles(
  { files: { settings = [], home = [], project = [] } }: Pick<McpClient, 'files'>,
  context: Pick<CommandContext, 'environment' | 'platform' | 'home' | 'cwd'>,
): string[] {
  const { join } = pathsOf(context)
  const paths = [
    ...settings.map((path) => join(findSettingsDirectory(context), path)),
    ...home.map((path) => join(context.home, path)),
    ...project.map((path) => join(context.cwd, path)),
  ]
  return Array.from(new Set(paths))
}

type Machine = Pick<CommandContext, 'environment' | 'platform' | 'home'>

export function pathsOf({ platform }: Pick<CommandContext, 'platform'>): typeof posix {
  return platform === 'win32' ? win32 : posix
}

function findSettingsDirectory(machine: Machine): string {
  const { platform, home, environment } = machine
  const { join, isAbsolute } = pathsOf(machine)
  const named = platform === 'win32' ? environment.APPDATA : environment.XDG_CONFIG_HOME
  if (platform === 'darwin') return join(home, 'Library', 'Application Support')
  // The XDG specification: a relative path is invalid and ignored.
  if (named && isAbsolute(named)) return named
  return platform === 'win32' ? join(home, 'AppData', 'Roaming') : join(home, '.config')
}

/** The tools whose names exceed the limit of a client under this key. */
export function findTooLongNames(serverKey: string, { format, maxLength }: ToolNameRule): string[] {
  return operations.map(({ tool }) => tool).filter((tool) => format(serverKey, tool).length > maxLength)
}

const toBase64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64')

/** Not `URLSearchParams`: it writes a space as `+`, which not every client reads as a space. */
function query(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
}
