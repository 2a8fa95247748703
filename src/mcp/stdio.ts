import { isUtf8 } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  ErrorCode,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js'
import type { Caller } from '../calls/call.ts'
import { type ByteBudget, MAX_MIB_IN_FLIGHT } from '../http/byte-budget.ts'
import { isObject, parseExactJson, tryParse, weighJson } from '../operations/json.ts'
import { isStateless, normalizeMessage, readId, SERVER_ERROR, validateInitialize } from './messages.ts'
import type { StatelessLayer } from './stateless.ts'
import type { SendNotification } from './tools.ts'

/** Longest line; a longer one is rejected without ending the connection. */
const MAX_LINE_MIB = 4
const MAX_LINE_BYTES = MAX_LINE_MIB * 1024 * 1024
const NEWLINE = 0x0a

export interface StdioTransportOptions {
  readonly input: Readable
  readonly output: Writable
  /** Serves the messages of its revision; all others go to `onmessage`. */
  readonly stateless: StatelessLayer
  /** Whose key the stateless calls use; its secrets are removed from everything that is written. */
  readonly caller: Caller
  /** Of the lines whose requests are in flight. */
  readonly byteBudget: ByteBudget
}

export interface StdioTransport extends Transport {
  /** Resolves when every request that was read has its response and everything written has left the process. */
  flush(): Promise<void>
}

/**
 * MCP's stdio transport. The SDK's own drops the connection on a huge line and sends no error for a line that it cannot
 * parse.
 */
export function createStdioTransport(options: StdioTransportOptions): StdioTransport {
  const { input, output, stateless, caller, byteBudget } = options
  const pending = createPendingRequests(byteBudget)
  const transport: StdioTransport = {
    async start() {
      input.on('data', createLineSplitter(readLine, rejectLongLine))
      input.on('error', (error) => transport.onerror?.(error))
    },
    async send(message) {
      const isWritten = output.write(`${caller.redact(JSON.stringify(message))}\n`)
      // What the client does not read must not pile up: nothing more is read from it until then.
      if (!isWritten && !input.isPaused()) {
        input.pause()
        output.once('drain', () => input.resume())
      }
      if ('id' in message && !('method' in message) && message.id !== undefined) pending.remove(message.id)
    },
    async close() {
      input.removeAllListeners('data')
      input.pause()
      statelessCalls.cancelAll()
      transport.onclose?.()
    },
    async flush() {
      await pending.none()
      // Writes complete in order: when this empty one has, nothing is left in the process.
      await new Promise<void>((resolve) => output.write('', () => resolve()))
    },
  }
  const statelessCalls = createStatelessCalls(stateless, caller, (message) => transport.send(message))

  function reject({ code, reason, id }: FramingError): void {
    // Without an `id` member where it is unknown: MCP's schema has no null.
    const error = { code, message: `${reason}; ignored` }
    const response = { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
    void transport.send(response as JSONRPCMessage) // the SDK's type wants an id
  }

  function rejectLongLine(): void {
    reject({ code: ErrorCode.InvalidRequest, reason: `a line is longer than ${MAX_LINE_MIB} MiB` })
  }

  function readLine(line: Buffer): void {
    const parsed = parseLine(line)
    if (parsed?.ok) deliver(parsed.message, weighJson(line))
    else if (parsed) reject(parsed)
  }

  function deliver(message: JSONRPCMessage, bytes: number): void {
    if ('method' in message && 'id' in message) {
      if (pending.has(message.id))
        return reject({ code: ErrorCode.InvalidRequest, reason: 'a request with this id is still in flight' })
      // An error at once: a reader that waited would see no cancellation.
      if (!pending.add(message.id, bytes)) return reject({ code: SERVER_ERROR, reason: TOO_MANY_BYTES, id: message.id })
    }
    // A cancelled request gets no response.
    const cancelled = 'method' in message && message.method === 'notifications/cancelled' && message.params?.requestId
    if (typeof cancelled === 'string' || typeof cancelled === 'number') {
      pending.remove(cancelled)
      statelessCalls.cancel(cancelled)
    }
    if (isStateless(message)) return void statelessCalls.respond(message)
    const reason = validateInitialize(message)
    if (reason) reject({ ok: false, code: ErrorCode.InvalidParams, reason, id: readId(message) })
    else transport.onmessage?.(message)
  }

  return transport
}

const TOO_MANY_BYTES = `the requests in flight are larger than ${MAX_MIB_IN_FLIGHT} MiB together, retry when one has ended`

/** Why a line is rejected. */
interface FramingError {
  readonly ok?: false
  readonly code: ErrorCode
  readonly reason: string
  readonly id?: RequestId | undefined
}

type ParsedLine = { readonly ok: true; readonly message: JSONRPCMessage } | (FramingError & { readonly ok: false })

/** `undefined` for a blank line. */
function parseLine(line: Buffer): ParsedLine | undefined {
  if (!isUtf8(line)) return { ok: false, code: ErrorCode.ParseError, reason: 'a line is not UTF-8' }
  const text = line.toString('utf8').replace(/^\ufeff/, '')
  if (text.trim() === '') return undefined
  const parsed = tryParse(text, parseExactJson)
  if (parsed === undefined) return { ok: false, code: ErrorCode.ParseError, reason: 'a line is not JSON' }
  const json = normalizeMessage(parsed)
  const { success, data } = JSONRPCMessageSchema.safeParse(json)
  if (success) return { ok: true, message: data }
  const id = readId(json)
  // The request that it belongs to must not wait for another one.
  if (id !== undefined && isResponse(json)) return { ok: true, message: { jsonrpc: '2.0', id, error: NOT_A_RESPONSE } }
  const reason = Array.isArray(json)
    ? 'batches are not supported: send one message per line'
    : 'a line is not a JSON-RPC 2.0 message'
  return { ok: false, code: ErrorCode.InvalidRequest, reason, id }
}

const NOT_A_RESPONSE = { code: ErrorCode.InvalidRequest, message: 'its response is not one of JSON-RPC 2.0' }

function isResponse(json: unknown): boolean {
  return isObject(json) && typeof json.method !== 'string' && ('result' in json || 'error' in json)
}

/** Cuts a byte stream into lines. A line over the limit is dropped up to its end. */
function createLineSplitter(onLine: (line: Buffer) => void, onTooLong: () => void): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let size = 0
  const take = (part: Buffer): void => {
    const before = size
    size += part.length
    if (size <= MAX_LINE_BYTES) parts.push(part)
    else if (before <= MAX_LINE_BYTES) {
      parts = []
      onTooLong()
    }
  }
  return (chunk) => {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, end))
      if (size <= MAX_LINE_BYTES) onLine(Buffer.concat(parts))
      parts = []
      size = 0
      start = end + 1
    }
    take(chunk.subarray(start))
  }
}

/** Requests that were read and have no response yet. */
function createPendingRequests(byteBudget: ByteBudget) {
  const bytesOf = new Map<RequestId, number>()
  let onIdle = (): void => {}
  return {
    has: (id: RequestId) => bytesOf.has(id),
    /** Adds a request with the weight of its line; `false` when the budget is spent. */
    add(id: RequestId, bytes: number): boolean {
      if (bytes > byteBudget.left) return false
      byteBudget.left -= bytes
      bytesOf.set(id, bytes)
      return true
    },
    remove(id: RequestId): void {
      byteBudget.left += bytesOf.get(id) ?? 0
      bytesOf.delete(id)
      if (bytesOf.size === 0) onIdle()
    },
    /** Resolves when there are none. */
    async none(): Promise<void> {
      if (bytesOf.size === 0) return
      await new Promise<void>((resolve) => {
        onIdle = resolve
      })
    },
  }
}

/** Calls of the stateless revision, which the SDK does not know; each can be cancelled. */
function createStatelessCalls(stateless: StatelessLayer, caller: Caller, send: Transport['send']) {
  const inFlight = new Map<RequestId, AbortController>()
  return {
    async respond(message: JSONRPCMessage): Promise<void> {
      const call = new AbortController()
      const id = readId(message)
      if (id !== undefined) inFlight.set(id, call)
      const sendNotification: SendNotification = async (notification) => {
        if (!call.signal.aborted) await send({ jsonrpc: '2.0', ...notification })
      }
      const response = await stateless.respond(message, caller, { signal: call.signal, sendNotification })
      // After a cancellation the id may belong to another call by now.
      if (id !== undefined && inFlight.get(id) === call) inFlight.delete(id)
      if (response.message) await send(response.message)
    },
    cancel: (id: RequestId) => inFlight.get(id)?.abort(),
    cancelAll(): void {
      for (const call of inFlight.values()) call.abort()
    },
  }
}
