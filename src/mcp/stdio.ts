import type { Readable, Writable } from 'node:stream'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { ErrorCode, type JSONRPCMessage, type RequestId } from '@modelcontextprotocol/sdk/types.js'
import type { Redact } from '../redact.ts'
import { describeBadHandshake, type LineRefusal, readId, readLines } from './lines.ts'
import type { ModernLayer } from './modern.ts'
import type { SendNotification } from './progress.ts'
import { withoutTask } from './task.ts'

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
  const unanswered = createUnanswered()
  const transport: StdioTransport = {
    async start() {
      readLines(input, deliver, refuse)
      input.on('error', (error) => transport.onerror?.(error))
    },
    async send(message) {
      output.write(`${redact(JSON.stringify(message))}\n`)
      if ('id' in message && !('method' in message) && message.id !== undefined) unanswered.remove(message.id)
    },
    async close() {
      input.removeAllListeners('data')
      input.pause()
      modernCalls.cancelAll()
      transport.onclose?.()
    },
    async settle() {
      await unanswered.none()
      // Writes end in their order: after this empty one nothing is left in the process.
      await new Promise<void>((resolve) => output.write('', () => resolve()))
    },
  }
  const modernCalls = createModernCalls(modern, key, (message) => transport.send(message))

  function refuse({ code, reason, id }: LineRefusal): void {
    // Without an `id` member: the schema of MCP does not know JSON-RPC's null.
    const error = { code, message: `${reason}; nothing was done` }
    const answer = { jsonrpc: '2.0', ...(id !== undefined && { id }), error }
    void transport.send(answer as JSONRPCMessage) // an error answer without id is no message of the SDK's type
  }

  function deliver(message: JSONRPCMessage): void {
    if ('method' in message && 'id' in message) unanswered.add(message.id)
    // A cancelled request gets no answer.
    const cancelled = 'method' in message && message.method === 'notifications/cancelled' && message.params?.requestId
    if (typeof cancelled === 'string' || typeof cancelled === 'number') {
      unanswered.remove(cancelled)
      modernCalls.cancel(cancelled)
    }
    if (modern.handles(message)) return void modernCalls.answer(message)
    const reason = describeBadHandshake(message)
    if (reason) refuse({ code: ErrorCode.InvalidParams, reason, id: readId(message) })
    else transport.onmessage?.(withoutTask(message))
  }

  return transport
}

/** Requests that have been read and not answered yet. */
function createUnanswered() {
  const ids = new Set<RequestId>()
  let whenNone = (): void => {}
  return {
    add: (id: RequestId) => void ids.add(id),
    remove(id: RequestId): void {
      ids.delete(id)
      if (ids.size === 0) whenNone()
    },
    /** Resolves when there are none. */
    async none(): Promise<void> {
      if (ids.size === 0) return
      await new Promise<void>((resolve) => {
        whenNone = resolve
      })
    },
  }
}

/** Calls of the revision that the SDK does not know; each can be cancelled. */
function createModernCalls(modern: ModernLayer, key: string | undefined, send: Transport['send']) {
  const underWay = new Map<RequestId, AbortController>()
  return {
    async answer(message: JSONRPCMessage): Promise<void> {
      const call = new AbortController()
      const id = readId(message)
      if (id !== undefined) underWay.set(id, call)
      const sendNotification: SendNotification = async (notification) => {
        if (!call.signal.aborted) await send({ jsonrpc: '2.0', ...notification })
      }
      const answer = await modern.answer(message, { key, signal: call.signal, sendNotification })
      if (id !== undefined) underWay.delete(id)
      if (answer.message) await send(answer.message)
    },
    cancel: (id: RequestId) => underWay.get(id)?.abort(),
    cancelAll(): void {
      for (const call of underWay.values()) call.abort()
    },
  }
}
