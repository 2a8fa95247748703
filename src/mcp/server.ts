import { Server } from '@modelcontextprotocol/sdk/server/index.js'
import {
  CallToolRequestSchema,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type ProgressNotification,
  type ProgressToken,
} from '@modelcontextprotocol/sdk/types.js'
import { escapeControls } from '../text.ts'
import { NAME, VERSION } from '../version.ts'
import { INSTRUCTIONS } from './instructions.ts'
import type { ToolHost } from './tools.ts'

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
  const server = new Server(
    { name: NAME, title, version: VERSION },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS, jsonSchemaValidator: noValidator },
  )
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) => {
    if (params?.cursor !== undefined) throw new McpError(ErrorCode.InvalidParams, 'Unknown cursor: there is one page')
    return { tools: [...host.tools] }
  })
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, sendNotification }) => {
    const onProgress = createProgress(params._meta?.progressToken, sendNotification)
    const result = await host.callTool(params.name, params.arguments, { key, signal, onProgress })
    if (!result)
      throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${escapeControls(params.name.slice(0, 100))}`)
    return result
  })
  return server
}

type SendNotification = (notification: ProgressNotification) => Promise<void>

/** Tells the caller of waits and repeats, when it asked for that. */
function createProgress(progressToken: ProgressToken | undefined, send: SendNotification) {
  if (progressToken === undefined) return undefined
  let progress = 0
  return (message: string): void => {
    progress += 1
    // A caller that has left needs no progress.
    send({ method: 'notifications/progress', params: { progressToken, progress, message } }).catch(() => {})
  }
}
