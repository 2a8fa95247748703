import { randomUUID } from 'node:crypto'
import type { Log } from '../log.ts'
import { buildRequest, type UpstreamRequest } from '../metronome/request.ts'
import { type AttemptResult, readResult } from '../metronome/response.ts'
import { type Clock, lastOf, mayRetryRead, sendWithRetries } from '../metronome/retry.ts'
import type { Send, Upstream } from '../metronome/send.ts'
import { KEY_ARGUMENT } from '../operations/input-fields.ts'
import { asObject, type JsonObject } from '../operations/json.ts'
import type { Operation, Read, ReadOperation, WriteOperation } from '../operations/operation.ts'
import { type Redact, toWellFormed } from '../sanitize.ts'
import {
  adviseOn,
  CallError,
  callFailed,
  type InputIssue,
  internalError,
  missingKey,
  nothingSent,
  stopping,
  unknownTool,
} from './errors.ts'
import { type AuditLog, type CallOrigin, NOT_LOGGED } from './guards/audit.ts'
import type { Confirm, FormChannel } from './guards/confirmation.ts'
import { noteOnEmptyList, searchPages } from './search.ts'
import { checkPrecondition, inputOf, validateArguments } from './validate-arguments.ts'
import { executeWrite, type IdempotencyKey } from './write.ts'

/** Who calls; made once by the transport. */
export interface Caller {
  /** Metronome API key; the sandbox needs none. */
  readonly apiKey: string | undefined
  /** Removes the secrets of this caller from a text. */
  readonly redact: Redact
  /** For the audit log. */
  readonly origin?: CallOrigin | undefined
}

/** How a call in progress can reach its client, and the client the call. */
export interface Channel {
  /** Aborts when the client cancels or leaves. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((message: string) => void) | undefined
  /** How a person can be asked; absent where no form can be shown. */
  readonly forms?: FormChannel | undefined
}

export interface CallRequest {
  readonly tool: string
  /** Arguments as the client sent them. */
  readonly args: unknown
  /** What the adapter found wrong with the arguments; reported together with what validation finds. */
  readonly inputIssues?: readonly InputIssue[]
  /** Of a write, a fresh one where absent; reads ignore it. */
  readonly idempotencyKey?: IdempotencyKey | undefined
  /** W3C trace context as the client sent it. */
  readonly traceparent?: unknown
}

/** Calls a tool and returns Metronome's body, with a `_note` where there is something to add. Throws {@link CallError}. */
export type Call = (request: CallRequest, caller: Caller, channel?: Channel) => Promise<JsonObject>

export interface FinishedCall {
  readonly tool: string
  /** `success` or the error's code. */
  readonly result: string
  readonly seconds: number
}

export interface CallOptions {
  /** The operations that are offered. */
  readonly operations: ReadonlyMap<string, Operation>
  /** Why the others are not, by name. */
  readonly hiddenTools?: ReadonlyMap<string, string> | undefined
  readonly upstream: Pick<Upstream, 'needsKey' | 'note'>
  readonly send: Send
  /** Limit of one call in milliseconds: all its requests, waits and queueing, but not the time a person takes for a form. */
  readonly timeoutMs: number
  readonly clock: Clock
  readonly log: Log
  /** Records writes; absent unless `--audit-log` is given. */
  readonly audit?: AuditLog | undefined
  /** Asks a person before anything is archived; absent unless `--confirm-archives` is given. */
  readonly confirm?: Confirm | undefined
  readonly onFinished?: ((call: FinishedCall) => void) | undefined
  readonly onRetry?: (() => void) | undefined
}

export interface Calls {
  readonly call: Call
  /** Ends the calls in flight, each with its result or error. From now on nothing is sent any more. */
  interrupt(): void
}

const UNKNOWN_TOOL = 'unknown tool'
const STOPPING = 'this server is stopping'
/** The record before a write is for the audit log only: it may not use up the time of the write. */
const AUDIT_READ_SHARE = 0.1

export function createCalls(options: CallOptions): Calls {
  const { operations, upstream, log, clock } = options
  const inFlight = new Set<AbortController>()
  let isStopping = false

  /** One call, from the raw arguments to the result. */
  async function call(request: CallRequest, caller: Caller, channel: Channel = {}): Promise<JsonObject> {
    const { tool } = request
    const op = operations.get(tool)
    if (!op) throw rejectUnknown(tool)

    const key = request.idempotencyKey ?? readKeyArgument(op, request.args)
    const startedAt = clock.now()
    const controller = new AbortController()
    const cancel = () => controller.abort(channel.signal?.reason)
    if (channel.signal?.aborted) cancel()
    channel.signal?.addEventListener('abort', cancel, { once: true })
    inFlight.add(controller)
    const report = (result: string, status: string | number): void =>
      reportEnd({ tool, method: op.method, result, status, ms: clock.now() - startedAt })
    try {
      if (isStopping) throw stopping(tool, STOPPING)
      const input = inputOf(op, request.idempotencyKey !== undefined)
      const { [KEY_ARGUMENT]: _, ...args } = validateArguments(input, request.args, request.inputIssues)
      if (upstream.needsKey && caller.apiKey === undefined) throw missingKey(tool)
      const bound = bindCall(options, request, caller, { ...channel, signal: controller.signal })
      const body = op.kind === 'write' ? await write(bound, op, args, key) : await read(bound, op, args)
      report('success', 200)
      return toWellFormed(addNote(addNote(body, op.argumentRules?.note?.(args)), upstream.note))
    } catch (error) {
      const failure = toCallError(op, error, key)
      if (failure.code === 'internal') log('error', 'internal-error', { tool, error: String(error) })
      report(failure.code, failure.status ?? failure.code)
      throw failure
    } finally {
      inFlight.delete(controller)
      channel.signal?.removeEventListener('abort', cancel)
    }
  }

  function rejectUnknown(tool: string): CallError {
    const hiddenBecause = options.hiddenTools?.get(tool)
    const error = unknownTool(tool, Array.from(operations.keys()), hiddenBecause)
    // Names of callers stay out of logs and metrics, where each would be a series of its own.
    const name = hiddenBecause === undefined ? UNKNOWN_TOOL : tool
    reportEnd({ tool: name, method: undefined, result: error.code, status: error.code, ms: 0 })
    return error
  }

  function reportEnd({ tool, method, result, status, ms }: EndedCall): void {
    log('info', 'call', { tool, method, status, ms: Math.round(ms) })
    options.onFinished?.({ tool, result, seconds: ms / 1000 })
  }

  async function read(bound: BoundCall, op: ReadOperation, args: JsonObject): Promise<JsonObject> {
    const { search, grantsAccess } = op
    if (search?.arguments.some((name) => name in args)) {
      const readPage = (page: JsonObject) => bound.read({ op, args: page })
      const { onProgress } = bound
      return searchPages({ op, search, args, clock, deadline: bound.deadline(), read: readPage, onProgress })
    }
    const body = await bound.read({ op, args })
    if (search) return noteOnEmptyList(search, args, body)
    if (grantsAccess) await options.audit?.recordEvent({ op, args, caller: bound.caller }, 'applied')
    return body
  }

  async function write(
    bound: BoundCall,
    op: WriteOperation,
    args: JsonObject,
    key: IdempotencyKey | undefined,
  ): Promise<JsonObject> {
    const { caller, forms, signal, onProgress, waitForPerson } = bound
    await checkPrecondition(op, args, bound.read)
    const confirmed =
      op.irreversible &&
      (await options.confirm?.({ op, args, caller, forms, signal, onProgress, waitForPerson, read: bound.read }))
    const idempotencyKey = confirmed?.idempotencyKey ??
      key ?? { value: randomUUID(), mayHaveBeenUsed: false, givenIn: 'argument' as const }
    const readBefore = (read: Read) => bound.read(read, options.timeoutMs * AUDIT_READ_SHARE)
    const entry = await options.audit?.begin({
      op,
      args,
      caller,
      idempotencyKey,
      read: readBefore,
      confirmation: confirmed?.confirmation,
    })
    const result = await executeWrite({
      op,
      args,
      idempotencyKey,
      timeoutMs: options.timeoutMs,
      deadline: bound.deadline(),
      clock,
      signal,
      send: (upstreamRequest, attemptMs) => bound.send(upstreamRequest, attemptMs, idempotencyKey),
      read: bound.read,
      onProgress,
      onRetry: (waitMs, attemptNumber) => bound.onRetry(op, waitMs, attemptNumber),
    }).catch((cause: unknown) => ({ ok: false, error: internalError(op, cause), attempts: [] }) as const)
    const isRecorded = await entry?.end(result)
    if (result.ok) return addNote(result.body, isRecorded === false ? NOT_LOGGED : undefined)
    if (result.error.outcome === 'unknown')
      log('warn', 'write-outcome-unknown', {
        tool: op.tool,
        'idempotency-key': caller.redact(idempotencyKey.value),
      })
    throw result.error
  }

  return {
    call,
    interrupt() {
      isStopping = true
      for (const controller of inFlight) controller.abort(STOPPING)
    },
  }
}

/** What logs and metrics hold of a call. */
interface EndedCall extends Pick<FinishedCall, 'tool' | 'result'> {
  /** Absent where there is no such tool. */
  readonly method: Operation['method'] | undefined
  /** The last one of Metronome, or the error's code. */
  readonly status: string | number
  readonly ms: number
}

/** One call with its caller, its cancellation and its deadline. */
interface BoundCall extends Pick<Channel, 'forms'> {
  readonly caller: Caller
  readonly signal: AbortSignal
  readonly onProgress: (message: string) => void
  /** When everything must have ended, on the clock. */
  deadline(): number
  /** Performs a read, with retries, before the deadline, and within `maxMs` where given. */
  read(read: Read, maxMs?: number): Promise<JsonObject>
  send(request: UpstreamRequest, attemptMs: number, idempotencyKey?: IdempotencyKey): Promise<AttemptResult>
  onRetry(op: Operation, waitMs: number, attemptNumber: number): void
  /** Waits for a person; the deadline moves by the time that takes. */
  waitForPerson<Response>(response: Promise<Response>): Promise<Response>
}

function bindCall(
  { send, clock, timeoutMs, onRetry }: CallOptions,
  request: CallRequest,
  caller: Caller,
  { signal, forms, onProgress = () => {} }: Channel & { readonly signal: AbortSignal },
): BoundCall {
  const { apiKey, redact } = caller
  const traceparent = readTraceparent(request.traceparent)
  let deadline = clock.now() + timeoutMs

  const bound: BoundCall = {
    caller,
    signal,
    forms,
    onProgress,
    deadline: () => deadline,
    send: (upstreamRequest, attemptMs, idempotencyKey) =>
      send(upstreamRequest, { apiKey, redact, traceparent, signal, attemptMs, idempotencyKey: idempotencyKey?.value }),
    async read({ op, args }, maxMs = Number.POSITIVE_INFINITY) {
      const upstreamRequest = buildRequest(op, args)
      const endsAt = Math.min(deadline, clock.now() + maxMs)
      const attempts = await sendWithRetries({
        send: async (attemptMs) => ({ result: await bound.send(upstreamRequest, attemptMs) }),
        mayRetry: mayRetryRead,
        attemptMs: endsAt - clock.now(),
        timeoutMs,
        deadline: endsAt,
        clock,
        signal,
        onRetry: (waitMs, attemptNumber) => bound.onRetry(op, waitMs, attemptNumber),
      })
      const { result } = lastOf(attempts)
      const read = readResult(op, result)
      if (read.ok) return read.body
      throw callFailed(op, result, { problem: read.problem, details: [adviseOn(op, result)] })
    },
    onRetry({ tool }, waitMs, attemptNumber) {
      onRetry?.()
      onProgress(`${tool}: waiting ${(waitMs / 1000).toFixed(1)} s before attempt ${attemptNumber}`)
    },
    async waitForPerson(response) {
      const askedAt = clock.now()
      try {
        return await response
      } finally {
        deadline += clock.now() - askedAt
      }
    },
  }
  return bound
}

/** Read before validation: a call that is rejected under a key of an earlier one says nothing about that one. */
function readKeyArgument(op: Operation, args: unknown): IdempotencyKey | undefined {
  const value = op.kind === 'write' && op.keyedInput ? asObject(args)[KEY_ARGUMENT] : undefined
  // Validation reads a number as text, too.
  const isKey = typeof value === 'string' || Number.isSafeInteger(value)
  return isKey ? { value: String(value), mayHaveBeenUsed: true, givenIn: 'argument' } : undefined
}

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

/** Anything that is not a valid `traceparent` counts as absent, as W3C Trace Context asks. */
function readTraceparent(value: unknown): string | undefined {
  return typeof value === 'string' && TRACEPARENT.test(value) ? value : undefined
}

/** A write that was rejected before it was sent says so. */
function toCallError(op: Operation, error: unknown, key: IdempotencyKey | undefined): CallError {
  if (!(error instanceof CallError)) return internalError(op, error)
  return op.kind === 'read' || error.outcome || error.code === 'input_required' ? error : nothingSent(error, key)
}

function addNote(body: JsonObject, note: string | undefined): JsonObject {
  if (note === undefined) return body
  const { _note, ...rest } = body
  return { ...rest, _note: _note === undefined ? note : `${_note} ${note}` }
}
