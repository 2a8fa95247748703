import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import { isKey } from '../../src/cli/config/secrets.ts'
import { createAuthenticator } from '../../src/cli/serve-http.ts'
import { createTokenCheck } from '../../src/http/guard.ts'
import type { App } from '../../src/http/routes.ts'
import { createMcpApp } from '../../src/mcp/http.ts'
import { describeServer } from '../../src/mcp/server-info.ts'
import type { Fetch } from '../../src/metronome/fetch.ts'
import { operations } from '../../src/operations/index.ts'
import { createRestApp } from '../../src/rest/app.ts'
import { createRedactor } from '../../src/sanitize.ts'
import { createHarness, type Harness, KEY } from './harness.ts'
import { startApp } from './listeners.ts'

export const TOKEN = 'correct-horse-battery-staple-0123456789'
export const CUSTOMER_ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'

export interface HttpResponse {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

export interface HttpRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>
  readonly body?: string
  readonly signal?: AbortSignal
}

export const MCP_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

/** Sends exactly these headers: `fetch` would not let a test write Host and Origin. */
export async function send(
  url: string,
  { method = 'POST', path = '/mcp', headers = {}, body, signal }: HttpRequest = {},
): Promise<HttpResponse> {
  const present = Object.fromEntries(
    Object.entries({ ...(method === 'POST' && MCP_HEADERS), ...headers }).filter(([, value]) => value !== undefined),
  )
  const request = sendRequest(url + path, { method, headers: present, agent: false, ...(signal && { signal }) })
  request.end(body)
  const [response] = await once(request, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() }
}

export function callTool(name: string, args: object, id: number | string = 1, meta?: object): string {
  const params = { name, arguments: args, ...(meta && { _meta: meta }) }
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params })
}

export function getCustomer(id: number | string = 1): string {
  return callTool('get-customer', { customer_id: CUSTOMER_ID }, id)
}

export function customerResponse(name: string): Response {
  return Response.json({
    data: {
      id: CUSTOMER_ID,
      external_id: 'x',
      ingest_aliases: [],
      name,
      custom_fields: {},
      customer_config: { salesforce_account_id: null },
    },
  })
}

export interface ServerSettings {
  readonly apiKey?: string | undefined
  readonly tokens?: readonly string[]
  readonly passthrough?: boolean
  readonly allowedHosts?: readonly string[]
  /** Budget of one call in milliseconds. */
  readonly timeoutMs?: number
  /** Why each of these tools is not available. */
  readonly hiddenTools?: ReadonlyMap<string, string> | undefined
}

export interface HttpServer extends Harness {
  readonly url: string
}

/** Serves MCP on a free port, with `fetch` for Metronome; stop it with `stopListeners`. */
export function startMcp(fetch: Fetch, settings: ServerSettings = {}): Promise<HttpServer> {
  const info = describeServer({ hiddenTools: settings.hiddenTools })
  return start(fetch, settings, ({ call }, authenticate) =>
    createMcpApp({ call, info, authenticate: authenticate('http') }),
  )
}

/** Serves REST on a free port, with `fetch` for Metronome; stop it with `stopListeners`. */
export function startRest(fetch: Fetch, settings: ServerSettings = {}): Promise<HttpServer> {
  const needsBearer = settings.passthrough === true || (settings.tokens ?? []).length > 0
  return start(fetch, settings, ({ call }, authenticate) =>
    createRestApp({
      call,
      operations: operations.filter(({ tool }) => !settings.hiddenTools?.has(tool)),
      hiddenOperations: operations.filter(({ tool }) => settings.hiddenTools?.has(tool)),
      authenticate: authenticate('rest'),
      needsBearer,
    }),
  )
}

async function start(
  fetch: Fetch,
  settings: ServerSettings,
  createApp: (harness: Harness, authenticate: ReturnType<typeof createAuthenticator>) => App,
): Promise<HttpServer> {
  const { tokens = [], passthrough = false, allowedHosts = [], timeoutMs = 5_000 } = settings
  const apiKey = 'apiKey' in settings ? settings.apiKey : KEY
  const upstream = { fetch, baseUrl: 'http://metronome.invalid', needsKey: true }
  const harness = createHarness({ upstream, apiKey, timeoutMs, server: { hiddenTools: settings.hiddenTools } })
  const { port } = await startApp(
    createApp(harness, createAuthenticator(apiKey, createRedactor([apiKey, ...tokens]), passthrough)),
    {
      allowedHosts,
      isAllowedBearer: tokens.length > 0 ? createTokenCheck(tokens) : passthrough ? isKey : undefined,
      interrupt: harness.interrupt,
    },
  )
  return { ...harness, url: `http://127.0.0.1:${port}` }
}
