import {
  ErrorCode,
  isJSONRPCRequest,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  SUPPORTED_PROTOCOL_VERSIONS,
} from '@modelcontextprotocol/sdk/types.js'
import type { Callers } from '../callers.ts'
import type { BuildRefusal, Handler, Passed, Route } from '../http/route.ts'
import { readTraceparent } from '../upstream/traceparent.ts'
import { exchange } from './exchange.ts'
import { describeBadHandshake } from './lines.ts'
import { createModernLayer } from './modern.ts'
import { createMcpServer, type McpServerOptions } from './server.ts'

/** The revision that knows batches, and that a request without a version header speaks. */
const BATCH_VERSION = '2025-03-26'
const MAX_BATCH = 100
/** What the SDK answers where JSON-RPC has no code of its own. */
const REFUSED = -32000

export interface McpHttpOptions extends Pick<McpServerOptions, 'host' | 'title'> {
  readonly callers: Callers
}

/** MCP's Streamable HTTP without sessions and streams: each POST is answered by a server of its own, in JSON. */
export function createMcpRoute(options: McpHttpOptions): Route {
  return {
    handlers: { POST: createMcpHandler(options) },
    answers: ['application/json', 'text/event-stream'],
    calls: true,
  }
}

/** Takes requests that have passed the guard. */
function createMcpHandler({ host, title, callers }: McpHttpOptions): Handler {
  const modern = createModernLayer({ host, title })

  async function answerModern(request: Request, { json, bearer, signal }: Passed): Promise<Response> {
    const { key, redact, leave } = callers.admit(bearer)
    try {
      const traceparent = readTraceparent(request.headers.get('traceparent'))
      const { message, httpStatus } = await modern.answer(json, { key, signal, traceparent, headers: request.headers })
      return message
        ? answerJson(httpStatus, redact(JSON.stringify(message)))
        : new Response(null, { status: httpStatus })
    } finally {
      leave()
    }
  }

  return async (request, passed) => {
    const { json, bearer, signal } = passed
    if (modern.handles(json, request.headers)) return answerModern(request, passed)
    const messages = readMessages(json, request.headers)
    if ('problem' in messages) return answerError(400, messages.code, messages.problem)
    const requests = messages.filter(isJSONRPCRequest)
    // Notifications and answers concern sessions, of which there are none.
    if (requests.length === 0) return new Response(null, { status: 202 })
    const { key, redact, leave } = callers.admit(bearer)
    try {
      const caller = { key, signal, traceparent: readTraceparent(request.headers.get('traceparent')) }
      const answers = await exchange(createMcpServer({ host, title, caller }), requests)
      return answerJson(200, redact(JSON.stringify(Array.isArray(json) ? answers : answers[0])))
    } finally {
      leave()
    }
  }
}

/** How the guard refuses on the port of MCP. */
export const buildMcpRefusal: BuildRefusal = ({ status, message, headers }) =>
  answerError(status, status === 400 ? ErrorCode.ParseError : REFUSED, message, headers)

interface Problem {
  readonly code: number
  readonly problem: string
}

function readMessages(json: unknown, headers: Headers): JSONRPCMessage[] | Problem {
  const batch = Array.isArray(json)
  const items: unknown[] = batch ? json : [json]
  const parsed = items.slice(0, MAX_BATCH + 1).map((item) => JSONRPCMessageSchema.safeParse(item))
  const messages = parsed.flatMap(({ success, data }) => (success ? [data] : []))
  const starts = messages.some((message) => 'method' in message && message.method === 'initialize')
  const version = headers.get('mcp-protocol-version') ?? BATCH_VERSION
  const problem = (code: number, text: string): Problem => ({ code, problem: text })

  if (messages.length < parsed.length || items.length === 0)
    return problem(ErrorCode.InvalidRequest, 'The body is no JSON-RPC 2.0 message.')
  if (items.length > MAX_BATCH) return problem(ErrorCode.InvalidRequest, `A batch has at most ${MAX_BATCH} messages.`)
  if (starts) {
    if (batch) return problem(ErrorCode.InvalidRequest, 'initialize is sent by itself.')
    // The version is negotiated in the body of this one.
    const reason = messages.map(describeBadHandshake).find(Boolean)
    return reason === undefined ? messages : problem(ErrorCode.InvalidParams, `${reason}.`)
  }
  if (!SUPPORTED_PROTOCOL_VERSIONS.includes(version))
    return problem(REFUSED, `Unsupported protocol version; supported: ${SUPPORTED_PROTOCOL_VERSIONS.join(', ')}.`)
  if (batch && version !== BATCH_VERSION)
    return problem(ErrorCode.InvalidRequest, `Only ${BATCH_VERSION} has batches: send one message a request.`)
  return messages
}

function answerError(status: number, code: number, message: string, headers?: Readonly<Record<string, string>>) {
  return answerJson(status, JSON.stringify({ jsonrpc: '2.0', error: { code, message }, id: null }), headers)
}

function answerJson(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(text, { status, headers: { ...headers, 'content-type': 'application/json' } })
}
