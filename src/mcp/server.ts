import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { type CallToolRequest, ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js'
import * as z from 'zod'
import type { CallContext } from '../upstream/sender.ts'
import { readTraceparent } from '../upstream/traceparent.ts'
import { CAPABILITIES, describeServer } from './identity.ts'
import { INSTRUCTIONS } from './instructions.ts'
import { createProgress } from './progress.ts'
import { describeUnknownTool, type ToolHost, UNKNOWN_CURSOR } from './tools.ts'

export interface McpServerOptions {
  readonly host: ToolHost
  readonly title: string
  /** What all calls of this server have in common. A signal of theirs stands in for that of the MCP request. */
  readonly caller: Pick<CallContext, 'key' | 'signal' | 'traceparent'>
}

// The SDK makes an ajv instance for elicitation answers, which this server never asks for.
const noValidator = {
  getValidator: () => {
    throw new Error('this server asks its clients for nothing')
  },
}

// Looser than the SDK's own, which would answer wrong params with -32603 and not -32602.
const ListRequestSchema = z.object({ method: z.literal('tools/list'), params: z.looseObject({}).optional() })
const CallRequestSchema = z.object({ method: z.literal('tools/call'), params: z.looseObject({}).optional() })

/** One MCP server on the SDK's low-level `Server`; its high-level one answers several cases against the protocol. */
export function createMcpServer({ host, title, caller }: McpServerOptions): Server {
  const server = new Server(describeServer(title), {
    capabilities: CAPABILITIES,
    instructions: INSTRUCTIONS,
    jsonSchemaValidator: noValidator,
  })
  server.setRequestHandler(ListRequestSchema, ({ params }) => {
    if (params?.cursor !== undefined) throw new McpError(ErrorCode.InvalidParams, UNKNOWN_CURSOR)
    return { tools: [...host.tools] }
  })
  server.setRequestHandler(CallRequestSchema, async (request, { signal, sendNotification }) => {
    const params = request.params as CallToolRequest['params'] // the SDK has checked them against its own schema by now
    const result = await host.callTool(params.name, params.arguments, {
      key: caller.key,
      signal: caller.signal ?? signal,
      traceparent: readTraceparent(params._meta?.traceparent) ?? caller.traceparent,
      onProgress: createProgress(params._meta?.progressToken, sendNotification),
    })
    if (!result) throw new McpError(ErrorCode.InvalidParams, describeUnknownTool(params.name))
    return result
  })
  return server
}
