import type { JsonObject, Operation } from '../operation/define.ts'
import { createRedactor } from '../redact.ts'
import { NAME, VERSION } from '../version.ts'
import { type Attempt, createAttempt, type Ending, type Upstream } from './attempt.ts'
import { type RepeatPlan, sendRepeatedly } from './repeated.ts'
import { buildRequest } from './request.ts'
import type { Sleep } from './waiting.ts'

/** What a call needs to know of its caller. */
export interface CallContext {
  /** Metronome API key; the sandbox needs none. */
  readonly key: string | undefined
  readonly signal?: AbortSignal | undefined
  /** Told in a few words when the program waits, repeats or reads back. */
  readonly onProgress?: ((message: string) => void) | undefined
  /** How much of the budget the call has spent waiting for its turn, in milliseconds. */
  readonly waitedMs?: number
  /** The caller's own Idempotency-Key for a write; where absent, a fresh one is made. */
  readonly idempotencyKey?: string | undefined
  /** The caller chose the Idempotency-Key, and may have used it before. */
  readonly isKeyShared?: boolean | undefined
  /** Where the call stands in the caller's W3C trace. */
  readonly traceparent?: string | undefined
}

export interface SendOptions extends Pick<RepeatPlan, 'mayRepeat' | 'attemptMs' | 'deadline' | 'onEnding'> {
  readonly context: CallContext
  readonly idempotencyKey?: string
  /** Takes the ending of each attempt. */
  readonly history?: Ending[]
}

/** Sends one operation, as often as its plan allows. The arguments have passed their check. */
export type Send = (op: Operation, args: JsonObject, options: SendOptions) => Promise<Ending>

export function createSender(upstream: Upstream, sleep: Sleep): Send {
  const attemptFor = createRedactedAttempts(createAttempt(upstream))
  return (op, args, { context, idempotencyKey, history, mayRepeat, attemptMs, deadline, onEnding }) =>
    sendRepeatedly(
      attemptFor(context.key),
      buildRequest(op, args),
      {
        mayRepeat,
        attemptMs,
        deadline,
        onEnding,
        headers: buildHeaders(context, idempotencyKey),
        signal: context.signal,
        sleep,
        onRepeat: (waitMs, attemptNumber) =>
          context.onProgress?.(`${op.tool}: waiting ${(waitMs / 1000).toFixed(1)} s before attempt ${attemptNumber}`),
      },
      history,
    )
}

/** Two calls seldom have different keys: the last one's attempts are kept. */
function createRedactedAttempts(attempt: Attempt): (key: string | undefined) => Attempt {
  let last: { key: string | undefined; attempt: Attempt } = { key: undefined, attempt }
  return (key) => {
    if (last.key !== key) last = { key, attempt: redactAnswers(attempt, key) }
    return last.attempt
  }
}

/** Before any text is cut or rewritten: part of a key would no longer be recognised. */
function redactAnswers(attempt: Attempt, key: string | undefined): Attempt {
  const redact = createRedactor([key])
  return async (request, options) => {
    const ending = await attempt(request, options)
    return ending.kind === 'answered' && ending.text !== undefined ? { ...ending, text: redact(ending.text) } : ending
  }
}

function buildHeaders({ key, traceparent }: CallContext, idempotencyKey: string | undefined): Record<string, string> {
  return {
    'user-agent': `${NAME}/${VERSION}`,
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
    ...(traceparent && { traceparent }),
  }
}
