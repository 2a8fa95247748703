import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  ElicitResultSchema,
  ErrorCode,
  McpError,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js'
import type { Call, Caller } from '../calls/call.ts'
import type { FormChannel } from '../calls/guards/confirmation.ts'
import { isObject, type JsonObject } from '../operations/operation.ts'
import { CAPABILITIES, type ServerInfo } from './server-info.ts'
import { callTool, UNKNOWN_CURSOR } from './tools.ts'

export interface McpServerOptions {
  readonly call: Call
  readonly info: ServerInfo
  /** What all calls of this server have in common; the signal of the HTTP request, where there is one. */
  readonly caller: Omit<Caller, 'onProgress'>
}

// The SDK would make an ajv instance to validate results in `elicitInput`.
const noValidator = {
  getValidator: () => {
    throw new Error('this server does not use elicitInput')
  },
}

/** An MCP server on the SDK's low-level `Server`, since `McpServer` deviates from the protocol in several cases. */
export function createMcpServer({ call, info, caller }: McpServerOptions): Server {
  const { tools, instructions, ...implementation } = info
  const server = new Server(implementation, {
    capabilities: CAPABILITIES,
    instructions,
    jsonSchemaValidator: noValidator,
  })
  const runTool = async (params: JsonObject, { signal, sendNotification, sendRequest }: Extra): Promise<JsonObject> => {
    const called = await callTool(call, params, {
      ...caller,
      signal: caller.signal ?? signal,
      origin: caller.origin && { ...caller.origin, client: server.getClientVersion() },
      sendNotification,
      forms: server.getClientCapabilities()?.elicitation?.form && createFormChannel(sendRequest),
    })
    if (!called.ok) throw new ProtocolError(called.code, called.message)
    return called.result
  }
  // Not `setRequestHandler`, which checks params and results against schemas that take 3 % of the time of a call, and
  // responds -32603 to invalid params.
  server.fallbackRequestHandler = async ({ method, params = {} }, extra) => {
    if (method === 'tools/call') return runTool(params, extra)
    if (method !== 'tools/list') throw new ProtocolError(ErrorCode.MethodNotFound, 'Method not found')
    if (params.cursor !== undefined) throw new ProtocolError(ErrorCode.InvalidParams, UNKNOWN_CURSOR)
    return { tools: [...tools] }
  }
  return server
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

/** A JSON-RPC error; the message of the SDK's own class repeats the code. */
class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** Asks through a request of this server to the client. Over HTTP there is none: no client has introduced itself. */
function createFormChannel(sendRequest: Extra['sendRequest']): FormChannel {
  return {
    kind: 'request',
    async ask(params, timeout, signal) {
      try {
        return await sendRequest({ method: 'elicitation/create', params }, ElicitResultSchema, { timeout, signal })
      } catch (error) {
        const isTimeout = error instanceof McpError && error.code === ErrorCode.RequestTimeout
        return isTimeout ? { action: 'timed_out' } : { action: 'failed', reason: String(error) }
      }
    },
  }
}

/** Params that a request may leave out; some clients write null for what they leave out. */
const OPTIONAL_PARAMS = ['arguments', 'cursor', '_meta'] as const

/**
 * A message as the protocol has it. Go clients write `null` for absent fields, some agents send all arguments as one JSON
 * text, and where no tasks are declared, a request to run a call as a task is to be ignored.
 */
export function normalizeMessage(message: unknown): unknown {
  if (Array.isArray(message)) return message.map((item) => (Array.isArray(item) ? item : normalizeMessage(item)))
  if (!isObject(message) || typeof message.method !== 'string') return message
  const { params, ...rest } = message
  if (params === null) return rest
  return isObject(params) ? { ...message, params: normalizeParams(message.method, params) } : message
}

function normalizeParams(method: string, params: JsonObject): JsonObject {
  const normalized = { ...params }
  if (method === 'tools/call') delete normalized.task
  for (const name of OPTIONAL_PARAMS) if (normalized[name] === null) delete normalized[name]
  if (typeof normalized.arguments === 'string') normalized.arguments = parseObject(normalized.arguments)
  if (isObject(normalized._meta) && normalized._meta.progressToken === null) {
    const { progressToken: _, ...meta } = normalized._meta
    normalized._meta = meta
  }
  return normalized
}

/** Arguments that are neither an object nor the text of one are left for the call to reject. */
function parseObject(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) ? json : { arguments: text }
  } catch {
    return { arguments: text }
  }
}
