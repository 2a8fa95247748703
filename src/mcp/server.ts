import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { type CallToolRequest, ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'
import type { Call, Caller } from '../calls/call.ts'
import { CAPABILITIES, type ServerInfo } from './server-info.ts'
import { callTool, createProgress, UNKNOWN_CURSOR } from './tools.ts'

export interface McpServerOptions {
  readonly call: Call
  readonly info: ServerInfo
  /** What all calls of this server have in common; the signal of the HTTP request, where there is one. */
  readonly caller: Omit<Caller, 'onProgress'>
}

// The SDK would make an ajv instance to validate elicitation results.
const noValidator = {
  getValidator: () => {
    throw new Error('this server sends no elicitation requests')
  },
}

// Looser than the SDK's own schemas, with which invalid params would give -32603 instead of -32602.
const ListRequestSchema = z.object({ method: z.literal('tools/list'), params: z.looseObject({}).optional() })
const CallRequestSchema = z.object({ method: z.literal('tools/call'), params: z.looseObject({}).optional() })

/** An MCP server on the SDK's low-level `Server`, since `McpServer` deviates from the protocol in several cases. */
export function createMcpServer({ call, info, caller }: McpServerOptions): Server {
  const { tools, instructions, ...implementation } = info
  const server = new Server(implementation, {
    capabilities: CAPABILITIES,
    instructions,
    jsonSchemaValidator: noValidator,
  })
  server.setRequestHandler(ListRequestSchema, ({ params }) => {
    if (params?.cursor !== undefined) throw new McpError(ErrorCode.InvalidParams, UNKNOWN_CURSOR)
    return { tools: [...tools] }
  })
  server.setRequestHandler(CallRequestSchema, async (request, { signal, sendNotification }) => {
    const params = request.params as CallToolRequest['params'] // checked by the SDK against its own schema
    const called = await callTool(call, params.name, params.arguments, {
      ...caller,
      signal: caller.signal ?? signal,
      traceparent: params._meta?.traceparent ?? caller.traceparent,
      onProgress: createProgress(params._meta?.progressToken, sendNotification),
    })
    if (!called.ok) throw new McpError(called.code, called.message)
    return called.result
  })
  return server
}
