import { randomUUID } from 'node:crypto'
import type { Log } from '../log.ts'
import type { JsonObject, Operation } from '../operation/define.ts'
import type { Read, WriteRules } from '../operation/write.ts'
import type { Ending } from './attempt.ts'
import { decideOutcome, type Verdict } from './certainty.ts'
import { CancelledError, UpstreamError } from './errors.ts'
import { readReply, readUpstream, statusOf } from './reader.ts'
import type { Reply } from './reply.ts'
import { leavesDoubt, mayRepeatWrite } from './rules.ts'
import type { CallContext, Send } from './sender.ts'
import { createServerClock } from './server-clock.ts'
import { createTwins } from './twins.ts'
import { readRetryAfter } from './waiting.ts'
import { adviseOn, describeEnding } from './wording.ts'

/** One attempt may not eat what a repeat needs, nor all attempts what reading back needs. */
const ATTEMPT_SHARE = 0.4
const ATTEMPTS_SHARE = 0.85
const READ_BACK_SHARE = 1 - ATTEMPTS_SHARE

export type Write = (
  op: Operation,
  rules: WriteRules,
  args: JsonObject,
  context: CallContext,
  timeoutMs: number,
) => Promise<Reply>

/** Calls operations that write: under one Idempotency-Key, and with certainty about what came of it. */
export function createWriter(send: Send, log: Log): Write {
  const twins = createTwins()

  return async (op, rules, args, context, timeoutMs) => {
    const startedAt = Date.now()
    const clock = createServerClock(startedAt)
    const aliases = rules.aliases?.(args) ?? []
    const hasTwin = twins.claim(aliases)
    const idempotencyKey = context.idempotencyKey ?? randomUUID()
    const history: Ending[] = []

    try {
      const ending = await send(op, args, {
        context,
        idempotencyKey,
        history,
        mayRepeat: mayRepeatWrite,
        attemptMs: timeoutMs * ATTEMPT_SHARE,
        deadline: startedAt + timeoutMs * ATTEMPTS_SHARE,
        onEnding: clock.observe,
      })
      const reply = readReply(op, ending)
      if (reply) return reply
      if (leavesDoubt(history)) context.onProgress?.(`${op.tool}: no certain answer; reading back`)
      const start = { isBefore: clock.isBeforeCall, hasTwin }
      const readBackBy = Math.min(startedAt + timeoutMs, Date.now() + timeoutMs * READ_BACK_SHARE)
      const read = async ({ op, args }: Read) => {
        const { body } = await readUpstream(send, op, args, {
          context,
          deadline: readBackBy,
          onEnding: clock.observe,
        })
        return body
      }
      const verdict = await decideOutcome({ op, rules, args, history, start, read })
      if (verdict.outcome === 'not_applied' && !hasTwin) twins.release(aliases)
      return conclude(op, rules, args, history, ending, verdict)
    } catch (error) {
      if (error instanceof CancelledError && (error.wasSending || leavesDoubt(history)))
        log('warn', 'write-cancelled', { tool: op.tool, 'idempotency-key': idempotencyKey, outcome: 'unknown' })
      throw error
    }
  }
}

function conclude(
  op: Operation,
  rules: WriteRules,
  args: JsonObject,
  history: readonly Ending[],
  ending: Ending,
  { outcome, saw, body }: Verdict,
): Reply {
  const said = describeEnding(op, ending)
  const attempts = history.length > 1 ? `Sent ${history.length} times under one Idempotency-Key.` : ''
  if (body)
    return {
      status: 200,
      body,
      note: [`${outcome}: found out by reading back.`, said, attempts, saw].filter(Boolean).join(' '),
    }
  const next =
    outcome === 'unknown' ? [op.advice?.[statusOf(ending) ?? 0] ?? '', rules.lookUp(args)] : [adviseOn(op, ending)]
  throw new UpstreamError(`${op.tool}: ${[said, attempts, saw, ...next].filter(Boolean).join(' ')}`, {
    status: statusOf(ending),
    retryAfterSeconds: readRetryAfter(ending),
    outcome,
  })
}
