import { createHash } from 'node:crypto'
import { FAULT_NAMES, type FaultName, type FaultPlan, type SingleFault } from './fault-spec.ts'
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
  'rate-limit': () => limitRate('client'),
  'rate-limit-customer': () => limitRate('customer'),
  'approval-required': requireApproval,
  'slow-response': respondSlowly,
}

const RANDOM_FAULTS = FAULT_NAMES.filter((name) => name !== 'random')

/** Responds to requests, with the planned faults in front. `seed` determines rates and what `random` draws. */
export function createFaultyServer(store: Store, plan: FaultPlan, seed: number) {
  const attemptsOfCall = new Map<string, number>()
  const attempts = { writes: 0, reads: 0, all: 0 }
  const draw = createDraw(seed)

  /** The fault for the next attempt of the call that this request belongs to. */
  function nextFault(request: SandboxRequest): InjectedFault | undefined {
    const kind = findRoute(request)?.handler.op.kind === 'write' ? 'writes' : 'reads'
    attempts[kind] += 1
    attempts.all += 1
    const call = request.idempotencyKey ?? fingerprint(request)
    const previous = attemptsOfCall.get(call) ?? 0
    const isHit = ({ target, hits }: SingleFault): boolean =>
      (target === kind || target === 'all') &&
      (hits.kind === 'number' ? attempts[target] === hits.number : draw() < hits.rate)
    const planned = plan.single.find(isHit)?.fault ?? plan[kind][previous]
    // Half of the cases have none.
    const fault = planned === 'random' ? RANDOM_FAULTS[Math.floor(2 * RANDOM_FAULTS.length * draw())] : planned
    // Equal reads carry no key to separate calls, so a response without a fault ends the call.
    if (fault || request.idempotencyKey !== undefined) attemptsOfCall.set(call, previous + 1)
    else attemptsOfCall.delete(call)
    return fault
  }

  return async (request: SandboxRequest, signal: AbortSignal | undefined): Promise<SandboxResponse> => {
    const fault = nextFault(request)
    if (fault !== 'pending' && request.idempotencyKey !== undefined) store.pending.get(request.idempotencyKey)?.()
    const apply = () => respond(store, request)
    return fault ? BEHAVIORS[fault]({ store, request, signal, apply }) : apply()
  }
}

/** Draws numbers from 0 to 1; the same seed draws the same ones in the same order. */
function createDraw(seed: number): () => number {
  let drawn = 0
  return () => {
    const hash = createHash('sha256').update(`${seed} ${drawn++}`).digest()
    return hash.readUInt32BE() / 2 ** 32
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
  if (key === undefined) return wait(PENDING_MS, signal).then(apply)
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
function isKeyInUse({ store, request }: Pick<Attempt, 'store' | 'request'>): boolean {
  const key = request.idempotencyKey
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

/** Metronome limits the whole account on an endpoint, or one customer. */
function limitRate(type: 'client' | 'customer'): SandboxResponse {
  const headers = { 'retry-after': String(RETRY_AFTER_SECONDS), 'x-metronome-rate-limit-type': type }
  return { ...buildErrorResponse(new ApiError(429, 'Too many requests')), headers }
}

/** Agent tokens may need an approval for writes; the real body is not documented. */
function requireApproval(): SandboxResponse {
  return buildErrorResponse(
    new ApiError(403, 'This write must be submitted for approval', { code: 'AgenticMutationBlocked' }),
  )
}

/** A retry under the key of a write gets 409 meanwhile. */
async function respondSlowly({ store, request, signal, apply }: Attempt): Promise<SandboxResponse> {
  if (isKeyInUse({ store, request })) return apply()
  const key = request.idempotencyKey
  if (key !== undefined) store.pending.set(key, () => {})
  try {
    await wait(SLOW_RESPONSE_MS, signal)
  } finally {
    if (key !== undefined) store.pending.delete(key)
  }
  return apply()
}

function wait(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  const elapsed = new Promise<void>((resolve) => {
    setTimeout(resolve, milliseconds).unref()
  })
  return untilAborted(elapsed, signal)
}

function untilAborted<Result>(result: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([result, aborted])
}
