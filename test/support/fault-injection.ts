import { NotSentError } from '../../src/metronome/fetch.ts'
import type { Upstream } from '../../src/metronome/send.ts'
import {
  buildResponse,
  fingerprint,
  readRequest,
  type SandboxRequest,
  type SandboxResponse,
} from '../../src/sandbox/http-messages.ts'
import { findRoute, respond } from '../../src/sandbox/router.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'

/** What happens to one attempt of a write. `Applied` means that Metronome processed it before the fault. */
export const FAULTS = [
  'none',
  'notSent',
  'reset',
  'resetApplied',
  /** Metronome still works on it, and its key is in use, when the client gives up. */
  'pending',
  /** It is on its way, and Metronome has not seen it, when the client gives up. */
  'delayed',
  'unavailable',
  'unavailableApplied',
  'gatewayTimeoutApplied',
  'requestTimeout',
  'rateLimit',
  /** Metronome's own 500, which it stores under the key. */
  'serverError',
  'serverErrorApplied',
  /** A 500 of something in between. */
  'errorPageApplied',
  'redirectApplied',
  'htmlApplied',
  'emptyApplied',
] as const
export type Fault = (typeof FAULTS)[number]

export interface FaultPlanOptions {
  readonly readsFail?: boolean
  /** How many reads show the records as they were when the plan was made. */
  readonly staleReads?: number
  /** After how many further requests a pending or delayed attempt commits. */
  readonly commitsAfter?: number
}

export interface FaultyMetronome {
  readonly store: Store
  readonly upstream: Upstream
  /** Idempotency-Keys of the writes that arrived, in order. */
  readonly keys: (string | undefined)[]
  /** Bodies of the writes that arrived. */
  readonly bodies: string[]
  /** How many requests arrived. */
  count(): number
  /** Faults of the coming attempts of writes, one each; later attempts have none. */
  plan(faults: readonly Fault[], options?: FaultPlanOptions): void
  /** Commits everything that is pending or delayed. */
  commit(): void
}

interface Attempt {
  readonly request: SandboxRequest
  readonly key: string
  /** Processes the request as without the fault. */
  readonly apply: () => SandboxResponse
}

/** The sandbox's Metronome behind a network that fails as planned. */
export function createFaultyMetronome(): FaultyMetronome {
  const store = createStore()
  const keys: (string | undefined)[] = []
  const bodies: string[] = []
  const commits: { after: number; readonly commit: () => void }[] = []
  let faults: Fault[] = []
  let readsFail = false
  let staleReads = 0
  let staleStore = store
  let commitsAfter = 1
  let count = 0

  function commitDue(): void {
    for (const commit of commits) commit.after -= 1
    const due = commits.filter(({ after }) => after <= 0)
    commits.splice(0, commits.length, ...commits.filter(({ after }) => after > 0))
    for (const { commit } of due) commit()
  }

  function commitLater({ key, apply }: Attempt): void {
    const commit = () => {
      store.pending.delete(key)
      apply()
    }
    commits.push({ after: commitsAfter, commit })
  }

  function storeServerError({ request, key }: Attempt): Response {
    const response = { status: 500, body: { message: 'Unexpected internal error' } }
    store.responses.set(key, { fingerprint: fingerprint(request), response })
    return buildResponse(response)
  }

  const isKeyInUse = ({ key }: Attempt): boolean => store.responses.has(key) || store.pending.has(key)

  const behaviors: Readonly<Record<Fault, (attempt: Attempt) => Response>> = {
    none: ({ apply }) => buildResponse(apply()),
    notSent() {
      throw new NotSentError('nothing was written', { cause: connectionError('ECONNREFUSED') })
    },
    reset: () => loseResponse('ECONNRESET'),
    resetApplied({ apply }) {
      apply()
      return loseResponse('ECONNRESET')
    },
    pending(attempt) {
      if (!isKeyInUse(attempt)) {
        store.pending.set(attempt.key, () => {})
        commitLater(attempt)
      }
      return loseResponse('UND_ERR_SOCKET')
    },
    delayed(attempt) {
      commitLater(attempt)
      return loseResponse('UND_ERR_SOCKET')
    },
    unavailable: () => gatewayError(503),
    unavailableApplied({ apply }) {
      apply()
      return gatewayError(503)
    },
    gatewayTimeoutApplied({ apply }) {
      apply()
      return gatewayError(504)
    },
    requestTimeout: () => gatewayError(408),
    rateLimit: () => gatewayError(429),
    serverError: (attempt) => (isKeyInUse(attempt) ? buildResponse(attempt.apply()) : storeServerError(attempt)),
    serverErrorApplied(attempt) {
      const isFirst = !isKeyInUse(attempt)
      const response = attempt.apply()
      return isFirst && response.status < 400 ? storeServerError(attempt) : buildResponse(response)
    },
    errorPageApplied({ apply }) {
      apply()
      return new Response('<html>Internal Server Error</html>', { status: 500 })
    },
    redirectApplied({ apply }) {
      apply()
      return new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } })
    },
    htmlApplied({ apply }) {
      apply()
      return new Response('<html>ok</html>', { status: 200 })
    },
    // Only the body is lost: an error stays one.
    emptyApplied: ({ apply }) => new Response('', { status: apply().status }),
  }

  function read(request: SandboxRequest): Response {
    if (readsFail) return gatewayError(503)
    staleReads -= 1
    return buildResponse(respond(staleReads >= 0 ? staleStore : store, request))
  }

  return {
    store,
    keys,
    bodies,
    count: () => count,
    plan(planned, options = {}) {
      faults = [...planned]
      readsFail = options.readsFail ?? false
      staleReads = options.staleReads ?? 0
      staleStore = staleReads > 0 ? { ...store, ...copyRecords(store) } : store
      commitsAfter = options.commitsAfter ?? 1
    },
    commit() {
      for (const { commit } of commits.splice(0)) commit()
    },
    upstream: {
      baseUrl: 'https://sandbox.invalid',
      needsKey: false,
      async fetch(url, init) {
        count += 1
        commitDue()
        const request = await readRequest(new Request(url, init))
        if (findRoute(request)?.handler.op.kind !== 'write') return read(request)
        keys.push(request.idempotencyKey)
        bodies.push(request.body)
        const key = request.idempotencyKey ?? ''
        return behaviors[faults.shift() ?? 'none']({ request, key, apply: () => respond(store, request) })
      },
    },
  }
}

function copyRecords({ customers, billing, revenue }: Store): Pick<Store, 'customers' | 'billing' | 'revenue'> {
  return structuredClone({ customers, billing, revenue })
}

function gatewayError(status: number): Response {
  return Response.json({ message: 'Try again later' }, { status, headers: { date: new Date().toUTCString() } })
}

function loseResponse(code: string): never {
  throw new TypeError('fetch failed', { cause: connectionError(code) })
}

function connectionError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** How often the write with this Idempotency-Key was applied. */
export function countEffects({ effects }: Store, idempotencyKey: string | undefined): number {
  return effects.filter((effect) => effect.idempotencyKey === idempotencyKey).length
}
