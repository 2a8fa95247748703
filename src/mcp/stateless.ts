import type { JSONRPCResponse, RequestId } from '@modelcontextprotocol/sdk/types.js'
import type { Call, Caller } from '../calls/call.ts'
import type { CallOrigin } from '../calls/guards/audit.ts'
import { asObject, isObject, type JsonObject } from '../operations/json.ts'
import { readForms } from './forms.ts'
import { isId, ProtocolError, readId, STATELESS_REVISION, VERSION_HEADER, VERSION_KEY } from './messages.ts'
import { CAPABILITIES, type ServerInfo } from './server-info.ts'
import { callTool, type ToolChannel, UNKNOWN_CURSOR } from './tools.ts'

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

const CAPABILITIES_KEY = 'io.modelcontextprotocol/clientCapabilities'
const CLIENT_INFO_KEY = 'io.modelcontextprotocol/clientInfo'
const SERVER_INFO_KEY = 'io.modelcontextprotocol/serverInfo'

// The tools are the same for every caller and change only with a new version of this program.
const CACHING = { ttlMs: 300_000, cacheScope: 'public' }

export interface StatelessChannel extends ToolChannel {
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
  respond(message: unknown, caller: Caller, channel: StatelessChannel): Promise<StatelessResponse>
}

type Method = (params: JsonObject, caller: Caller, channel: ToolChannel) => JsonObject | Promise<JsonObject>

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
    ['tools/call', async (params, caller, channel) => complete(await runTool(call, params, caller, channel))],
  ])

  async function handle(message: unknown, caller: Caller, channel: StatelessChannel): Promise<StatelessResponse> {
    const id = readId(message)
    try {
      const { method, params } = readRequest(message)
      if (id === undefined) return { httpStatus: 202 }
      checkMeta(params, channel.headers)
      if (channel.headers) checkHeaders(channel.headers, method, params)
      const run = methods.get(method) ?? fail(METHOD_NOT_FOUND, 'Method not found')
      return { message: { jsonrpc: '2.0', id, result: await run(params, caller, channel) }, httpStatus: 200 }
    } catch (error) {
      const failure = toRequestError(error)
      return { message: describeError(failure, id), httpStatus: failure.kind.httpStatus }
    }
  }

  return {
    async respond(message, caller, channel) {
      const response = await handle(message, caller, channel)
      return channel.signal?.aborted ? { httpStatus: CLIENT_CLOSED_REQUEST } : response
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

/** The method itself has rejected its params, or something failed that should not. */
function toRequestError(error: unknown): RequestError {
  if (error instanceof RequestError) return error
  if (error instanceof ProtocolError) return new RequestError({ code: error.code, httpStatus: 200 }, error.message)
  return new RequestError(INTERNAL_ERROR, 'Internal server error')
}

function fail(kind: ErrorKind, message: string, details?: JsonObject): never {
  throw new RequestError(kind, message, details)
}

function describeError({ kind, message, details }: RequestError, id: RequestId | undefined): JSONRPCResponse {
  const error = { code: kind.code, message, ...(details && { data: details }) }
  return { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
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

async function runTool(call: Call, params: JsonObject, caller: Caller, channel: ToolChannel): Promise<JsonObject> {
  const { [CLIENT_INFO_KEY]: client, [CAPABILITIES_KEY]: capabilities } = readMeta(params)
  const origin = caller.origin && { ...caller.origin, client: readClient(client) }
  const forms = readForms(asObject(capabilities).elicitation, params)
  return callTool(call, params, { ...caller, origin }, { ...channel, forms })
}

function readClient(client: unknown): CallOrigin['client'] {
  const { name, version } = asObject(client)
  return typeof name === 'string' ? { name, version: typeof version === 'string' ? version : '' } : undefined
}

function readMeta(params: JsonObject): JsonObject {
  return asObject(params._meta)
}
