import { EventEmitter, once } from 'node:events'
import { request as sendRequest } from 'node:http'
import { createOwnCallers, createPassthroughCallers } from '../../src/callers.ts'
import type { HttpSettings } from '../../src/config/http-settings.ts'
import { createLog } from '../../src/log.ts'
import { createRedactor } from '../../src/redact.ts'
import { serveHttp } from '../../src/serve-http.ts'
import type { Fetch } from '../../src/upstream/attempt.ts'

export const TOKEN = 'correct-horse-battery-staple-0123456789'
export const OWN_KEY = 'own-metronome-key-0123456789'
export const CUSTOMER_ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'

export interface Answer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: string
  readonly signal?: AbortSignal
}

export const MCP_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

/** Sends exactly these headers: `fetch` would not let a test write Host and Origin. */
export async function send(url: string, { method = 'POST', path = '/mcp', headers = {}, body, signal }: Sent = {}) {
  const present = Object.fromEntries(
    Object.entries({ ...(method === 'POST' && MCP_HEADERS), ...headers }).filter(([, value]) => value !== undefined),
  )
  const request = sendRequest(url + path, { method, headers: present, agent: false, ...(signal && { signal }) })
  request.end(body)
  const [response] = await once(request, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode, headers: response.headers, text: Buffer.concat(chunks).toString() } as Answer
}

export const callTool = (name: string, args: object, id: number | string = 1, meta?: object): string =>
  JSON.stringify({
    jsonrpc: '2.0',
    id,
    method: 'tools/call',
    params: { name, arguments: args, ...(meta && { _meta: meta }) },
  })

export const getCustomer = (id: number | string = 1): string =>
  callTool('get-customer', { customer_id: CUSTOMER_ID }, id)

export const customerAnswer = (name: string): Response =>
  Response.json({
    data: {
      id: CUSTOMER_ID,
      external_id: 'x',
      ingest_aliases: [],
      name,
      custom_fields: {},
      customer_config: { salesforce_account_id: null },
    },
  })

const SETTINGS: HttpSettings = {
  host: '127.0.0.1',
  port: 0,
  restPort: undefined,
  allowedHosts: [],
  token: undefined,
  passthrough: false,
  rateLimit: 0,
  drainMs: 100,
}

export interface Started {
  readonly url: string
  readonly log: readonly string[]
  /** Sends SIGTERM; resolves with the exit code. */
  stop(): Promise<number>
}

const running = new Set<Started>()

/** Serves MCP in this process, or what else the settings say, with `fetch` for Metronome. */
export async function startHttp(
  fetch: Fetch,
  settings: Partial<HttpSettings> = {},
  key: string = OWN_KEY,
  timeoutMs = 5_000,
): Promise<Started> {
  const all = { ...SETTINGS, ...settings }
  const lines: string[] = []
  const signals = new EventEmitter()
  const redact = createRedactor([key, all.token])
  const callers = all.passthrough ? createPassthroughCallers(redact) : createOwnCallers(key || undefined, redact)
  let exit = (_code: number): void => {}
  const exited = new Promise<number>((resolve) => {
    exit = resolve
  })
  await serveHttp({
    settings: all,
    upstream: { fetch, baseUrl: 'http://upstream.invalid', needsKey: true },
    timeoutMs,
    hasKey: key !== '',
    callers,
    title: 'Test',
    log: createLog('debug', 'text', (line) => lines.push(callers.redact(line))),
    signals,
    exit,
  })
  const server: Started = {
    url: lines.join('\n').match(/http:\/\/[^/]+/)?.[0] ?? '',
    log: lines,
    stop() {
      running.delete(server)
      signals.emit('SIGTERM')
      return exited
    },
  }
  running.add(server)
  return server
}

/** For `afterEach`. */
export async function stopAll(): Promise<void> {
  await Promise.all(Array.from(running, (server) => server.stop()))
}
