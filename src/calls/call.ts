import type { Log } from '../log.ts'
import { buildRequest } from '../metronome/request.ts'
import { readResult } from '../metronome/response.ts'
import { mayRetryRead, type Sleep, sendWithRetries } from '../metronome/retry.ts'
import type { Send, Upstream } from '../metronome/send.ts'
import type { JsonObject, Operation, ReadOperation } from '../operations/operation.ts'
import type { Redact } from '../sanitize.ts'
import { adviseOn, CallError, callFailed, type InputIssue, internalError, missingKey, unknownTool } from './errors.ts'
import { searchPages } from './search.ts'
import { validateArguments } from './validate-arguments.ts'
import { executeWrite, type IdempotencyKey } from './write.ts'

/** Who calls, and how to reach it. */
export interface Caller {
  /** Metronome API key; the sandbox needs none. */
  readonly apiKey: string | undefined
  /** Removes the secrets of this caller from a text. */
  readonly redact: Redact
  /** Aborts when the caller cancels or leaves. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((message: string) => void) | undefined
  /** W3C trace context as the client sent it. */
  readonly traceparent?: unknown
}

export interface CallRequest {
  readonly tool: string
  /** Arguments as the client sent them. */
  readonly args: unknown
  readonly caller: Caller
  /** What the adapter found wrong with the arguments; reported together with what validation finds. */
  readonly inputIssues?: readonly InputIssue[]
  /** Only for writes; a fresh key is made where absent. */
  readonly idempotencyKey?: IdempotencyKey | undefined
}

/** Calls a tool and returns Metronome's body, with a `_note` where there is something to add. Throws {@link CallError}. */
export type Call = (request: CallRequest) => Promise<JsonObject>

export interface FinishedCall {
  readonly tool: string
  /** `success` or the error's code. */
  readonly result: string
  readonly seconds: number
}

export interface CallOptions {
  readonly operations: ReadonlyMap<string, Operation>
  /** Why tools are not available here, by name. */
  readonly hiddenTools?: ReadonlyMap<string, string> | undefined
  readonly upstream: Upstream
  readonly send: Send
  /** Budget of one call in milliseconds: queueing, attempts, waits and verification. */
  readonly timeoutMs: number
  readonly log: Log
  readonly sleep: Sleep
  readonly onFinished?: (call: FinishedCall) => void
  readonly onRetry?: () => void
}

export interface Calls {
  readonly call: Call
  /** Ends the calls in flight: each still gets its result or error. */
  interrupt(): void
}

export function createCalls(options: CallOptions): Calls {
  const inFlight = new Set<AbortController>()

  /** One call, from the raw arguments to the result. */
  async function call(request: CallRequest): Promise<JsonObject> {
    const { operations, upstream, log, onFinished } = options
    const { tool, caller } = request
    const op = operations.get(tool)
    if (!op) throw unknownTool(tool, Array.from(operations.keys()), options.hiddenTools?.get(tool))

    const startedAt = performance.now()
    const controller = new AbortController()
    const cancel = () => controller.abort(caller.signal?.reason)
    if (caller.signal?.aborted) cancel()
    caller.signal?.addEventListener('abort', cancel, { once: true })
    inFlight.add(controller)
    const finish = (result: string, status: string | number): void => {
      const ms = performance.now() - startedAt
      log('info', 'call', { tool, method: op.method, status, ms: Math.round(ms) })
      onFinished?.({ tool, result, seconds: ms / 1000 })
    }
    try {
      const args = validateArguments(op, request.args, request.inputIssues)
      if (upstream.needsKey && caller.apiKey === undefined) throw missingKey(tool)
      const body = await execute(op, args, request, controller.signal)
      finish('success', 200)
      return addNote(body, upstream.note)
    } catch (error) {
      const failure = toCallError(op, error)
      if (failure.code === 'internal') log('error', 'internal-error', { tool, error: String(error) })
      finish(failure.code, failure.status ?? failure.code)
      throw failure
    } finally {
      inFlight.delete(controller)
      caller.signal?.removeEventListener('abort', cancel)
    }
  }

  async function execute(
    op: Operation,
    args: JsonObject,
    { caller, idempotencyKey }: CallRequest,
    signal: AbortSignal,
  ): Promise<JsonObject> {
    const { timeoutMs, send, log, sleep, onRetry } = options
    const { apiKey, redact, onProgress = () => {} } = caller
    const context = { apiKey, redact, traceparent: readTraceparent(caller.traceparent), signal }
    const reportRetry = (waitMs: number, attemptNumber: number): void => {
      onRetry?.()
      onProgress(`${op.tool}: waiting ${(waitMs / 1000).toFixed(1)} s before attempt ${attemptNumber}`)
    }

    async function read(op: ReadOperation, args: JsonObject, deadline: number): Promise<JsonObject> {
      const request = buildRequest(op, args)
      const results = await sendWithRetries((attemptMs) => send(request, { ...context, timeoutMs: attemptMs }), {
        mayRetry: mayRetryRead,
        attemptMs: deadline - performance.now(),
        budgetMs: timeoutMs,
        deadline,
        signal,
        sleep,
        onRetry: reportRetry,
      })
      const [last] = results.slice(-1)
      if (!last) throw new Error('a call makes at least one attempt')
      const result = readResult(op, last)
      if (result.ok) return result.body
      throw callFailed(op, last, { details: [adviseOn(op, last)] })
    }

    if (op.kind === 'read') {
      const deadline = performance.now() + timeoutMs
      if (op.search && op.search.argument in args)
        return searchPages({
          op,
          search: op.search,
          args,
          timeoutMs,
          read: (page) => read(op, page, deadline),
          onProgress,
        })
      return read(op, args, deadline)
    }
    return executeWrite({
      op,
      args,
      idempotencyKey,
      context,
      timeoutMs,
      send,
      sleep,
      read: (verification, deadline) => read(verification.op, verification.args, deadline),
      onProgress,
      onRetry: reportRetry,
      onUnknown: (key) => log('warn', 'write-outcome-unknown', { tool: op.tool, 'idempotency-key': redact(key) }),
    })
  }

  return {
    call,
    interrupt() {
      for (const controller of inFlight) controller.abort('this server is stopping')
    },
  }
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Anything that is not a valid `traceparent` counts as absent, as W3C Trace Context asks. */
function readTraceparent(value: unknown): string | undefined {
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined
}

/** An error of a write that was not sent says so. */
function toCallError(op: Operation, error: unknown): CallError {
  if (!(error instanceof CallError)) return internalError(op, error)
  if (op.kind === 'read' || error.outcome) return error
  return new CallError(error.code, error.message, { ...error, outcome: 'not_applied' })
}

function addNote(body: JsonObject, note: string | undefined): JsonObject {
  if (note === undefined) return body
  const { _note, ...rest } = body
  return { ...rest, _note: _note === undefined ? note : `${_note} ${note}` }
}
