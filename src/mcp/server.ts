import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import { CallToolRequestSchema, ErrorCode, ListToolsRequestSchema, McpError } from '@modelcontextprotocol/sdk/types.js'
import { CAPABILITIES, describeServer } from './identity.ts'
import { INSTRUCTIONS } from './instructions.ts'
import { createProgress } from './progress.ts'
import { describeUnknownTool, type ToolHost, UNKNOWN_CURSOR } from './tools.ts'

export interface McpServerOptions {
  readonly host: ToolHost
  readonly title: string
  /** Metronome API key of this server's callers. */
  readonly key: string | undefined
}

// The SDK makes an ajv instance for elicitation answers, which this server never asks for.
const noValidator = {
  getValidator: () => {
    throw new Error('this server asks its clients for nothing')
  },
}

/** One MCP server on the SDK's low-level `Server`; its high-level one answers several cases against the protocol. */
export function createMcpServer({ host, title, key }: McpServerOptions): Server {
  const server = new Server(describeServer(title), {
    capabilities: CAPABILITIES,
    instructions: INSTRUCTIONS,
    jsonSchemaValidator: noValidator,
  })
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    if (params?.cursor !== undefined) throw new McpError(ErrorCode.InvalidParams, UNKNOWN_CURSOR)
    return { tools: [...host.tools] }
  })
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const onProgress = createProgress(params._meta?.progressToken, sendNotification)
    const result = await host.callTool(params.name, params.arguments, { key, signal, onProgress })
    if (!result) throw new McpError(ErrorCode.InvalidParams, describeUnknownTool(params.name))
    return result
  })
  return server
}
