import { NotSentError } from '../../src/metronome/fetch.ts'
import type { Upstream } from '../../src/metronome/send.ts'
import { FAULT_NAMES, type FaultName } from '../../src/sandbox/fault-spec.ts'
import { type Attempt, BEHAVIORS } from '../../src/sandbox/faults.ts'
import { buildResponse, readRequest, type SandboxRequest } from '../../src/sandbox/http-messages.ts'
import { findRoute, respond } from '../../src/sandbox/router.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'

/** What a network does besides the faults of the sandbox. `applied` means that Metronome processed the request before. */
const NETWORK_FAULTS = {
  none: ({ apply }) => buildResponse(apply()),
  'not-sent'() {
    throw new NotSentError('nothing was written', { cause: connectionError('ECONNREFUSED') })
  },
  'unavailable-applied'({ apply }) {
    apply()
    return gatewayError(503)
  },
  'request-timeout': () => gatewayError(408),
  /** A 500 of something in between, not Metronome's own. */
  'error-page-applied'({ apply }) {
    apply()
    return new Response('<html>Internal Server Error</html>', { status: 500 })
  },
  'redirect-applied'({ apply }) {
    apply()
    return new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } })
  },
  'html-applied'({ apply }) {
    apply()
    return new Response('<html>ok</html>', { status: 200 })
  },
  // Only the body is lost: an error stays one.
  'empty-applied': ({ apply }) => new Response('', { status: apply().status }),
} as const satisfies Readonly<Record<string, (attempt: Attempt) => Response>>

type NetworkFault = keyof typeof NETWORK_FAULTS
const TIMED_FAULTS = ['hang', 'hang-applied', 'slow-response', 'random'] as const
type InstantFault = Exclude<FaultName, (typeof TIMED_FAULTS)[number]>
/** `delayed`: the request is on its way, and Metronome has not seen it, when the client gives up. */
export type Fault = InstantFault | NetworkFault | 'delayed'

/** What can happen to one attempt of a write without waiting. */
export const FAULTS: readonly Fault[] = [
  ...(Object.keys(NETWORK_FAULTS) as NetworkFault[]), // Object.keys returns strings
  'delayed',
  ...FAULT_NAMES.filter((name): name is InstantFault => !TIMED_FAULTS.some((timed) => timed === name)),
]

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

  /** Loses the connection; what Metronome still works on commits after some further requests. */
  function commitLater(commit: () => void): never {
    commits.push({ after: commitsAfter, commit })
    throw new TypeError('fetch failed', { cause: connectionError('UND_ERR_SOCKET') })
  }

  async function write(fault: Fault, attempt: Attempt): Promise<Response> {
    if (fault === 'delayed') commitLater(attempt.apply)
    if (fault === 'pending') {
      void BEHAVIORS.pending(attempt)
      commitLater(() => store.pending.get(attempt.request.idempotencyKey ?? '')?.())
    }
    return isNetworkFault(fault) ? NETWORK_FAULTS[fault](attempt) : buildResponse(await BEHAVIORS[fault](attempt))
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
        const apply = () => respond(store, request)
        return write(faults.shift() ?? 'none', { store, request, signal: undefined, apply })
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

function isNetworkFault(fault: Fault): fault is NetworkFault {
  return Object.hasOwn(NETWORK_FAULTS, fault)
}

function connectionError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** How often the write with this Idempotency-Key was applied. */
export function countEffects({ effects }: Store, idempotencyKey: string | undefined): number {
  return effects.filter((effect) => effect.idempotencyKey === idempotencyKey).length
}
