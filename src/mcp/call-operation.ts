import type { Log } from '../log.ts'
import { operations } from '../operations/index.ts'
import { escapeControls } from '../text.ts'
import type { Client } from '../upstream/client.ts'
import { describeFailure } from '../upstream/failure.ts'
import { type Reply, resultOf } from '../upstream/reply.ts'
import type { CallContext } from '../upstream/sender.ts'
import type { ToolResult } from './tools.ts'

export interface ToolCall {
  readonly name: string
  readonly args: unknown
  readonly context: CallContext
}

const byName = new Map(operations.map((op) => [op.tool, op]))

/** `undefined` when there is no such tool. Throws only when the call was cancelled. */
export async function callOperation(
  client: Client,
  log: Log,
  { name, args, context }: ToolCall,
): Promise<ToolResult | undefined> {
  const op = byName.get(name)
  if (!op) return undefined
  try {
    return succeed(await client.call(op, args, context))
  } catch (error) {
    return fail(describeFailure(op, error, log, context.signal).message)
  }
}

/** Some agents show only the text, others only the structured content: both carry the whole answer. */
function succeed(reply: Reply): ToolResult {
  const structuredContent = resultOf(reply)
  return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
}

function fail(message: string): ToolResult {
  return { content: [{ type: 'text', text: escapeControls(message) }], isError: true }
}
