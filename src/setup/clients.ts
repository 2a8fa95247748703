import type { JsonObject } from '../operation/define.ts'
import { HTTP_URL, type Launch } from './launch.ts'
import { CLAUDE_NAMES, CURSOR_NAMES, GEMINI_NAMES, type NameRule, PLAIN_NAMES } from './tool-names.ts'

/** An MCP client and how it wants to be told of a server. */
export interface ClientForm {
  readonly title: string
  readonly format: 'json' | 'toml'
  /** The field of the file that holds the servers by key. */
  readonly servers: string
  readonly stdio: (launch: Launch) => JsonObject
  /** Absent when the client reaches no server on this machine by HTTP. */
  readonly http?: () => JsonObject
  /** Asks the person for the key, so that no file holds it. */
  readonly keyPrompt?: { readonly reference: string; readonly fields: JsonObject }
  /** Absent when its rule is not known. */
  readonly names?: NameRule
}

const plain = ({ command, args, env }: Launch): JsonObject => ({
  command,
  args,
  ...(Object.keys(env).length > 0 && { env }),
})

const byUrl = () => ({ url: HTTP_URL })
const byTypeAndUrl = () => ({ type: 'http', url: HTTP_URL })

export const CLIENTS = {
  'claude-desktop': {
    title: 'Claude Desktop',
    format: 'json',
    servers: 'mcpServers',
    stdio: plain,
    names: CLAUDE_NAMES,
  },
  'claude-code': {
    title: 'Claude Code',
    format: 'json',
    servers: 'mcpServers',
    stdio: plain,
    http: byTypeAndUrl,
    names: CLAUDE_NAMES,
  },
  cursor: {
    title: 'Cursor',
    format: 'json',
    servers: 'mcpServers',
    stdio: plain,
    http: byUrl,
    names: CURSOR_NAMES,
  },
  vscode: {
    title: 'VS Code',
    format: 'json',
    servers: 'servers',
    stdio: plain,
    http: byTypeAndUrl,
    keyPrompt: {
      // biome-ignore lint/suspicious/noTemplateCurlyInString: VS Code fills it in
      reference: '${input:metronome_api_key}',
      fields: {
        inputs: [
          { type: 'promptString', id: 'metronome_api_key', description: 'API key of Metronome', password: true },
        ],
      },
    },
  },
  codex: {
    title: 'Codex',
    format: 'toml',
    servers: 'mcp_servers',
    stdio: plain,
    http: byUrl,
  },
  gemini: {
    title: 'Gemini CLI',
    format: 'json',
    servers: 'mcpServers',
    stdio: plain,
    http: byTypeAndUrl,
    names: GEMINI_NAMES,
  },
  windsurf: {
    title: 'Windsurf',
    format: 'json',
    servers: 'mcpServers',
    stdio: plain,
    http: () => ({ serverUrl: HTTP_URL }),
  },
  opencode: {
    title: 'opencode',
    format: 'json',
    servers: 'mcp',
    stdio: ({ command, args, env }) => ({
      type: 'local',
      command: [command, ...args],
      ...(Object.keys(env).length > 0 && { environment: env }),
      enabled: true,
    }),
    http: () => ({ type: 'remote', url: HTTP_URL, enabled: true }),
    names: PLAIN_NAMES,
  },
  zed: {
    title: 'Zed',
    format: 'json',
    servers: 'context_servers',
    stdio: (launch) => ({ source: 'custom', ...plain(launch) }),
    http: () => ({ source: 'custom', ...byTypeAndUrl() }),
  },
  kiro: { title: 'Kiro', format: 'json', servers: 'mcpServers', stdio: plain, http: byUrl },
  'lm-studio': { title: 'LM Studio', format: 'json', servers: 'mcpServers', stdio: plain, http: byUrl },
} as const satisfies Record<string, ClientForm>

export type ClientId = keyof typeof CLIENTS

export const CLIENT_IDS = Object.keys(CLIENTS) as ClientId[] // the keys of a literal

export function findClient(id: ClientId): ClientForm {
  return CLIENTS[id]
}
