import type { ProgressNotification, ProgressToken } from '@modelcontextprotocol/sdk/types.js'
import type { Call, Caller, Channel } from '../calls/call.ts'
import { CallError, type CallErrorCode, InputRequiredError } from '../calls/errors.ts'
import { asObject, isObject, type JsonObject } from '../operations/json.ts'
import { escapeInvisible } from '../sanitize.ts'
import { askForInput, type InputRequired } from './forms.ts'
import { INVALID_PARAMS, isId, ProtocolError } from './messages.ts'
import { generatedTools } from './tools/index.generated.ts'

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: JsonObject & { readonly type: 'object' }
  readonly outputSchema: JsonObject & { readonly type: 'object' }
  readonly annotations: JsonObject
}

export interface ToolResult {
  [field: string]: unknown
  content: { type: 'text'; text: string }[]
  structuredContent?: JsonObject
  isError?: true
}

/** All tools. */
export const tools = generatedTools as readonly Tool[] // generated from the operations, and checked for freshness

export const UNKNOWN_CURSOR = 'Unknown cursor: there is one page of tools'

/** Errors of the protocol, with JSON-RPC's code; every other error is a tool result that the model can read. */
const PROTOCOL_ERRORS: Partial<Record<CallErrorCode, number>> = { unknown_tool: INVALID_PARAMS }

/** How one `tools/call` can reach its client, and the client the call. */
export interface ToolChannel extends Pick<Channel, 'signal' | 'forms'> {
  /** Absent where only a response can be sent. */
  readonly sendNotification?: SendNotification | undefined
  /** W3C trace context of the transport; that of the params takes precedence. */
  readonly traceparent?: unknown
}

/** Serves `tools/call`; a failed call is a result, too. Throws {@link ProtocolError}. */
export async function callTool(
  call: Call,
  params: JsonObject,
  caller: Caller,
  channel: ToolChannel,
): Promise<ToolResult | InputRequired> {
  const { name: tool, arguments: args = {}, _meta } = params
  if (typeof tool !== 'string') throw new ProtocolError(INVALID_PARAMS, 'tools/call needs the name of a tool')
  if (!isObject(args)) throw new ProtocolError(INVALID_PARAMS, 'arguments must be an object')
  const { progressToken, traceparent = channel.traceparent } = asObject(_meta)
  const { signal, forms, sendNotification } = channel
  const onProgress = isId(progressToken) ? createProgress(progressToken, sendNotification) : undefined
  try {
    const structuredContent = await call({ tool, args, traceparent }, caller, { signal, forms, onProgress })
    // Some agents show only the text, others only the structured content: both carry the whole body.
    return { content: asText(JSON.stringify(structuredContent)), structuredContent }
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    if (error instanceof InputRequiredError) return askForInput(error.question)
    const code = PROTOCOL_ERRORS[error.code]
    if (code !== undefined) throw new ProtocolError(code, error.message)
    return { content: asText(describeError(error)), isError: true }
  }
}

/** The outcome of a write is on the last line, where programs find it, too. */
function describeError({ message, outcome }: CallError): string {
  const text = escapeInvisible(message)
  return outcome ? `${text}\nOutcome: ${outcome}` : text
}

function asText(text: string): ToolResult['content'] {
  return [{ type: 'text', text }]
}

export type SendNotification = (notification: ProgressNotification) => Promise<void>

/** Reports retries and verification to a caller that asked for progress. */
function createProgress(progressToken: ProgressToken, send: SendNotification | undefined) {
  if (!send) return undefined
  let progress = 0
  return (message: string): void => {
    progress += 1
    // A caller that has left needs no progress.
    send({ method: 'notifications/progress', params: { progressToken, progress, message } }).catch(() => {})
  }
}
