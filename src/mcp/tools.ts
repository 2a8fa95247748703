import { lazy } from '../lazy.ts'
import type { Log } from '../log.ts'
import type { JsonObject } from '../operation/define.ts'
import { escapeControls } from '../text.ts'
import type { Client } from '../upstream/client.ts'
import type { CallContext } from '../upstream/sender.ts'
import { type Tool, tools } from './tool-list.ts'

export interface ToolResult {
  [field: string]: unknown
  content: { type: 'text'; text: string }[]
  structuredContent?: JsonObject
  isError?: true
}

/** The tools, bound to nothing of the MCP SDK. */
export interface ToolHost {
  readonly tools: readonly Tool[]
  /** `undefined` when there is no such tool. Throws only when the call was cancelled. */
  callTool(name: string, args: unknown, context: CallContext): Promise<ToolResult | undefined>
}

export const UNKNOWN_CURSOR = 'Unknown cursor: there is one page'

export function describeUnknownTool(name: string): string {
  return `Unknown tool: ${escapeControls(name.slice(0, 100))}`
}

export function createToolHost(client: Client, log: Log): ToolHost {
  // Loaded with the first call: the operations' schemas would make every start slower.
  const loaded = lazy(() => import('./call-operation.ts'))
  return {
    tools,
    async callTool(name, args, context) {
      const { callOperation } = await loaded()
      return callOperation(client, log, { name, args, context })
    },
  }
}
