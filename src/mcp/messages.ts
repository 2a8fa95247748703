import {
  InitializeRequestSchema,
  type JSONRPCMessage,
  type ProgressToken,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js'
import { asObject, isObject, type JsonObject, parseExactJson, tryParse } from '../operations/json.ts'

/** The first revision without a handshake: every request says in `_meta` what `initialize` said once. */
export const STATELESS_REVISION = '2026-07-28'
export const VERSION_HEADER = 'MCP-Protocol-Version'
export const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'

export const INVALID_PARAMS = -32602
/** The SDK's code where JSON-RPC has none. */
export const SERVER_ERROR = -32000

/** A JSON-RPC error; the message of the SDK's own class repeats the code. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** Params that a request may leave out; some clients write null for what they leave out. */
const OPTIONAL_PARAMS = ['arguments', 'cursor', '_meta'] as const

/**
 * A message as the protocol has it. Go clients write `null` for absent fields, some agents send all arguments as one JSON
 * text, and where no tasks are declared, a request to run a call as a task is to be ignored.
 */
export function normalizeMessage(message: unknown): unknown {
  if (Array.isArray(message)) return message.map((item) => (Array.isArray(item) ? item : normalizeMessage(item)))
  if (!isObject(message) || typeof message.method !== 'string') return message
  const { params, ...rest } = message
  if (params === null) return rest
  return isObject(params) ? { ...message, params: normalizeParams(message.method, params) } : message
}

function normalizeParams(method: string, params: JsonObject): JsonObject {
  const normalized = { ...params }
  if (method === 'tools/call') delete normalized.task
  if (method === 'initialize') Object.assign(normalized, readIntroduction(params))
  for (const name of OPTIONAL_PARAMS) if (normalized[name] === null) delete normalized[name]
  if (typeof normalized.arguments === 'string') normalized.arguments = parseObject(normalized.arguments)
  if (isObject(normalized._meta) && normalized._meta.progressToken === null) {
    const { progressToken: _, ...meta } = normalized._meta
    normalized._meta = meta
  }
  return normalized
}

/**
 * What this server uses of an `initialize`. The SDK's schema collects an issue for every icon or capability that is wrong:
 * 512 KiB of them would block the process for 2 s.
 */
function readIntroduction({ clientInfo, capabilities }: JsonObject): JsonObject {
  return {
    ...(isObject(clientInfo) && { clientInfo: { name: clientInfo.name, version: clientInfo.version } }),
    ...(isObject(capabilities) && { capabilities: { elicitation: capabilities.elicitation } }),
  }
}

/** Arguments that are neither an object nor the text of one are left for the call to reject. */
function parseObject(text: string): unknown {
  const json = tryParse(text, parseExactJson)
  return isObject(json) ? json : { arguments: text }
}

/** Whether a message belongs to the stateless revision. That has no batches: one with such a message is rejected there. */
export function isStateless(message: unknown, headers?: Headers): boolean {
  if (headers?.get(VERSION_HEADER) === STATELESS_REVISION) return true
  return Array.isArray(message) ? message.some(isStatelessMessage) : isStatelessMessage(message)
}

function isStatelessMessage(message: unknown): boolean {
  if (!isObject(message)) return false
  const version = asObject(asObject(message.params)._meta)[VERSION_KEY]
  // `initialize` belongs to earlier revisions, unless its `_meta` says otherwise.
  if (message.method === 'initialize') return version === STATELESS_REVISION
  return version !== undefined || message.method === 'server/discover'
}

/** What an `initialize` request lacks; the SDK would respond with -32603 and the issues of its schema. */
export function validateInitialize(message: JSONRPCMessage): string | undefined {
  const isInitialize = 'method' in message && message.method === 'initialize'
  if (!isInitialize || InitializeRequestSchema.safeParse(message).success) return undefined
  return 'initialize needs protocolVersion, capabilities and clientInfo'
}

/** The id of a message. A number that parsing has altered is none, so that it is not echoed. */
export function readId(message: unknown): RequestId | undefined {
  const { id } = asObject(message)
  return isId(id) ? id : undefined
}

/** An id of a request, or a progress token: they have the same type. */
export function isId(value: unknown): value is ProgressToken {
  return typeof value === 'string' || Number.isSafeInteger(value)
}
