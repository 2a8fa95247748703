import { randomUUID } from 'node:crypto'
import type { Log } from '../log.ts'
import { buildRequest } from '../metronome/request.ts'
import { type AttemptResult, readResult } from '../metronome/response.ts'
import { lastAttempt, mayRetryRead, type Sleep, sendWithRetries } from '../metronome/retry.ts'
import type { Send, SendOptions, Upstream } from '../metronome/send.ts'
import type { JsonObject, Operation, Read, ReadOperation, WriteOperation } from '../operations/operation.ts'
import type { Redact } from '../sanitize.ts'
import { adviseOn, CallError, callFailed, type InputIssue, internalError, missingKey, unknownTool } from './errors.ts'
import type { AuditLog, CallOrigin } from './guards/audit.ts'
import type { Confirm, FormChannel } from './guards/confirmation.ts'
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
  /** How a person can be asked; absent where no form can be shown. */
  readonly forms?: FormChannel | undefined
  /** For the audit log. */
  readonly origin?: CallOrigin | undefined
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
  /** Records writes; absent unless `--audit-log` is given. */
  readonly audit?: AuditLog | undefined
  /** Asks a person before anything is archived; absent unless `--confirm-archives` is given. */
  readonly confirm?: Confirm | undefined
  readonly onFinished?: (call: FinishedCall) => void
  readonly onRetry?: () => void
}

export interface Calls {
  readonly call: Call
  /** Ends the calls in flight: each still gets its result or error. */
  interrupt(): void
}

export function createCalls(options: CallOptions): Calls {
  const { operations, hiddenTools, upstream, log, onFinished } = options
  const inFlight = new Set<AbortController>()

  /** One call, from the raw arguments to the result. */
  async function call(request: CallRequest): Promise<JsonObject> {
    const { tool, caller } = request
    const op = operations.get(tool)
    if (!op) throw unknownTool(tool, Array.from(operations.keys()), hiddenTools?.get(tool))

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
      const running = startCall(options, op, request, controller.signal)
      const body = op.kind === 'write' ? await write(running, op, args, request) : await read(running, op, args, caller)
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

  async function read(running: RunningCall, op: ReadOperation, args: JsonObject, caller: Caller): Promise<JsonObject> {
    const deadline = performance.now() + options.timeoutMs
    const { search, grantsAccess } = op
    if (search && search.argument in args) {
      const readPage = (page: JsonObject) => executeRead(running, op, page, deadline)
      return searchPages({ ...running, op, search, args, read: readPage })
    }
    const body = await executeRead(running, op, args, deadline)
    if (grantsAccess)
      await options.audit?.recordSingle({ op, args, origin: caller.origin, redact: caller.redact }, 'applied')
    return body
  }

  async function write(
    running: RunningCall,
    op: WriteOperation,
    args: JsonObject,
    { caller, ...request }: CallRequest,
  ): Promise<JsonObject> {
    const verify = (read: Read, deadline: number) => executeRead(running, read.op, read.args, deadline)
    const readBefore = (read: Read) => verify(read, performance.now() + options.timeoutMs)
    const { signal } = running.context
    const confirmed = op.irreversible && (await options.confirm?.({ op, args, caller, signal, read: readBefore }))
    const idempotencyKey = confirmed ?? request.idempotencyKey ?? { value: randomUUID(), isCallers: false }
    const perform = (onAttempt?: (result: AttemptResult) => void) =>
      executeWrite({
        ...running,
        op,
        args,
        idempotencyKey,
        read: verify,
        onAttempt,
        onUnknown: () => {
          const key = caller.redact(idempotencyKey.value)
          log('warn', 'write-outcome-unknown', { tool: op.tool, 'idempotency-key': key })
        },
      })
    if (!options.audit) return perform()
    const { origin, redact } = caller
    const audited = { op, args, origin, redact, idempotencyKey: idempotencyKey.value, read: readBefore }
    return options.audit.recordWrite(audited, perform)
  }

  return {
    call,
    interrupt() {
      for (const controller of inFlight) controller.abort('this server is stopping')
    },
  }
}

/** What the attempts of one call have in common. */
interface RunningCall extends Pick<CallOptions, 'send' | 'sleep' | 'timeoutMs'> {
  readonly context: Pick<SendOptions, 'apiKey' | 'redact' | 'signal' | 'traceparent'>
  readonly onProgress: (message: string) => void
  readonly onRetry: (waitMs: number, attemptNumber: number) => void
}

function startCall(options: CallOptions, op: Operation, { caller }: CallRequest, signal: AbortSignal): RunningCall {
  const { apiKey, redact, onProgress = () => {} } = caller
  return {
    ...options,
    context: { apiKey, redact, traceparent: readTraceparent(caller.traceparent), signal },
    onProgress,
    onRetry(waitMs, attemptNumber) {
      options.onRetry?.()
      onProgress(`${op.tool}: waiting ${(waitMs / 1000).toFixed(1)} s before attempt ${attemptNumber}`)
    },
  }
}

/** Performs a read, with retries, before the deadline on the clock of `performance.now()`. */
async function executeRead(
  { send, sleep, timeoutMs, context, onRetry }: RunningCall,
  op: ReadOperation,
  args: JsonObject,
  deadline: number,
): Promise<JsonObject> {
  const request = buildRequest(op, args)
  const results = await sendWithRetries((attemptMs) => send(request, { ...context, timeoutMs: attemptMs }), {
    mayRetry: mayRetryRead,
    attemptMs: deadline - performance.now(),
    budgetMs: timeoutMs,
    deadline,
    signal: context.signal,
    sleep,
    onRetry,
  })
  const last = lastAttempt(results)
  const result = readResult(op, last)
  if (result.ok) return result.body
  throw callFailed(op, last, { details: [adviseOn(op, last)] })
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
