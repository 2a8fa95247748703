import { buildRequest } from '../metronome/request.ts'
import { type AttemptResult, readErrorBody, readResult } from '../metronome/response.ts'
import { type Clock, classify, lastOf, mayRetryWrite, sendWithRetries, type WriteAttempt } from '../metronome/retry.ts'
import { asObjects, type JsonObject, type Read, type WriteOperation } from '../operations/operation.ts'
import { adviseOn, adviseOnAmbiguity, type CallError, callFailed } from './errors.ts'
import { type Decision, decideFromAttempts, decideFromRecords, type Evidence, type Reason } from './outcome.ts'

// One attempt may not use up what a retry needs, nor all attempts what verification needs.
const ATTEMPT_SHARE = 0.4
const ATTEMPTS_SHARE = 0.85

/** Key of a write, under which Metronome applies it once. */
export interface IdempotencyKey {
  readonly value: string
  /** An earlier call may have been sent under it, and may have acted. */
  readonly mayHaveBeenUsed: boolean
}

export interface WriteCall {
  readonly op: WriteOperation
  readonly args: JsonObject
  readonly idempotencyKey: IdempotencyKey
  /** Limit of the call in milliseconds. */
  readonly timeoutMs: number
  /** When attempts, waits and verification must have ended, on the clock. */
  readonly deadline: number
  readonly clock: Clock
  readonly signal: AbortSignal
  /** Sends the request once, under the key. */
  readonly send: (request: ReturnType<typeof buildRequest>, attemptMs: number) => Promise<AttemptResult>
  /** Performs a verification read before the deadline. Throws when it fails. */
  readonly read: (read: Read) => Promise<JsonObject>
  readonly onProgress: (message: string) => void
  readonly onRetry: (waitMs: number, attemptNumber: number) => void
}

/** How a write ended, and how its attempts did. */
export type WriteResult = { readonly attempts: readonly WriteAttempt[] } & (
  | { readonly ok: true; readonly body: JsonObject }
  | { readonly ok: false; readonly error: CallError }
)

/** Sends a write under one Idempotency-Key and returns the body of its response, or finds out what it did. */
export async function executeWrite(call: WriteCall): Promise<WriteResult> {
  const { op, args, clock, deadline } = call
  const request = buildRequest(op, args)
  const remainingMs = deadline - clock.now()
  const attempts = await sendWithRetries({
    ...call,
    send: async (attemptMs) => classify(op, await call.send(request, attemptMs)),
    mayRetry: mayRetryWrite,
    attemptMs: remainingMs * ATTEMPT_SHARE,
    deadline: deadline - remainingMs * (1 - ATTEMPTS_SHARE),
  })
  const { result } = lastOf(attempts)
  const read = readResult(op, result)
  if (read.ok) return { ok: true, body: read.body, attempts }

  const { decision, evidence } = await determineOutcome(call, attempts)
  const sent = attempts.length > 1 ? `Sent ${attempts.length} times with the same Idempotency-Key.` : ''
  // All that was asked for is in place: a success, whatever became of the response.
  if (decision.outcome === 'applied') {
    const { body, evidence } = decision.shown
    const sentences = [read.problem, sent, evidence].filter(Boolean)
    return { ok: true, body: { ...body, _note: `Outcome: applied. ${sentences.join(' ')}` }, attempts }
  }
  const { outcome, reason } = decision
  const details = [sent, evidence, adviseOnOutcome(call, result, reason)]
  return { ok: false, error: callFailed(op, result, { problem: read.problem, outcome, details }), attempts }
}

interface Determined {
  readonly decision: Decision
  /** What the records show, in sentences; empty when none were read. */
  readonly evidence: string
}

/** Decides the outcome, and reads the records when the attempts alone do not tell it. */
async function determineOutcome(call: WriteCall, attempts: readonly WriteAttempt[]): Promise<Determined> {
  const { mayHaveBeenUsed } = call.idempotencyKey
  const effects = attempts.map(({ effect }) => effect)
  const decision = decideFromAttempts(effects, mayHaveBeenUsed)
  if (decision) return { decision, evidence: '' }
  const evidence = await readRecords(call, lastOf(attempts))
  return {
    decision: decideFromRecords(effects, evidence, mayHaveBeenUsed),
    evidence: evidence.kind === 'read' ? evidence.comparison.evidence : '',
  }
}

async function readRecords(
  { op, args, signal, read, onProgress }: WriteCall,
  { effect, result }: WriteAttempt,
): Promise<Evidence> {
  const { verification } = op
  const isConflict = effect === 'conflict'
  const reads = verification.reads(args, isConflict ? readErrorBody(result) : undefined)
  if (reads.length === 0 || signal.aborted) return { kind: 'unreadable' }
  onProgress(`${op.tool}: ${isConflict ? 'alias in use; finding its holder' : 'no definitive response; verifying'}`)
  try {
    const readAll = (all: readonly Read[]) => Promise.all(all.map((each) => readPages(read, each)))
    const bodies = await readAll(reads)
    const followUp = await readAll(verification.followUpReads?.(args, bodies) ?? [])
    return { kind: 'read', comparison: verification.compare(args, bodies, followUp) }
  } catch {
    // The error of a read must not hide that of the write.
    return { kind: 'unreadable' }
  }
}

/** Reads on while there is a cursor: a page may be empty, and the record on the next one. */
async function readPages(read: WriteCall['read'], { op, args, maxPages = 1 }: Read): Promise<JsonObject> {
  const bodies = [await read({ op, args })]
  for (let cursor = bodies[0]?.next_page; cursor && bodies.length < maxPages; cursor = bodies.at(-1)?.next_page)
    bodies.push(await read({ op, args: { ...args, next_page: cursor } }))
  return { ...bodies.at(-1), ...(bodies.length > 1 && { data: bodies.flatMap(({ data }) => asObjects(data)) }) }
}

/** What to do next, by the reason of the outcome. */
function adviseOnOutcome({ op, args, idempotencyKey }: WriteCall, last: AttemptResult, reason: Reason): string {
  const recheck = op.verification.recheckAdvice(args)
  const isStored = last.kind === 'response' && last.status === 500 && readErrorBody(last) !== undefined
  const newKey = idempotencyKey.mayHaveBeenUsed && isStored ? NEW_KEY : ''
  const parts: Record<Reason, readonly string[]> = {
    no_attempt_acted: [adviseOn(op, last)],
    held_by_another: [],
    earlier_call_may_have_acted: [adviseOn(op, last), EARLIER_CALL, recheck],
    unreadable: [
      adviseOnAmbiguity(op, last),
      'No record could be read that shows whether it was applied.',
      recheck,
      newKey,
    ],
    ambiguous: [adviseOnAmbiguity(op, last), recheck, newKey],
  }
  return parts[reason].filter(Boolean).join(' ')
}

const EARLIER_CALL = 'This call did nothing, but an earlier one with this Idempotency-Key may have.'
const NEW_KEY = 'Metronome keeps this response under the Idempotency-Key: after that check, retry with a new key.'
