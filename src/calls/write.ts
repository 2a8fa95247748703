import { buildRequest } from '../metronome/request.ts'
import { type AttemptResult, readErrorBody, readResult } from '../metronome/response.ts'
import { type Clock, classify, lastOf, mayRetryWrite, sendWithRetries, type WriteAttempt } from '../metronome/retry.ts'
import { asObjects, type JsonObject } from '../operations/json.ts'
import type { Read, WriteOperation } from '../operations/operation.ts'
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
  /** How the client gives it when it makes the same call again. */
  readonly givenIn: 'argument' | 'header' | 'journal' | 'confirmation'
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
    mayRetry: (attempts) => mayRetryWrite(attempts, call.idempotencyKey.mayHaveBeenUsed),
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
function adviseOnOutcome(call: WriteCall, last: AttemptResult, reason: Reason): string {
  const { op, args } = call
  const recheck = op.verification.recheckAdvice(args)
  const retry = adviseOnRetry(call, last)
  const parts: Record<Reason, readonly string[]> = {
    no_attempt_acted: [adviseOn(op, last)],
    held_by_another: [],
    earlier_call_may_have_acted: [adviseOn(op, last), EARLIER_CALL, recheck, retry],
    unreadable: [
      adviseOnAmbiguity(op, last),
      'No record could be read that shows whether it was applied.',
      recheck,
      retry,
    ],
    ambiguous: [adviseOnAmbiguity(op, last), recheck, retry],
  }
  return parts[reason].filter(Boolean).join(' ')
}

const EARLIER_CALL = 'This call did nothing, but an earlier one with this Idempotency-Key may have.'
const KEY_IN_USE =
  'The Idempotency-Key belongs to a call with other arguments, or to one that still runs. With the same arguments, call again in a minute; with others, make a new call without this key.'
const ROW_KEY_IN_USE =
  'The Idempotency-Key of the row belongs to a call that still runs: run the same command again in a minute.'
const STORED: Readonly<Record<IdempotencyKey['givenIn'], string>> = {
  argument: 'Metronome keeps this response under the Idempotency-Key: make that check first, and then a new call.',
  confirmation: 'Metronome keeps this response for this confirmation: make that check first, and then a new call.',
  header: 'Metronome keeps this response under the Idempotency-Key: after that check, retry with a new key.',
  journal: 'Metronome keeps this response under the Idempotency-Key of the row: make that check before a new run.',
}

/** How the same call is made again without adding twice, where that is possible. */
function adviseOnRetry({ op, idempotencyKey }: WriteCall, last: AttemptResult): string {
  const { value, mayHaveBeenUsed, givenIn } = idempotencyKey
  const response = last.kind === 'response' && readErrorBody(last) ? last.status : undefined
  const retriesUnderKey = op.addsRecords === true
  if (response === 500) return retriesUnderKey || mayHaveBeenUsed ? STORED[givenIn] : ''
  if (response === 409 && mayHaveBeenUsed && givenIn !== 'confirmation')
    return givenIn === 'journal' ? ROW_KEY_IN_USE : KEY_IN_USE
  if (!retriesUnderKey) return ''
  const how: Readonly<Record<IdempotencyKey['givenIn'], string>> = {
    argument: `call ${op.tool} again with the same arguments and "idempotency_key": ${JSON.stringify(value)} within 24 hours`,
    header: `send the same request again with the header Idempotency-Key: ${value} within 24 hours`,
    journal: 'run the same command again within 23 hours',
    confirmation: '',
  }
  return `To finish it safely, ${how[givenIn]}: Metronome applies it once.`
}
