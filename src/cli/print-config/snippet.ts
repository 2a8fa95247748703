import { stringify } from 'smol-toml'
import type { JsonObject } from '../../operations/json.ts'
import { KEY_PLACEHOLDER, TOKEN_PLACEHOLDER } from '../config/secrets.ts'
import { quoteForShell, type StartCommand } from '../program.ts'
import { type Launch, type McpClient, type RemoteServer, SERVER_KEY } from './clients.ts'

/** A server that the client starts. */
export interface StdioServer {
  readonly kind: 'stdio'
  readonly start: StartCommand
  readonly sandbox?: boolean | undefined
  /** Options of the server that limit its tools or name its environment. */
  readonly access?: readonly string[]
}

/** A running server. */
export interface HttpServer {
  readonly kind: 'http'
  readonly url: string
  readonly needsToken: boolean
}

/** What goes into the client's file; `undefined` when the client cannot connect over HTTP. */
export function buildSnippet(client: McpClient, server: StdioServer | HttpServer): string | undefined {
  const { entry, fields } =
    server.kind === 'http' ? { entry: client.httpEntry?.(buildRemote(server)) } : buildStdioEntry(client, server)
  if (!entry) return undefined
  const file = { [client.servers]: { [SERVER_KEY]: entry }, ...fields }
  return client.format === 'toml' ? stringify(file) : `${formatJson(file)}\n`
}

/** A line for a shell with the client's own command that adds the server; `undefined` when the client has none. */
export function buildAddCommand(
  client: McpClient,
  server: StdioServer | HttpServer,
  isWindows: boolean,
): string | undefined {
  const words =
    server.kind === 'http'
      ? client.addUrlCommand?.(buildRemote(server))
      : client.addCommand?.(buildLaunch(KEY_PLACEHOLDER, server))
  return words && `${words.map((word) => quoteForShell(word, isWindows)).join(' ')}\n`
}

/** A URL that adds the server to the client; `undefined` when the client has none. */
export function buildInstallLink(client: McpClient, server: StdioServer): string | undefined {
  const { entry, fields } = buildStdioEntry(client, server)
  return client.installLink?.({ ...entry, ...fields })
}

/** The entry, and further fields of the file for the prompt. */
function buildStdioEntry(client: McpClient, server: StdioServer): { entry: JsonObject; fields?: JsonObject } {
  const launch = buildLaunch(client.keyPrompt?.reference ?? KEY_PLACEHOLDER, server)
  const needsPrompt = client.keyPrompt && !server.sandbox
  return { entry: client.stdioEntry(launch), ...(needsPrompt && { fields: client.keyPrompt.fields }) }
}

function buildLaunch(apiKey: string, { start, sandbox, access = [] }: StdioServer): Launch {
  const args = [...start.args, ...(sandbox ? ['--sandbox'] : []), ...access]
  return { command: start.command, args, env: sandbox ? {} : { METRONOME_API_KEY: apiKey } }
}

function buildRemote({ url, needsToken }: HttpServer): RemoteServer {
  return { url, ...(needsToken && { headers: { Authorization: `Bearer ${TOKEN_PLACEHOLDER}` } }) }
}

/** Arrays of strings stay on one line, as people write them. */
function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/\[\s+("[^\]{}]*")\s+\]/g, (_, items: string) => {
    return `[${items.split(/,\s+/).join(', ')}]`
  })
}
