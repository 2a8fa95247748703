import { buildRequest } from '../metronome/request.ts'
import type { AttemptResult } from '../metronome/response.ts'
import { readErrorBody, readResult } from '../metronome/response.ts'
import { classify, lastAttempt, mayRetryWrite, type Sleep, sendWithRetries } from '../metronome/retry.ts'
import type { Send, SendOptions } from '../metronome/send.ts'
import type { Comparison, JsonObject, Read, WriteOperation } from '../operations/operation.ts'
import { adviseOn, adviseOnServerError, callFailed, describeAttempt } from './errors.ts'
import { type Attempt, decide, type Evidence, type Outcome, type Reason } from './outcome.ts'

// One attempt may not use up what a retry needs, nor all attempts what verification needs.
const ATTEMPT_SHARE = 0.4
const ATTEMPTS_SHARE = 0.85
/** Reads may lag behind a write: nothing is concluded from one that shows nothing of it. */
const REREAD_AFTER_MS = 1_000

/** Key of a write, under which Metronome applies it once. */
export interface IdempotencyKey {
  readonly value: string
  /** The caller chose it, and may have used it before. */
  readonly isCallers: boolean
}

export interface WriteCall {
  readonly op: WriteOperation
  readonly args: JsonObject
  readonly idempotencyKey: IdempotencyKey
  /** API key, trace context and cancellation of the call. */
  readonly context: Pick<SendOptions, 'apiKey' | 'redact' | 'signal' | 'traceparent'>
  /** Budget in milliseconds for attempts, waits and verification. */
  readonly timeoutMs: number
  readonly send: Send
  /** Performs a verification read before the deadline, on the clock of `performance.now()`. Throws when it fails. */
  readonly read: (read: Read, deadline: number) => Promise<JsonObject>
  readonly sleep: Sleep
  readonly onProgress: (message: string) => void
  readonly onRetry: (waitMs: number, attemptNumber: number) => void
  readonly onAttempt?: ((result: AttemptResult) => void) | undefined
  /** Called when the call ends with the outcome `unknown`. */
  readonly onUnknown: () => void
}

/** Sends a write under one Idempotency-Key and returns the body of its response, or finds out what it did. */
export async function executeWrite(call: WriteCall): Promise<JsonObject> {
  const { op, args, context, timeoutMs, send } = call
  const startedAt = performance.now()
  const deadline = startedAt + timeoutMs
  const { value: idempotencyKey, isCallers } = call.idempotencyKey
  const request = buildRequest(op, args)

  const results = await sendWithRetries(
    async (attemptMs) => {
      const result = await send(request, { ...context, idempotencyKey, timeoutMs: attemptMs })
      call.onAttempt?.(result)
      return result
    },
    {
      mayRetry: (results) => mayRetryWrite(op, results),
      attemptMs: timeoutMs * ATTEMPT_SHARE,
      budgetMs: timeoutMs,
      deadline: startedAt + timeoutMs * ATTEMPTS_SHARE,
      signal: context.signal,
      sleep: call.sleep,
      onRetry: call.onRetry,
    },
  )
  const last = lastAttempt(results)
  const read = readResult(op, last)
  if (read.ok) return read.body

  const { outcome, reason, comparison } = await determineOutcome(call, results, isCallers, deadline)
  const attempts = results.length > 1 ? `Sent ${results.length} times with the same Idempotency-Key.` : ''
  if (outcome === 'applied' && comparison?.body)
    return {
      ...comparison.body,
      _note: `Outcome: applied. ${[describeAttempt(op, last), attempts, comparison.evidence].filter(Boolean).join(' ')}`,
    }
  if (outcome === 'unknown') call.onUnknown()
  const evidence = comparison?.evidence ?? ''
  throw callFailed(op, last, { outcome, details: [attempts, evidence, adviseOnOutcome(call, last, reason, isCallers)] })
}

interface WriteOutcome {
  readonly outcome: Outcome
  readonly reason: Reason
  /** What the last read showed. */
  readonly comparison?: Comparison
}

/** Decides the outcome, and reads the records as often as the decision needs. */
async function determineOutcome(
  call: WriteCall,
  results: readonly AttemptResult[],
  isCallerKey: boolean,
  deadline: number,
): Promise<WriteOutcome> {
  const attempts = results.map((result) => toAttempt(call.op, result))
  const evidence: Evidence[] = []
  for (;;) {
    const decision = decide(attempts, evidence, isCallerKey)
    const last = evidence.at(-1)
    const comparison = last?.kind === 'read' ? { comparison: last.comparison } : {}
    if (decision.kind === 'decided') return { ...decision, ...comparison }
    evidence.push(await readRecords(call, lastAttempt(results), evidence.length > 0, deadline))
  }
}

function toAttempt(op: WriteOperation, result: AttemptResult): Attempt {
  const isValidationError = result.kind === 'response' && (result.status === 400 || result.status === 422)
  return { effect: classify(op, result), isValidationError }
}

/** One round of verification reads; another round waits first. */
async function readRecords(
  { op, args, context, read, sleep, onProgress }: WriteCall,
  last: AttemptResult,
  isReread: boolean,
  deadline: number,
): Promise<Evidence> {
  const { verification } = op
  const isConflict = classify(op, last) === 'conflict'
  const reads = verification.reads(args, isConflict ? readErrorBody(last) : undefined)
  if (reads.length === 0) return { kind: 'unreadable' }
  onProgress(`${op.tool}: ${isConflict ? 'alias in use; finding its holder' : 'no definitive response; verifying'}`)
  if (isReread) {
    if (performance.now() + REREAD_AFTER_MS >= deadline) return { kind: 'unreadable' }
    await sleep(REREAD_AFTER_MS, context.signal)
  }
  if (context.signal?.aborted) return { kind: 'unreadable' }
  try {
    const readAll = (all: readonly Read[]) => Promise.all(all.map((each) => read(each, deadline)))
    const bodies = await readAll(reads)
    const further = await readAll(verification.furtherReads?.(args, bodies) ?? [])
    return { kind: 'read', comparison: verification.compare(args, bodies, further) }
  } catch {
    // The error of a read must not hide that of the write.
    return { kind: 'unreadable' }
  }
}

/** What to do next, by the reason of the outcome. */
function adviseOnOutcome({ op, args }: WriteCall, last: AttemptResult, reason: Reason, isCallerKey: boolean): string {
  const recheck = op.verification.recheck(args)
  const newKey = isCallerKey && classify(op, last) === 'final' ? NEW_KEY : ''
  const parts: Record<Reason, readonly string[]> = {
    no_attempt_acted: [adviseOn(op, last)],
    held_by_another: [],
    in_place: [],
    final_and_absent: [adviseOn(op, last), newKey],
    earlier_call_may_have_acted: [adviseOn(op, last), EARLIER_CALL, recheck],
    unreadable: [
      adviseOnServerError(op, last),
      'No record could be read that shows whether it was applied.',
      recheck,
      newKey,
    ],
    ambiguous: [adviseOnServerError(op, last), recheck, newKey],
  }
  return parts[reason].filter(Boolean).join(' ')
}

const EARLIER_CALL = 'This call did nothing, but an earlier one with this Idempotency-Key may have.'
const NEW_KEY = 'Metronome keeps this response under the Idempotency-Key: after that check, retry with a new key.'
