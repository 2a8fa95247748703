import type { FaultPlan } from './fault-spec.ts'
import { createFaultyServer } from './faults.ts'
import { buildResponse, readRequest } from './http-messages.ts'
import { createStore, type Store } from './store.ts'

export interface SandboxOptions {
  /** Faults to inject; none by default. */
  readonly faults?: FaultPlan | undefined
  /** Determines rates and what the fault `random` draws. */
  readonly seed?: number | undefined
  /** A store that the caller inspects; otherwise each sandbox has its own. */
  readonly store?: Store | undefined
}

export interface Sandbox {
  /** A standard `fetch` in full, so that a server can expose the sandbox on a port. */
  readonly fetch: typeof globalThis.fetch
  readonly store: Store
  /** Replaces the faults; attempts are counted from one again. */
  readonly injectFaults: (faults: FaultPlan, seed: number) => void
  /** Scheme and host that requests are sent to. */
  readonly baseUrl: string
  /** Added to every result. */
  readonly note: string
}

const NO_FAULTS: FaultPlan = { writes: [], reads: [], single: [] }

/** Creates an in-memory Metronome. */
export function createSandbox({ faults = NO_FAULTS, seed = 1, store = createStore() }: SandboxOptions = {}): Sandbox {
  let respond = createFaultyServer(store, faults, seed)
  return {
    fetch: async (input, init) => {
      // The caller's own signal: that of the Request is lost when the Request is garbage-collected.
      const signal = init?.signal ?? undefined
      const request = await readRequest(new Request(input, init))
      signal?.throwIfAborted()
      return buildResponse(await respond(request, signal))
    },
    store,
    injectFaults(plan, nextSeed) {
      respond = createFaultyServer(store, plan, nextSeed)
    },
    baseUrl: 'https://sandbox.invalid',
    note: 'Sandbox: nothing here reaches Metronome.',
  }
}
