import type { Log } from '../log.ts'
import type { JsonObject, Operation } from '../operation/define.ts'
import { inputJsonSchema, outputJsonSchema } from '../operation/json-schema.ts'
import { operations } from '../operations/index.ts'
import { escapeControls } from '../text.ts'
import type { Client } from '../upstream/client.ts'
import { describeFailure } from '../upstream/failure.ts'
import type { Reply } from '../upstream/reply.ts'
import type { CallContext } from '../upstream/sender.ts'

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: JsonObject & { type: 'object' }
  readonly outputSchema: JsonObject & { type: 'object' }
  readonly annotations: JsonObject
}

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
  const byName = new Map(operations.map((op) => [op.tool, op]))
  return {
    tools: operations.map(describeTool),
    async callTool(name, args, context) {
      const op = byName.get(name)
      if (!op) return undefined
      try {
        return succeed(await client.call(op, args, context))
      } catch (error) {
        return fail(describeFailure(op, error, log).message)
      }
    },
  }
}

function describeTool(op: Operation): Tool {
  const { readOnly, destructive, idempotent } = op.hints
  return {
    name: op.tool,
    title: op.title,
    description: op.description,
    inputSchema: { type: 'object', ...inputJsonSchema(op.input) },
    outputSchema: { type: 'object', ...outputJsonSchema(op.output) },
    annotations: {
      title: op.title,
      readOnlyHint: readOnly,
      destructiveHint: destructive,
      idempotentHint: idempotent,
      openWorldHint: true,
    },
  }
}

/** Some agents show only the text, others only the structured content: both carry the whole answer. */
function succeed({ body, note }: Reply): ToolResult {
  const structuredContent = note === undefined ? body : { ...body, _note: note }
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
}

function fail(message: string): ToolResult {
  return { content: [{ type: 'text', text: escapeControls(message) }], isError: true }
}
