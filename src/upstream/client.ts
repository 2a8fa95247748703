import { randomUUID } from 'node:crypto'
import type { Log } from '../log.ts'
import { parseArguments } from '../operation/arguments.ts'
import type { JsonObject, Operation } from '../operation/define.ts'
import { NAME, VERSION } from '../version.ts'
import { describeRefusal, isSuccess, readAnswer } from './answer.ts'
import { createAttempt, type Ending, type Upstream } from './attempt.ts'
import { CancelledError, MissingKeyError, UpstreamError } from './errors.ts'
import { sendRepeatedly } from './repeated.ts'
import { buildRequest } from './request.ts'
import { leavesDoubt, mayRepeatRead, mayRepeatWrite } from './rules.ts'
import { readRetryAfter, sleep as realSleep, type Sleep } from './waiting.ts'

export interface ClientOptions {
  readonly upstream: Upstream
  /** Budget of one call in milliseconds, repeats and waits included. */
  readonly timeoutMs: number
  readonly log: Log
  /** Replaced in tests, which have no time to wait. */
  readonly sleep?: Sleep
}

/** What a call needs to know of its caller. */
export interface CallContext {
  /** Metronome API key; the sandbox needs none. */
  readonly key: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** A successful answer: Metronome's JSON unchanged, and what there is to say about it. */
export interface Reply {
  readonly body: JsonObject
  readonly note?: string
}

export interface Client {
  /**
   * Checks `args`, sends the operation's request and reads its answer. Throws `InputError`, `MissingKeyError`,
   * `UpstreamError` or `CancelledError`.
   */
  call(op: Operation, args: unknown, context: CallContext): Promise<Reply>
}

// The first attempt of a write may not eat what a repeat and a read-back need.
const WRITE_ATTEMPT_SHARE = 0.4
const WRITE_ATTEMPTS_SHARE = 0.85

export function createClient({ upstream, timeoutMs, log, sleep = realSleep }: ClientOptions): Client {
  const attempt = createAttempt(upstream)

  async function call(op: Operation, raw: unknown, { key, signal }: CallContext): Promise<Reply> {
    if (upstream.needsKey && key === undefined) throw new MissingKeyError(op.tool)
    const request = buildRequest(op, parseArguments(op, raw))
    const started = Date.now()
    const reads = op.hints.readOnly
    const idempotencyKey = reads ? undefined : randomUUID()
    const plan = {
      headers: buildHeaders(key, idempotencyKey),
      mayRepeat: reads ? mayRepeatRead : mayRepeatWrite,
      attemptMs: reads ? timeoutMs : timeoutMs * WRITE_ATTEMPT_SHARE,
      deadline: started + timeoutMs * (reads ? 1 : WRITE_ATTEMPTS_SHARE),
      signal,
      sleep,
    }
    const fields = { tool: op.tool, method: op.method }
    try {
      const history = await sendRepeatedly(attempt, request, plan)
      log('info', 'call', {
        ...fields,
        status: lastStatus(history) ?? 'none',
        attempts: history.length,
        ms: Date.now() - started,
      })
      const reply = conclude(op, history)
      return upstream.note === undefined ? reply : { ...reply, note: upstream.note }
    } catch (error) {
      if (error instanceof CancelledError && idempotencyKey)
        log('warn', 'write-cancelled', { tool: op.tool, 'idempotency-key': idempotencyKey, outcome: 'unknown' })
      throw error
    }
  }

  return { call }
}

function buildHeaders(key: string | undefined, idempotencyKey: string | undefined): Record<string, string> {
  return {
    'user-agent': `${NAME}/${VERSION}`,
    ...(key !== undefined && { authorization: `Bearer ${key}` }),
    ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
  }
}

function lastStatus(history: readonly Ending[]): number | undefined {
  const last = history.at(-1)
  return last?.kind === 'answered' ? last.status : undefined
}

/** The last attempt decides what is said; for a write every attempt decides what may have happened. */
function conclude(op: Operation, history: readonly Ending[]): Reply {
  const last = history.at(-1)
  if (!last) throw new Error('a call makes at least one attempt')
  const answer = last.kind === 'answered' && isSuccess(last.status) ? readAnswer(op, last) : undefined
  if (answer && 'body' in answer) return answer
  const said = answer?.problem ?? describeEnding(op, last)
  throw new UpstreamError(`${op.tool}: ${said}`, {
    status: lastStatus(history),
    retryAfterSeconds: readRetryAfter(last),
    outcome: op.hints.readOnly ? undefined : leavesDoubt(history) ? 'unknown' : 'not_applied',
  })
}

function describeEnding(op: Operation, ending: Ending): string {
  if (ending.kind === 'unsent')
    return `Metronome was not reached, ${ending.reason}. Check the network, the proxy and METRONOME_BASE_URL.`
  if (ending.kind === 'lost') return `Metronome's answer did not come, ${ending.reason}.`
  const retryAfter = readRetryAfter(ending)
  const wait = retryAfter === undefined ? [] : [`Wait ${Math.ceil(retryAfter)} seconds.`]
  return [describeRefusal(ending), ...wait, op.advice?.[ending.status] ?? adviseOn(ending.status)].join(' ').trim()
}

function adviseOn(status: number): string {
  if (status === 401) return 'The API key is not valid, or may not use this operation: keys can be limited to some.'
  if (status === 403) return 'The API key may not use this operation or record.'
  if (status === 404)
    return 'Find the right id with list-customers, and with only_archived true among the archived ones.'
  if (status === 429) return 'Call less often.'
  return status >= 500 ? 'Metronome has a problem; try again later.' : ''
}
