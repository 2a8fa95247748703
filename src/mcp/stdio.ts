import { isUtf8 } from 'node:buffer'
import type { Readable, Writable } from 'node:stream'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import {
  ErrorCode,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js'
import type { Redact } from '../redact.ts'
import type { ModernLayer } from './modern.ts'
import type { SendNotification } from './progress.ts'
import { withoutTask } from './task.ts'

/** Longest line that is read; a longer one is refused without ending the connection. */
const MAX_LINE_MIB = 4
const MAX_LINE_BYTES = MAX_LINE_MIB * 1024 * 1024
const NEWLINE = 0x0a

export interface StdioTransportOptions {
  readonly input: Readable
  readonly output: Writable
  readonly redact: Redact
  /** Answers what is its own; everything else goes to `onmessage`. */
  readonly modern: ModernLayer
  /** Metronome API key for the calls of `modern`. */
  readonly key: string | undefined
}

export interface StdioTransport extends Transport {
  /** Resolves when every request read so far has its answer, and what was written has left the process. */
  settle(): Promise<void>
}

/**
 * MCP's stdio framing. The SDK's own transport drops the connection on a huge line and leaves lines that it cannot
 * parse without an answer.
 */
export function createStdioTransport({ input, output, redact, modern, key }: StdioTransportOptions): StdioTransport {
  const unanswered = new Set<RequestId>()
  const modernCalls = new Map<RequestId, AbortController>()
  let whenSettled: (() => void) | undefined

  const transport: StdioTransport = {
    async start() {
      const splitter = createLineSplitter(readLine, () =>
        refuse(ErrorCode.InvalidRequest, `a line is longer than ${MAX_LINE_MIB} MiB`),
      )
      input.on('data', splitter)
      input.on('error', (error) => transport.onerror?.(error))
    },
    async send(message) {
      output.write(`${redact(JSON.stringify(message))}\n`)
      if ('id' in message && !('method' in message) && message.id !== undefined) markAnswered(message.id)
    },
    async close() {
      input.removeAllListeners('data')
      input.pause()
      for (const call of modernCalls.values()) call.abort()
      transport.onclose?.()
    },
    async settle() {
      if (unanswered.size > 0)
        await new Promise<void>((resolve) => {
          whenSettled = resolve
        })
      // Writes end in their order: after this empty one nothing is left in the process.
      await new Promise<void>((resolve) => output.write('', () => resolve()))
    },
  }

  function markAnswered(id: RequestId): void {
    unanswered.delete(id)
    if (unanswered.size === 0) whenSettled?.()
  }

  function refuse(code: ErrorCode, reason: string, id?: RequestId): void {
    // Without an `id` member: the schema of MCP does not know JSON-RPC's null.
    const answer = {
      jsonrpc: '2.0',
      ...(id !== undefined && { id }),
      error: { code, message: `${reason}; nothing was done` },
    }
    void transport.send(answer as JSONRPCMessage) // an error answer without id is no message of the SDK's type
  }

  function readLine(line: Buffer): void {
    if (!isUtf8(line)) return refuse(ErrorCode.ParseError, 'a line is not UTF-8')
    const text = line.toString('utf8').replace(/^\ufeff/, '')
    if (text.trim() === '') return
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      return refuse(ErrorCode.ParseError, 'a line is not JSON')
    }
    const message = JSONRPCMessageSchema.safeParse(json)
    if (!message.success) return refuse(ErrorCode.InvalidRequest, describeInvalid(json), readId(json))
    deliver(message.data)
  }

  function deliver(message: JSONRPCMessage): void {
    if ('method' in message && 'id' in message) unanswered.add(message.id)
    // A cancelled request gets no answer.
    if ('method' in message && message.method === 'notifications/cancelled') {
      const id = message.params?.requestId
      if (typeof id === 'string' || typeof id === 'number') {
        markAnswered(id)
        modernCalls.get(id)?.abort()
      }
    }
    if (modern.handles(message)) void answerModern(message)
    else transport.onmessage?.(withoutTask(message))
  }

  async function answerModern(message: JSONRPCMessage): Promise<void> {
    const call = new AbortController()
    const id = readId(message)
    if (id !== undefined) modernCalls.set(id, call)
    const sendNotification: SendNotification = async (notification) => {
      if (!call.signal.aborted) await transport.send({ jsonrpc: '2.0', ...notification })
    }
    const answer = await modern.answer(message, { key, signal: call.signal, sendNotification })
    if (id !== undefined) modernCalls.delete(id)
    if (answer.message) await transport.send(answer.message)
  }

  return transport
}

function describeInvalid(json: unknown): string {
  return Array.isArray(json)
    ? 'batches are not served: send one message a line'
    : 'a line is not a JSON-RPC 2.0 message'
}

function readId(json: unknown): RequestId | undefined {
  const id = typeof json === 'object' && json !== null && 'id' in json ? json.id : undefined
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}

/** Cuts a byte stream into lines. What belongs to a line over the limit is dropped up to its end. */
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
