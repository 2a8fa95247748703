import type { Log } from '../log.ts'
import { parseArguments } from '../operation/arguments.ts'
import type { Operation } from '../operation/define.ts'
import type { Upstream } from './attempt.ts'
import { MissingKeyError, UpstreamError } from './errors.ts'
import { readUpstream } from './reader.ts'
import type { Reply } from './reply.ts'
import { type CallContext, createSender } from './sender.ts'
import { sleep as realSleep, type Sleep } from './waiting.ts'
import { createWriter } from './writer.ts'

export interface ClientOptions {
  readonly upstream: Upstream
  /** Budget of one call in milliseconds: its turn, repeats, waits and reading back included. */
  readonly timeoutMs: number
  readonly log: Log
  /** Replaced in tests, which have no time to wait. */
  readonly sleep?: Sleep
}

export interface Client {
  /**
   * Checks `args`, sends the operation's request and reads its answer. Throws `InputError`, `MissingKeyError`, `LoadError`,
   * `UpstreamError` or `CancelledError`.
   */
  call(op: Operation, args: unknown, context: CallContext): Promise<Reply>
}

export function createClient({ upstream, timeoutMs, log, sleep = realSleep }: ClientOptions): Client {
  const send = createSender(upstream, sleep)
  const write = createWriter(send, log)

  async function perform(op: Operation, raw: unknown, context: CallContext): Promise<Reply> {
    if (upstream.needsKey && context.key === undefined) throw new MissingKeyError(op.tool)
    const args = parseArguments(op, raw)
    const leftMs = timeoutMs - (context.waitedMs ?? 0)
    if (op.write) return write({ op, rules: op.write, args, context, timeoutMs: leftMs })
    return readUpstream(send, op, args, { context, deadline: Date.now() + leftMs })
  }

  return {
    async call(op, raw, context) {
      const startedAt = Date.now()
      const logEnd = (result: string | number) =>
        log('info', 'call', { tool: op.tool, method: op.method, status: result, ms: Date.now() - startedAt })
      try {
        const reply = await perform(op, raw, context)
        logEnd(reply.status)
        const notes = [reply.note, upstream.note].filter(Boolean)
        return notes.length > 0 ? { ...reply, note: notes.join(' ') } : reply
      } catch (error) {
        logEnd(error instanceof UpstreamError ? (error.status ?? 'no-answer') : nameOf(error))
        throw error
      }
    },
  }
}

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : 'error')
