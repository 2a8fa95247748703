import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  ErrorCode,
  isJSONRPCRequest,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type JSONRPCRequest,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js'
import type { Call, Caller } from '../calls/call.ts'
import type { App, Handler, Rejection, RequestClient } from '../http/routes.ts'
import { parseExactJson, weighJson } from '../operations/json.ts'
import { isStateless, normalizeMessage, SERVER_ERROR, VERSION_HEADER, validateInitialize } from './messages.ts'
import { createMcpServer } from './server.ts'
import type { ServerInfo } from './server-info.ts'
import { createStatelessLayer } from './stateless.ts'

/** The revision with batches, which is also that of a request without a version header. */
const BATCH_VERSION = '2025-03-26'
const MAX_BATCH = 10

export interface McpHttpOptions {
  readonly call: Call
  readonly info: ServerInfo
  /** Finds the caller for a request of this client. */
  readonly authenticate: (client: RequestClient) => Caller
}

/** MCP's Streamable HTTP without sessions and streams: each POST has a server of its own and a response in JSON. */
export function createMcpApp(options: McpHttpOptions): App {
  const route = { path: '/mcp', handlers: { POST: createPostHandler(options) }, usesUpstream: true } as const
  return {
    findRoute: (path) => (path === '/mcp' ? route : undefined),
    buildRejection: ({ status, message, headers }: Rejection) =>
      errorResponse(status, status === 400 ? ErrorCode.ParseError : SERVER_ERROR, message, headers),
    describeNotFound: () => 'MCP is served at /mcp.',
    parseJson: parseExactJson,
    weighJson,
  }
}

function createPostHandler({ call, info, authenticate }: McpHttpOptions): Handler {
  const stateless = createStatelessLayer({ call, info })

  return async ({ headers }, { json: body, signal, ...client }) => {
    const json = normalizeMessage(body)
    const channel = { signal, traceparent: headers.get('traceparent') }
    if (isStateless(json, headers)) {
      const caller = authenticate(client)
      const { message, httpStatus } = await stateless.respond(json, caller, { ...channel, headers })
      if (!message) return new Response(null, { status: httpStatus })
      return jsonResponse(httpStatus, caller.redact(JSON.stringify(message)))
    }
    const parsed = parseMessages(json, headers)
    if (!parsed.ok) return errorResponse(400, parsed.code, parsed.reason)
    const requests = parsed.messages.filter(isJSONRPCRequest)
    // Notifications and responses belong to sessions, of which there are none.
    if (requests.length === 0) return new Response(null, { status: 202 })
    const caller = authenticate(client)
    const responses = await exchange(createMcpServer({ call, info, caller, channel }), requests)
    return jsonResponse(200, caller.redact(JSON.stringify(Array.isArray(json) ? responses : responses[0])))
  }
}

/**
 * Sends requests to a fresh server in memory and collects its responses: a third of the CPU of the SDK's own HTTP
 * transport, which parses and checks again what has been parsed and checked.
 */
async function exchange(server: Server, requests: readonly JSONRPCRequest[]): Promise<JSONRPCMessage[]> {
  const responses: JSONRPCMessage[] = []
  let onComplete = () => {}
  const completed = new Promise<void>((resolve) => {
    onComplete = resolve
  })
  const transport: Transport = {
    async start() {},
    async send(message) {
      // A single JSON response cannot carry progress notifications.
      if ('method' in message) return
      responses.push(message)
      if (responses.length === requests.length) onComplete()
    },
    async close() {},
  }
  await server.connect(transport)
  for (const request of requests) transport.onmessage?.(request)
  await completed
  return responses
}

type ParsedMessages =
  | { readonly ok: true; readonly messages: readonly JSONRPCMessage[] }
  | { readonly ok: false; readonly code: number; readonly reason: string }

function parseMessages(json: unknown, headers: Headers): ParsedMessages {
  const isBatch = Array.isArray(json)
  const items: unknown[] = isBatch ? json : [json]
  const parsed = items.slice(0, MAX_BATCH + 1).map((item) => JSONRPCMessageSchema.safeParse(item))
  const messages = parsed.flatMap(({ success, data }) => (success ? [data] : []))
  const hasInitialize = messages.some((message) => 'method' in message && message.method === 'initialize')
  const version = headers.get(VERSION_HEADER) ?? BATCH_VERSION
  const reject = (code: number, reason: string): ParsedMessages => ({ ok: false, code, reason })

  if (messages.length < parsed.length || items.length === 0)
    return reject(ErrorCode.InvalidRequest, 'The body is not a valid JSON-RPC 2.0 message.')
  if (items.length > MAX_BATCH)
    return reject(ErrorCode.InvalidRequest, `A batch may contain at most ${MAX_BATCH} messages.`)
  if (hasInitialize) {
    if (isBatch) return reject(ErrorCode.InvalidRequest, 'initialize must not be batched.')
    // Its version is negotiated in the body.
    const reason = messages.map(validateInitialize).find(Boolean)
    return reason === undefined ? { ok: true, messages } : reject(ErrorCode.InvalidParams, `${reason}.`)
  }
  if (!SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    return reject(SERVER_ERROR, `Unsupported protocol version; supported: ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`)
  if (isBatch && version !== BATCH_VERSION)
    return reject(ErrorCode.InvalidRequest, `Only ${BATCH_VERSION} supports batches; send one message per request.`)
  return { ok: true, messages }
}

function errorResponse(status: number, code: number, message: string, headers?: Readonly<Record<string, string>>) {
  return jsonResponse(status, JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }), headers)
}

function jsonResponse(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { status, headers: { ...headers, 'content-type': 'application/json' } })
}
