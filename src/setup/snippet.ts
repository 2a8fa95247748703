import { stringify } from 'smol-toml'
import type { ClientForm } from './clients.ts'
import { buildLaunch, type LaunchOptions, SERVER_KEY } from './launch.ts'

export interface SnippetOptions extends LaunchOptions {
  readonly http?: boolean
}

/** What goes into the client's file; `undefined` when the client has no HTTP form. */
export function buildSnippet(client: ClientForm, { http = false, ...options }: SnippetOptions): string | undefined {
  const asks = !http && !options.sandbox ? client.keyPrompt : undefined
  const entry = http ? client.http?.() : client.stdio(buildLaunch({ ...options, ...(asks && { key: asks.reference }) }))
  if (!entry) return undefined
  const file = { [client.servers]: { [SERVER_KEY]: entry }, ...asks?.fields }
  return client.format === 'toml' ? stringify(file) : `${writeJson(file)}\n`
}

/** Lists of plain words on one line, as people write them; everything else on lines of its own. */
function writeJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/\[\s+("[^\]{}]*")\s+\]/g, (_, items: string) => {
    return `[${items.split(/,\s+/).join(', ')}]`
  })
}
