import { stringify } from 'smol-toml'
import type { JsonObject } from '../../operations/operation.ts'
import { NAME } from '../../version.ts'
import { KEY_PLACEHOLDER, TOKEN_PLACEHOLDER } from '../config/secrets.ts'
import { type Launch, type McpClient, SERVER_KEY } from './clients.ts'

export interface SnippetOptions {
  /** The entry connects to a running server at this URL. */
  readonly http?: { readonly url: string; readonly needsToken: boolean } | undefined
  readonly sandbox?: boolean
  /** Options of the server that limit its tools or name its environment. */
  readonly access?: readonly string[]
  /** On Windows, npx is a batch file, which only cmd starts. */
  readonly windows?: boolean
  /** The program's own file, which node starts in place of npx. */
  readonly program?: string | undefined
}

/** What goes into the client's file; `undefined` when the client cannot connect over HTTP. */
export function buildSnippet(client: McpClient, options: SnippetOptions = {}): string | undefined {
  const { entry, fields } = options.http
    ? { entry: buildHttpEntry(client, options.http) }
    : buildStdioEntry(client, options)
  if (!entry) return undefined
  const file = { [client.servers]: { [SERVER_KEY]: entry }, ...fields }
  return client.format === 'toml' ? stringify(file) : `${formatJson(file)}\n`
}

/** A URL that adds the server to the client; `undefined` when the client has none. */
export function buildInstallLink(client: McpClient, options: SnippetOptions = {}): string | undefined {
  const { entry, fields } = buildStdioEntry(client, options)
  return client.installLink?.({ ...entry, ...fields })
}

/** The entry, and further fields of the file for the prompt. */
function buildStdioEntry(client: McpClient, options: SnippetOptions): { entry: JsonObject; fields?: JsonObject } {
  const launch = buildLaunch(client.keyPrompt?.reference ?? KEY_PLACEHOLDER, options)
  const needsPrompt = client.keyPrompt && !options.sandbox
  return { entry: client.stdioEntry(launch), ...(needsPrompt && { fields: client.keyPrompt.fields }) }
}

function buildHttpEntry(
  { httpEntry }: McpClient,
  { url, needsToken }: { url: string; needsToken: boolean },
): JsonObject | undefined {
  const headers = { Authorization: `Bearer ${TOKEN_PLACEHOLDER}` }
  return httpEntry?.({ url, ...(needsToken && { headers }) })
}

function buildLaunch(
  apiKey: string,
  { sandbox = false, windows = false, access = [], program }: SnippetOptions,
): Launch {
  const options = [...(sandbox ? ['--sandbox'] : []), ...access]
  const npx = ['npx', '-y', NAME, ...options]
  const [command = '', ...args] = program ? ['node', program, ...options] : windows ? ['cmd', '/c', ...npx] : npx
  return { command, args, env: sandbox ? {} : { METRONOME_API_KEY: apiKey } }
}

/** Arrays of strings stay on one line, as people write them. */
function formatJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/\[\s+("[^\]{}]*")\s+\]/g, (_, items: string) => {
    return `[${items.split(/,\s+/).join(', ')}]`
  })
}
