import { PassThrough } from 'node:stream'
import { createByteBudget } from '../../src/http/byte-budget.ts'
import { createMcpServer } from '../../src/mcp/server.ts'
import { describeServer, type ServerOptions } from '../../src/mcp/server-info.ts'
import { createStatelessLayer, type StatelessLayer } from '../../src/mcp/stateless.ts'
import { createStdioTransport } from '../../src/mcp/stdio.ts'
import { createHarness, type HarnessOptions } from './harness.ts'

export const CUSTOMER_ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
export const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'
export const META = { [VERSION_KEY]: '2026-07-28', [CAPABILITIES_KEY]: {} }
export const customer = { data: { id: CUSTOMER_ID, name: 'Acme' } }

export type Message = Record<string, unknown>

/** A request of the revision 2026-07-28; `params` may replace its `_meta`. */
export function request(method: string, params: Message = {}, id: string | number = 1): Message {
  return { jsonrpc: '2.0', id, method, params: { _meta: META, ...params } }
}

export function callTool(name: unknown, args?: unknown): Message {
  return request('tools/call', { name, ...(args !== undefined && { arguments: args }) })
}

/** The stateless revision over both transports. */
export interface StatelessServer {
  readonly layer: StatelessLayer
  /** Sends one message over HTTP, with its own headers unless others are given. */
  post(body: unknown, headers?: Record<string, string>, signal?: AbortSignal): Promise<Response>
  openStdio(): Promise<StdioConnection>
}

export interface StdioConnection {
  send(...messages: unknown[]): void
  /** The next message that the server writes. */
  next(): Promise<Message>
  /** Everything that the server has written and `next` has not returned. */
  readonly written: Message[]
  close(): Promise<void>
}

export const failure = (code: number, message: unknown, data?: unknown) => ({
  jsonrpc: '2.0',
  id: 1,
  error: { code, message, ...(data !== undefined && { data }) },
})

/** Both transports over the same calls, with `fetch` for Metronome. */
export function createStateless(
  fetch: typeof globalThis.fetch,
  timeoutMs = 5_000,
  server: ServerOptions = {},
  further: Pick<HarnessOptions, 'apiKey' | 'audit' | 'confirmArchives'> = {},
): StatelessServer {
  const { call, caller } = createHarness({
    upstream: { fetch, baseUrl: 'http://metronome.invalid' },
    timeoutMs,
    server,
    ...further,
  })
  const options = { call, info: describeServer(server) }
  const layer = createStatelessLayer(options)

  async function post(body: unknown, headers = headersOf(body), signal?: AbortSignal): Promise<Response> {
    const { message, httpStatus } = await layer.respond(body, caller, { signal, headers: new Headers(headers) })
    return message ? Response.json(message, { status: httpStatus }) : new Response(null, { status: httpStatus })
  }

  async function openStdio(): Promise<StdioConnection> {
    const input = new PassThrough()
    const output = new PassThrough()
    const server = createMcpServer({ ...options, caller })
    await server.connect(
      createStdioTransport({ input, output, stateless: layer, caller, byteBudget: createByteBudget() }),
    )
    const written: Message[] = []
    const waiting: ((message: Message) => void)[] = []
    output.on('data', (line) => {
      const message = JSON.parse(String(line))
      const take = waiting.shift()
      if (take) take(message)
      else written.push(message)
    })
    return {
      written,
      send: (...messages) => void messages.map((message) => input.write(`${JSON.stringify(message)}\n`)),
      next: () =>
        new Promise((resolve) => (written.length > 0 ? resolve(written.shift() ?? {}) : waiting.push(resolve))),
      close: () => server.close(),
    }
  }

  return { layer, post, openStdio }
}

/** The headers that belong to this body. */
export function headersOf(body: unknown): Record<string, string> {
  const { method, params } = body as { method?: string; params?: { name?: unknown; _meta?: Message } } // hand-written
  const name = method === 'tools/call' ? params?.name : undefined
  return {
    'mcp-protocol-version': String(params?._meta?.[VERSION_KEY] ?? '2026-07-28'),
    ...(method !== undefined && { 'mcp-method': method }),
    ...(typeof name === 'string' && { 'mcp-name': encodeName(name) }),
  }
}

function encodeName(name: string): string {
  return /^[\x21-\x7e]*$/.test(name) ? name : `=?base64?${Buffer.from(name).toString('base64')}?=`
}

export async function readResponse(response: Response): Promise<{ body: Message; status: number }> {
  const body = (await response.json()) as Message // the responses under test are objects
  return { body, status: response.status }
}

/** Sends a message on a stdio connection of its own and returns the response. */
export async function askOverStdio(server: StatelessServer, message: unknown): Promise<Message> {
  const connection = await server.openStdio()
  connection.send(message)
  const response = await connection.next()
  await connection.close()
  return response
}
