import type { JsonObject, Operation } from '../operation/define.ts'
import { isSuccess, readAnswer } from './answer.ts'
import type { Ending } from './attempt.ts'
import { UpstreamError, type UpstreamFailure } from './errors.ts'
import type { Reply } from './reply.ts'
import { mayRepeatRead } from './rules.ts'
import type { CallContext, Send } from './sender.ts'
import { readRetryAfter } from './waiting.ts'
import { adviseOn, describeEnding } from './wording.ts'

export interface ReadOptions {
  readonly context: CallContext
  /** When the answer must be there, in milliseconds of `Date.now()`. */
  readonly deadline: number
  readonly onEnding?: (ending: Ending) => void
}

/** Calls an operation that only reads, and repeats it after anything that may pass. Throws `UpstreamError`. */
export async function readUpstream(send: Send, op: Operation, args: JsonObject, options: ReadOptions): Promise<Reply> {
  const attemptMs = options.deadline - Date.now()
  const ending = await send(op, args, { ...options, mayRepeat: mayRepeatRead, attemptMs })
  const reply = readReply(op, ending)
  if (reply) return reply
  throw new UpstreamError(`${op.tool}: ${describeEnding(op, ending)} ${adviseOn(op, ending)}`.trim(), failureOf(ending))
}

/** The answer when it is a 2xx of the documented shape. */
export function readReply(op: Operation, ending: Ending): Reply | undefined {
  if (ending.kind !== 'answered' || !isSuccess(ending.status)) return undefined
  const answer = readAnswer(op, ending)
  return 'body' in answer ? { status: ending.status, body: answer.body } : undefined
}

/** What an ending says to programs; the sentence beside it is for people and models. */
export function failureOf(ending: Ending): UpstreamFailure {
  return {
    status: ending.kind === 'answered' ? ending.status : undefined,
    retryAfterSeconds: readRetryAfter(ending),
    timedOut: ending.kind !== 'answered' && ending.timedOut === true,
  }
}
