import type { JSONRPCResponse, RequestId } from '@modelcontextprotocol/sdk/types.js'
import type { Call } from '../calls/call.ts'
import type { FormChannel } from '../calls/guards/confirmation.ts'
import { asObject, isObject, type JsonObject } from '../operations/operation.ts'
import { CAPABILITIES, type ServerInfo } from './server-info.ts'
import { callTool, isId, type ToolCaller, UNKNOWN_CURSOR } from './tools.ts'

/** The first revision without a handshake: every request says in `_meta` what `initialize` said once. */
const STATELESS_REVISION = '2026-07-28'

// JSON-RPC's code of each error, and its status over HTTP.
const INVALID_REQUEST = { code: -32600, httpStatus: 400 }
const METHOD_NOT_FOUND = { code: -32601, httpStatus: 404 }
const INVALID_META = { code: -32602, httpStatus: 400 }
// The same code as above, but returned by the method and not by the transport.
const INVALID_PARAMS = { code: -32602, httpStatus: 200 }
const INTERNAL_ERROR = { code: -32603, httpStatus: 500 }
const HEADER_MISMATCH = { code: -32020, httpStatus: 400 }
const UNSUPPORTED_VERSION = { code: -32022, httpStatus: 400 }
/** nginx's "client closed request": nothing reads a response. */
const CLIENT_CLOSED_REQUEST = 499

const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion'
const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'
const CLIENT_INFO_KEY = 'io.modelcontextprotocol/clientInfo'
const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo'
const VERSION_HEADER = 'MCP-Protocol-Version'

// The tools are the same for every caller and change only with a new version of this program.
const CACHING = { ttlMs: 300_000, cacheScope: 'public' }

export interface StatelessContext extends ToolCaller {
  /** Only over HTTP. */
  readonly headers?: Headers
}

export interface StatelessResponse {
  /** Absent after a notification and after a cancelled request. */
  readonly message?: JSONRPCResponse
  readonly httpStatus: number
}

/** Serves the revision 2026-07-28 in front of a transport; the SDK serves every other message. */
export interface StatelessLayer {
  accepts(message: unknown, headers?: Headers): boolean
  respond(message: unknown, context: StatelessContext): Promise<StatelessResponse>
}

type Method = (params: JsonObject, context: StatelessContext) => JsonObject | Promise<JsonObject>

export function createStatelessLayer({ call, info }: { call: Call; info: ServerInfo }): StatelessLayer {
  const { tools, instructions, ...serverInfo } = info
  const complete = (result: JsonObject): JsonObject => ({
    ...result,
    resultType: result.resultType ?? 'complete',
    _meta: { [SERVER_INFO_KEY]: serverInfo },
  })
  const discoverResult = complete({
    supportedVersions: [STATELESS_REVISION],
    capabilities: CAPABILITIES,
    instructions,
    ...CACHING,
  })
  const listResult = complete({ tools, ...CACHING })
  const methods = new Map<string, Method>([
    ['server/discover', () => discoverResult],
    ['tools/list', ({ cursor }) => (cursor === undefined ? listResult : fail(INVALID_PARAMS, UNKNOWN_CURSOR))],
    ['tools/call', async (params, context) => complete(await runTool(call, params, context))],
  ])

  async function handle(message: unknown, context: StatelessContext): Promise<StatelessResponse> {
    const id = readId(message)
    try {
      const { method, params } = readRequest(message)
      if (id === undefined) return { httpStatus: 202 }
      checkMeta(params, context.headers)
      if (context.headers) checkHeaders(context.headers, method, params)
      const run = methods.get(method) ?? fail(METHOD_NOT_FOUND, 'Method not found')
      return { message: { jsonrpc: '2.0', id, result: await run(params, context) }, httpStatus: 200 }
    } catch (error) {
      const failure = error instanceof RequestError ? error : new RequestError(INTERNAL_ERROR, 'Internal server error')
      return { message: describeError(failure, id), httpStatus: failure.kind.httpStatus }
    }
  }

  return {
    accepts: isStateless,
    async respond(message, context) {
      const response = await handle(message, context)
      return context.signal?.aborted ? { httpStatus: CLIENT_CLOSED_REQUEST } : response
    },
  }
}

type ErrorKind = typeof INTERNAL_ERROR

class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly kind: ErrorKind
  readonly details: JsonObject | undefined

  constructor(kind: ErrorKind, message: string, details?: JsonObject) {
    super(message)
    this.kind = kind
    this.details = details
  }
}

function fail(kind: ErrorKind, message: string, details?: JsonObject): never {
  throw new RequestError(kind, message, details)
}

function describeError({ kind, message, details }: RequestError, id: RequestId | undefined): JSONRPCResponse {
  const error = { code: kind.code, message, ...(details && { data: details }) }
  return { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
}

function isStateless(message: unknown, headers?: Headers): boolean {
  if (headers?.get(VERSION_HEADER) === STATELESS_REVISION) return true
  // This revision has no batches: one with such a message is rejected here.
  return Array.isArray(message) ? message.some(isStatelessMessage) : isStatelessMessage(message)
}

function isStatelessMessage(message: unknown): boolean {
  if (!isObject(message)) return false
  const version = readMeta(asObject(message.params))[VERSION_KEY]
  // `initialize` belongs to earlier revisions, unless its `_meta` says otherwise.
  if (message.method === 'initialize') return version === STATELESS_REVISION
  return version !== undefined || message.method === 'server/discover'
}

function readId(message: unknown): RequestId | undefined {
  const { id } = asObject(message)
  return isId(id) ? id : undefined
}

function readRequest(message: unknown): { method: string; params: JsonObject } {
  if (Array.isArray(message)) return fail(INVALID_REQUEST, 'Batches are not supported: send one message per request')
  if (!isObject(message) || message.jsonrpc !== '2.0' || typeof message.method !== 'string')
    return fail(INVALID_REQUEST, 'Not a JSON-RPC 2.0 request or notification')
  const { id, method, params = {} } = message
  if (id !== undefined && !isId(id)) return fail(INVALID_REQUEST, 'An id is a string or an integer')
  return isObject(params) ? { method, params } : fail(INVALID_REQUEST, 'params must be an object')
}

function checkMeta(params: JsonObject, headers: Headers | undefined): void {
  const { [VERSION_KEY]: requested, [CAPABILITIES_KEY]: capabilities } = readMeta(params)
  if (typeof requested !== 'string') fail(INVALID_META, `params._meta needs ${VERSION_KEY}, a string`)
  if (headers) checkHeader(VERSION_HEADER, headers.get(VERSION_HEADER), requested)
  if (requested !== STATELESS_REVISION)
    fail(UNSUPPORTED_VERSION, 'Unsupported protocol version', { supported: [STATELESS_REVISION], requested })
  if (!isObject(capabilities)) fail(INVALID_META, `params._meta needs ${CAPABILITIES_KEY}, an object`)
}

/** A gateway may route by the headers, so they must equal the body. */
function checkHeaders(headers: Headers, method: string, { name }: JsonObject): void {
  checkHeader('Mcp-Method', headers.get('Mcp-Method'), method)
  if (method === 'tools/call' && typeof name === 'string')
    checkHeader('Mcp-Name', decodeName(headers.get('Mcp-Name')), name)
}

function checkHeader(name: string, value: string | null | undefined, expected: string): void {
  if (value !== expected) fail(HEADER_MISMATCH, `Header mismatch: ${name} is missing or differs from the body`)
}

/** A name that a header cannot hold is encoded as `=?base64?...?=`. */
function decodeName(value: string | null): string | null | undefined {
  const encoded = value?.match(/^=\?base64\?(.*)\?=$/)?.[1]
  if (encoded === undefined) return value
  const bytes = Buffer.from(encoded, 'base64')
  return bytes.toString('base64') === encoded ? bytes.toString('utf8') : undefined
}

async function runTool(call: Call, params: JsonObject, context: StatelessContext): Promise<JsonObject> {
  const { name: clientName, version } = asObject(readMeta(params)[CLIENT_INFO_KEY])
  const client = { name: String(clientName), version: String(version) }
  const origin = context.origin && { ...context.origin, client: clientName === undefined ? undefined : client }
  const called = await callTool(call, params, { ...context, origin, forms: readForms(params) })
  return called.ok ? called.result : fail(INVALID_PARAMS, called.message)
}

/** What this request says about forms: whether the client shows them, and what came of one. */
function readForms({ _meta, inputResponses, requestState }: JsonObject): FormChannel | undefined {
  const { elicitation } = asObject(asObject(_meta)[CAPABILITIES_KEY])
  // An empty object stands for forms alone.
  const showsForms = isObject(elicitation) && (isObject(elicitation.form) || Object.keys(elicitation).length === 0)
  if (!showsForms) return undefined
  return { kind: 'result', state: requestState, response: asObject(inputResponses).confirm }
}

function readMeta(params: JsonObject): JsonObject {
  return asObject(params._meta)
}
