import type { JSONRPCResponse, RequestId } from '@modelcontextprotocol/sdk/types.js'
import type { JsonObject } from '../operation/define.ts'
import { asObject } from '../operation/json.ts'
import type { CallContext } from '../upstream/sender.ts'
import { readTraceparent } from '../upstream/traceparent.ts'
import { CAPABILITIES, describeServer } from './identity.ts'
import { INSTRUCTIONS } from './instructions.ts'
import {
  CANCELLED_STATUS,
  HEADER_MISMATCH,
  INTERNAL_ERROR,
  INVALID_META,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  UNSUPPORTED_VERSION,
} from './modern-failures.ts'
import { createProgress, type SendNotification } from './progress.ts'
import { describeUnknownTool, type ToolHost, UNKNOWN_CURSOR } from './tools.ts'

/** The first revision without a handshake: every request says in `_meta` what `initialize` said once. */
const MODERN_REVISION = '2026-07-28'

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'
const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo'
const VERSION_HEADER = 'MCP-Protocol-Version'

// The tools are the same for every caller and change only with a new version of this program.
const CACHING = { ttlMs: 300_000, cacheScope: 'public' }

export interface ModernContext extends Omit<CallContext, 'onProgress'> {
  /** Only of a request over HTTP. */
  readonly headers?: Headers
  /** Absent where an answer is the only thing that can be sent. */
  readonly sendNotification?: SendNotification
}

export interface ModernAnswer {
  /** Absent after a notification and after a cancelled request. */
  readonly message?: JSONRPCResponse
  readonly httpStatus: number
}

/** Serves the revision 2026-07-28 in front of a transport; what it does not handle belongs to the SDK. */
export interface ModernLayer {
  handles(message: unknown, headers?: Headers): boolean
  answer(message: unknown, context: ModernContext): Promise<ModernAnswer>
}

type Method = (params: JsonObject, context: ModernContext) => JsonObject | Promise<JsonObject>

export function createModernLayer({ host, title }: { host: ToolHost; title: string }): ModernLayer {
  const serverInfo = describeServer(title)
  const complete = (result: JsonObject): JsonObject => ({
    ...result,
    resultType: 'complete',
    _meta: { [SERVER_INFO_KEY]: serverInfo },
  })
  const discovered = complete({
    supportedVersions: [MODERN_REVISION],
    capabilities: CAPABILITIES,
    instructions: INSTRUCTIONS,
    ...CACHING,
  })
  const listed = complete({ tools: host.tools, ...CACHING })
  const methods = new Map<string, Method>([
    ['server/discover', () => discovered],
    ['tools/list', ({ cursor }) => (cursor === undefined ? listed : refuse(INVALID_PARAMS, UNKNOWN_CURSOR))],
    ['tools/call', async (params, context) => complete(await callTool(host, params, context))],
  ])

  async function respond(message: unknown, context: ModernContext): Promise<ModernAnswer> {
    const id = readId(message)
    try {
      const { method, params } = readCall(message)
      if (id === undefined) return { httpStatus: 202 }
      checkMeta(params, context.headers)
      if (context.headers) checkHeaders(context.headers, method, params)
      const run = methods.get(method) ?? refuse(METHOD_NOT_FOUND, 'Method not found')
      return { message: { jsonrpc: '2.0', id, result: await run(params, context) }, httpStatus: 200 }
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal(INTERNAL_ERROR, 'An error inside this server')
      return { message: describeRefusal(refusal, id), httpStatus: refusal.kind.httpStatus }
    }
  }

  return {
    handles: isModern,
    async answer(message, context) {
      const answer = await respond(message, context)
      return context.signal?.aborted ? { httpStatus: CANCELLED_STATUS } : answer
    },
  }
}

type RefusalKind = typeof INTERNAL_ERROR

class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly kind: RefusalKind
  readonly details: JsonObject | undefined

  constructor(kind: RefusalKind, message: string, details?: JsonObject) {
    super(message)
    this.kind = kind
    this.details = details
  }
}

function refuse(kind: RefusalKind, message: string, details?: JsonObject): never {
  throw new Refusal(kind, message, details)
}

function describeRefusal({ kind, message, details }: Refusal, id: RequestId | undefined): JSONRPCResponse {
  const error = { code: kind.code, message, ...(details && { data: details }) }
  return { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
}

function isModern(message: unknown, headers?: Headers): boolean {
  if (headers?.get(VERSION_HEADER) === MODERN_REVISION) return true
  // This revision knows no batches: one with such a message in it comes here to be refused.
  return Array.isArray(message) ? message.some(claimsModern) : claimsModern(message)
}

function claimsModern(message: unknown): boolean {
  if (!isObject(message)) return false
  const version = readMeta(asObject(message.params))[VERSION_KEY]
  // The handshake itself is legacy, unless it says otherwise.
  if (message.method === 'initialize') return version === MODERN_REVISION
  return version !== undefined || message.method === 'server/discover'
}

function readId(message: unknown): RequestId | undefined {
  const { id } = asObject(message)
  return isId(id) ? id : undefined
}

function readCall(message: unknown): { method: string; params: JsonObject } {
  if (Array.isArray(message)) return refuse(INVALID_REQUEST, 'Batches are not served: send one message a request')
  if (!isObject(message) || message.jsonrpc !== '2.0' || typeof message.method !== 'string')
    return refuse(INVALID_REQUEST, 'Not a JSON-RPC 2.0 request or notification')
  const { id, method, params = {} } = message
  if (id !== undefined && !isId(id)) return refuse(INVALID_REQUEST, 'An id is a string or an integer')
  return isObject(params) ? { method, params } : refuse(INVALID_REQUEST, 'params must be an object')
}

function checkMeta(params: JsonObject, headers: Headers | undefined): void {
  const { [VERSION_KEY]: requested, [CAPABILITIES_KEY]: capabilities } = readMeta(params)
  if (typeof requested !== 'string') refuse(INVALID_META, `params._meta needs ${VERSION_KEY}, a string`)
  if (headers) checkHeader(VERSION_HEADER, headers.get(VERSION_HEADER), requested)
  if (requested !== MODERN_REVISION)
    refuse(UNSUPPORTED_VERSION, 'Unsupported protocol version', { supported: [MODERN_REVISION], requested })
  if (!isObject(capabilities)) refuse(INVALID_META, `params._meta needs ${CAPABILITIES_KEY}, an object`)
}

/** A gateway may have decided by the headers: they must say what the body says. */
function checkHeaders(headers: Headers, method: string, { name }: JsonObject): void {
  checkHeader('Mcp-Method', headers.get('Mcp-Method'), method)
  if (method === 'tools/call' && typeof name === 'string')
    checkHeader('Mcp-Name', decodeName(headers.get('Mcp-Name')), name)
}

function checkHeader(name: string, value: string | null | undefined, expected: string): void {
  if (value !== expected) refuse(HEADER_MISMATCH, `Header mismatch: ${name} is missing or differs from the body`)
}

/** A name that does not fit into a header comes as `=?base64?...?=`. */
function decodeName(value: string | null): string | null | undefined {
  const encoded = value?.match(/^=\?base64\?(.*)\?=$/)?.[1]
  if (encoded === undefined) return value
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.toString('base64') === encoded ? bytes.toString('utf8') : undefined
}

async function callTool(host: ToolHost, params: JsonObject, context: ModernContext): Promise<JsonObject> {
  const { name, arguments: args = {} } = params
  if (typeof name !== 'string') return refuse(INVALID_PARAMS, 'tools/call needs the name of a tool')
  if (!isObject(args)) return refuse(INVALID_PARAMS, 'arguments must be an object')
  const { progressToken, traceparent } = readMeta(params)
  const send = context.sendNotification
  const onProgress = send && isId(progressToken) ? createProgress(progressToken, send) : undefined
  const call = { ...context, onProgress, traceparent: readTraceparent(traceparent) ?? context.traceparent }
  const result = await host.callTool(name, args, call)
  return result ?? refuse(INVALID_PARAMS, describeUnknownTool(name))
}

function readMeta(params: JsonObject): JsonObject {
  return asObject(params._meta)
}

/** Of a request, or of the progress that it asks for: they look alike. */
function isId(value: unknown): value is RequestId {
  return typeof value === 'string' || Number.isInteger(value)
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
