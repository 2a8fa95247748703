import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import { ErrorCode, type ServerNotification, type ServerRequest } from '@modelcontextprotocol/sdk/types.js'
import type { Call, Caller } from '../calls/call.ts'
import type { JsonObject } from '../operations/json.ts'
import { createFormChannel } from './forms.ts'
import { INVALID_PARAMS, ProtocolError } from './messages.ts'
import { CAPABILITIES, type ServerInfo } from './server-info.ts'
import { callTool, type ToolChannel, UNKNOWN_CURSOR } from './tools.ts'

export interface McpServerOptions {
  readonly call: Call
  readonly info: ServerInfo
  readonly caller: Caller
  /** What all calls have in common: over HTTP, the signal and the trace context of the request. */
  readonly channel?: Pick<ToolChannel, 'signal' | 'traceparent'>
}

// The SDK would make an ajv instance to validate results in `elicitInput`.
const noValidator = {
  getValidator: () => {
    throw new Error('this server does not use elicitInput')
  },
}

/** An MCP server on the SDK's low-level `Server`, since `McpServer` deviates from the protocol in several cases. */
export function createMcpServer({ call, info, caller, channel = {} }: McpServerOptions): Server {
  const { tools, instructions, ...implementation } = info
  const server = new Server(implementation, {
    capabilities: CAPABILITIES,
    instructions,
    jsonSchemaValidator: noValidator,
  })
  /** The caller with what its client has said about itself in `initialize`. */
  let introduced = caller
  server.oninitialized = () => {
    const { origin } = caller
    introduced = { ...caller, origin: origin && { ...origin, client: server.getClientVersion() } }
  }
  const runTool = (params: JsonObject, { signal, sendNotification, sendRequest }: Extra) =>
    callTool(call, params, introduced, {
      signal: channel.signal ?? signal,
      traceparent: channel.traceparent,
      sendNotification,
      forms: server.getClientCapabilities()?.elicitation?.form && createFormChannel(sendRequest),
    })
  // Not `setRequestHandler`, which checks params and results against schemas that take 3 % of the time of a call, and
  // responds -32603 to invalid params.
  server.fallbackRequestHandler = async ({ method, params = {} }, extra) => {
    if (method === 'tools/call') return runTool(params, extra)
    if (method !== 'tools/list') throw new ProtocolError(ErrorCode.MethodNotFound, 'Method not found')
    if (params.cursor !== undefined) throw new ProtocolError(INVALID_PARAMS, UNKNOWN_CURSOR)
    return { tools: [...tools] }
  }
  return server
}

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>
