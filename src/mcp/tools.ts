import type { ProgressNotification, ProgressToken } from '@modelcontextprotocol/sdk/types.js'
import type { Call, Caller } from '../calls/call.ts'
import { CallError, type CallErrorCode, type Form, type Question } from '../calls/errors.ts'
import { asObject, isObject, type JsonObject } from '../operations/operation.ts'
import { escapeInvisible } from '../sanitize.ts'
import generatedTools from './tools.generated.json' with { type: 'json' }

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

/** What tools/list returns. */
export const tools = generatedTools as readonly Tool[] // generated from the operations, and checked for freshness

export const UNKNOWN_CURSOR = 'Unknown cursor: there is one page of tools'

const INVALID_PARAMS = -32602

/** Errors of the protocol, with JSON-RPC's code; every other error is a tool result that the model can read. */
const PROTOCOL_ERRORS: Partial<Record<CallErrorCode, number>> = { unknown_tool: INVALID_PARAMS }

/** A call that ends in a JSON-RPC error. */
export interface ProtocolError {
  readonly ok: false
  readonly code: number
  readonly message: string
}

/** A result of the stateless revision: the client asks the person, and repeats the request with what came of it. */
export interface InputRequired {
  [field: string]: unknown
  resultType: 'input_required'
  inputRequests: Record<string, { method: 'elicitation/create'; params: Form }>
  requestState: string
}

export type ToolCallResult = { readonly ok: true; readonly result: ToolResult | InputRequired } | ProtocolError

/** Who sends `tools/call`; progress and trace context are in its params. */
export interface ToolCaller extends Omit<Caller, 'onProgress'> {
  /** Absent where only a response can be sent. */
  readonly sendNotification?: SendNotification | undefined
}

/** Serves `tools/call`; a failed call is a result, too. */
export async function callTool(
  call: Call,
  params: JsonObject,
  { sendNotification, ...caller }: ToolCaller,
): Promise<ToolCallResult> {
  const { name: tool, arguments: args = {}, _meta } = params
  if (typeof tool !== 'string') return invalidParams('tools/call needs the name of a tool')
  if (!isObject(args)) return invalidParams('arguments must be an object')
  const { progressToken, traceparent = caller.traceparent } = asObject(_meta)
  const onProgress = isId(progressToken) ? createProgress(progressToken, sendNotification) : undefined
  try {
    const structuredContent = await call({ tool, args, caller: { ...caller, onProgress, traceparent } })
    // Some agents show only the text, others only the structured content: both carry the whole body.
    return { ok: true, result: { content: asText(JSON.stringify(structuredContent)), structuredContent } }
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    if (error.question) return { ok: true, result: askForInput(error.question) }
    const code = PROTOCOL_ERRORS[error.code]
    if (code !== undefined) return { ok: false, code, message: error.message }
    return { ok: true, result: { content: asText(describeError(error)), isError: true } }
  }
}

const invalidParams = (message: string): ProtocolError => ({ ok: false, code: INVALID_PARAMS, message })

function askForInput({ form, state }: Question): InputRequired {
  const inputRequests = { confirm: { method: 'elicitation/create', params: form } } as const
  return { resultType: 'input_required', inputRequests, requestState: state }
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

/** An id of a request, or a progress token: they have the same type. */
export function isId(value: unknown): value is ProgressToken {
  return typeof value === 'string' || Number.isSafeInteger(value)
}
