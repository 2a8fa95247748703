import { createHash } from 'node:crypto'
import { FAULT_NAMES, type FaultName, type FaultPlan } from './fault-spec.ts'
import {
  ApiError,
  buildErrorResponse,
  fingerprint,
  type SandboxRequest,
  type SandboxResponse,
} from './http-messages.ts'
import { findRoute, respond } from './router.ts'
import type { Store } from './store.ts'

/** A request that a fault hits. */
export interface Attempt {
  readonly store: Store
  readonly request: SandboxRequest
  readonly signal: AbortSignal | undefined
  /** Processes the request as without the fault. */
  readonly apply: () => SandboxResponse
}

type Behavior = (attempt: Attempt) => SandboxResponse | Promise<SandboxResponse>
type InjectedFault = Exclude<FaultName, 'random'>

// Longer than a client with default settings waits for the first attempt of a write.
const PENDING_MS = 20_000
const SLOW_RESPONSE_MS = 1_000
const RETRY_AFTER_SECONDS = 1

const INTERNAL_ERROR = buildErrorResponse(new ApiError(500, 'Unexpected internal error'))

/** docs/sandbox.md describes what each fault means for a caller. */
export const BEHAVIORS: Readonly<Record<InjectedFault, Behavior>> = {
  'lost-response': loseResponse,
  reset: resetConnection,
  pending: leavePending,
  unavailable: () => buildErrorResponse(new ApiError(503, 'Service unavailable')),
  'gateway-timeout': timeOutAtGateway,
  'error-500': failBeforeApply,
  'error-500-applied': failAfterApply,
  hang: ({ signal }) => hang(signal),
  'hang-applied': hangAfterApply,
  'rate-limit': limitRate,
  'approval-required': requireApproval,
  'slow-response': ({ signal, apply }) => applyAfter(SLOW_RESPONSE_MS, signal, apply),
}

const RANDOM_FAULTS = FAULT_NAMES.filter((name) => name !== 'random')

/** Responds to requests, with the planned faults in front. `seed` determines what `random` draws. */
export function createFaultyServer(store: Store, plan: FaultPlan, seed: number) {
  const attempts = new Map<string, number>()
  const draw = createDraw(seed)

  /** The fault for the next attempt of the call that this request belongs to. */
  function nextFault(request: SandboxRequest): InjectedFault | undefined {
    const faults = findRoute(request)?.handler.op.kind === 'write' ? plan.writes : plan.reads
    const call = request.idempotencyKey ?? fingerprint(request)
    const previous = attempts.get(call) ?? 0
    const planned = faults[previous]
    const fault = planned === 'random' ? draw() : planned
    // Equal reads carry no key to separate calls, so a response without a fault ends the call.
    if (fault || request.idempotencyKey !== undefined) attempts.set(call, previous + 1)
    else attempts.delete(call)
    return fault
  }

  return async (request: SandboxRequest, signal: AbortSignal | undefined): Promise<SandboxResponse> => {
    const fault = nextFault(request)
    if (fault !== 'pending' && request.idempotencyKey !== undefined) store.pending.get(request.idempotencyKey)?.()
    const apply = () => respond(store, request)
    return fault ? BEHAVIORS[fault]({ store, request, signal, apply }) : apply()
  }
}

/** The same seed draws the same faults in the same order. */
function createDraw(seed: number): () => InjectedFault | undefined {
  let drawn = 0
  return () => {
    const hash = createHash('sha256').update(`${seed} ${drawn++}`).digest()
    return RANDOM_FAULTS[hash.readUInt32BE() % (2 * RANDOM_FAULTS.length)]
  }
}

function loseResponse({ apply }: Attempt): never {
  apply()
  return resetConnection()
}

/** Throws what undici throws when the server cuts the connection. */
function resetConnection(): never {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })
  throw new TypeError('fetch failed', { cause })
}

/** Leaves a write in flight for {@link PENDING_MS}; retries under its key get 409 meanwhile. */
function leavePending({ store, request, signal, apply }: Attempt): SandboxResponse | Promise<SandboxResponse> {
  const key = request.idempotencyKey
  if (key === undefined) return applyAfter(PENDING_MS, signal, apply)
  if (isKeyInUse({ store, request })) return apply()
  const committed = new Promise<SandboxResponse>((resolve) => {
    const commit = () => {
      clearTimeout(timer)
      store.pending.delete(key)
      resolve(apply())
    }
    // Commits even after the client has disconnected, but keeps no process alive.
    const timer = setTimeout(commit, PENDING_MS).unref()
    store.pending.set(key, commit)
  })
  return untilAborted(committed, signal)
}

function timeOutAtGateway({ apply }: Attempt): SandboxResponse {
  apply()
  return buildErrorResponse(new ApiError(504, 'Gateway timeout'))
}

function failBeforeApply(attempt: Attempt): SandboxResponse {
  return isKeyInUse(attempt) ? attempt.apply() : storeFailure(attempt)
}

function failAfterApply(attempt: Attempt): SandboxResponse {
  if (isKeyInUse(attempt)) return attempt.apply()
  const response = attempt.apply()
  return response.status >= 400 ? response : storeFailure(attempt)
}

/** Whether the key has its first response or a request in flight, which no later failure replaces. */
function isKeyInUse({ store, request: { idempotencyKey: key } }: Pick<Attempt, 'store' | 'request'>): boolean {
  return key !== undefined && (store.responses.has(key) || store.pending.has(key))
}

function storeFailure({ store, request }: Attempt): SandboxResponse {
  if (request.idempotencyKey !== undefined)
    store.responses.set(request.idempotencyKey, { fingerprint: fingerprint(request), response: INTERNAL_ERROR })
  return INTERNAL_ERROR
}

function hangAfterApply({ apply, signal }: Attempt): Promise<never> {
  apply()
  return hang(signal)
}

function hang(signal: AbortSignal | undefined): Promise<never> {
  return untilAborted(new Promise(() => {}), signal)
}

function limitRate(): SandboxResponse {
  const headers = { 'retry-after': String(RETRY_AFTER_SECONDS) }
  return { ...buildErrorResponse(new ApiError(429, 'Too many requests')), headers }
}

/** Agent tokens may need an approval for writes; the real body is not documented. */
function requireApproval(): SandboxResponse {
  return buildErrorResponse(
    new ApiError(403, 'This write must be submitted for approval', { code: 'AgenticMutationBlocked' }),
  )
}

async function applyAfter(
  milliseconds: number,
  signal: AbortSignal | undefined,
  apply: () => SandboxResponse,
): Promise<SandboxResponse> {
  const elapsed = new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref()
  })
  await untilAborted(elapsed, signal)
  return apply()
}

function untilAborted<Result>(result: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([result, aborted])
}
