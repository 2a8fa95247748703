import { randomUUID } from 'node:crypto'
import type { Log } from '../log.ts'
import type { JsonObject, Operation } from '../operation/define.ts'
import type { Read, WriteRules } from '../operation/write.ts'
import type { Ending } from './attempt.ts'
import { decideOutcome, type Verdict } from './certainty.ts'
import { BusyError, CancelledError, SHUTDOWN, UpstreamError } from './errors.ts'
import { failureOf, readReply, readUpstream } from './reader.ts'
import type { Reply } from './reply.ts'
import { leavesDoubt, mayRepeatWrite, type WriteHistory } from './rules.ts'
import type { CallContext, Send } from './sender.ts'
import { createServerClock, type ServerClock } from './server-clock.ts'
import { createTwins } from './twins.ts'
import { adviseOn, adviseOnDoubt, describeEnding } from './wording.ts'

// One attempt may not eat what a repeat needs, nor all attempts what reading back needs.
const ATTEMPT_SHARE = 0.4
const ATTEMPTS_SHARE = 0.85
const READ_BACK_SHARE = 1 - ATTEMPTS_SHARE

/** One call of an operation that writes. */
export interface WriteCall {
  readonly op: Operation
  readonly rules: WriteRules
  readonly args: JsonObject
  readonly context: CallContext
  /** Budget in milliseconds. */
  readonly timeoutMs: number
}

interface StartedWrite extends WriteCall {
  readonly startedAt: number
  readonly clock: ServerClock
  readonly idempotencyKey: string
  readonly history: WriteHistory & { readonly endings: Ending[] }
}

/** Calls operations that write: under one Idempotency-Key, and with certainty about what came of it. */
export function createWriter(send: Send, log: Log): (call: WriteCall) => Promise<Reply> {
  const twins = createTwins()
  return async (call) => {
    const startedAt = Date.now()
    const idempotencyKey = call.context.idempotencyKey ?? randomUUID()
    const history = { endings: [], isKeyShared: call.context.isKeyShared ?? false }
    const write = { ...call, startedAt, idempotencyKey, clock: createServerClock(startedAt), history }
    const aliases = call.rules.aliases?.(call.args) ?? []
    const hasTwin = twins.claim(aliases)
    const ending = await withTrace(log, write, () => sendWrite(send, write))
    const reply = readReply(call.op, ending)
    if (reply) return reply
    const verdict = await withTrace(log, write, () => settle(send, write, hasTwin))
    if (verdict.outcome === 'not_applied' && !hasTwin) twins.release(aliases)
    return conclude(write, ending, verdict)
  }
}

function sendWrite(
  send: Send,
  { op, args, context, timeoutMs, startedAt, clock, idempotencyKey, history }: StartedWrite,
): Promise<Ending> {
  return send(op, args, {
    context,
    idempotencyKey,
    history: history.endings,
    mayRepeat: () => mayRepeatWrite(history),
    attemptMs: timeoutMs * ATTEMPT_SHARE,
    deadline: startedAt + timeoutMs * ATTEMPTS_SHARE,
    onEnding: clock.observe,
  })
}

function settle(send: Send, write: StartedWrite, hasTwin: boolean): Promise<Verdict> {
  const { op, context, timeoutMs, startedAt, clock, history } = write
  if (leavesDoubt(history)) context.onProgress?.(`${op.tool}: no certain answer; reading back`)
  const deadline = Math.min(startedAt + timeoutMs, Date.now() + timeoutMs * READ_BACK_SHARE)
  const read = async ({ op, args }: Read): Promise<JsonObject> => {
    const { body } = await readUpstream(send, op, args, { context, deadline, onEnding: clock.observe })
    return body
  }
  return decideOutcome({ ...write, start: { isBefore: clock.isBeforeCall, hasTwin }, read })
}

/** A write that was sent and then cancelled has no answer to say so: it leaves a line in the log. */
async function withTrace<T>(log: Log, write: StartedWrite, step: () => Promise<T>): Promise<T> {
  const { op, idempotencyKey, history, context } = write
  const before = history.endings.length
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error
    const isOpen = leavesDoubt(history) || (error.wasSending && before === 0)
    if (isOpen) log('warn', 'write-cancelled', { tool: op.tool, 'idempotency-key': idempotencyKey, outcome: 'unknown' })
    throw !isOpen && context.signal?.reason === SHUTDOWN ? describeUndone(write) : error
  }
}

/** The end of the program came between two attempts, and none of them has done anything. */
function describeUndone(write: StartedWrite): Error {
  const last = write.history.endings.at(-1)
  if (!last) return new BusyError(write.op.tool, 'this server is stopping')
  return buildError(write, last, { outcome: 'not_applied', saw: '' })
}

function conclude(write: StartedWrite, ending: Ending, verdict: Verdict): Reply {
  const { outcome, saw, body } = verdict
  if (!body) throw buildError(write, ending, verdict)
  const found = `${outcome}: found out by reading back.`
  return { status: 200, body, note: join(found, describeEnding(write.op, ending), countAttempts(write), saw) }
}

function buildError(write: StartedWrite, ending: Ending, { outcome, saw, isExplained }: Verdict): UpstreamError {
  const { op, rules, args } = write
  const advice = isExplained ? '' : adviseOn(op, ending)
  const next = outcome === 'unknown' ? join(adviseOnDoubt(op, ending), rules.lookUp(args)) : advice
  return new UpstreamError(`${op.tool}: ${join(describeEnding(op, ending), countAttempts(write), saw, next)}`, {
    ...failureOf(ending),
    outcome,
  })
}

function countAttempts({ history }: StartedWrite): string {
  return history.endings.length > 1 ? `Tried ${history.endings.length} times under one Idempotency-Key.` : ''
}

const join = (...sentences: (string | undefined)[]): string => sentences.filter(Boolean).join(' ')
