import type { Upstream } from '../upstream/attempt.ts'
import { buildResponse, readRequest } from './exchange.ts'
import { createFaultyServer, NO_FAULTS, parseFaults } from './faults.ts'
import { createStore, type Store } from './store.ts'

export interface SandboxOptions {
  /** What fails, as `--sandbox-faults` takes it. */
  readonly faults?: string | undefined
  /** Decides what the fault `random` draws. */
  readonly seed?: number | undefined
  /** A test's own store, to look at; otherwise each sandbox has a new one. */
  readonly store?: Store
}

/** Its `fetch` is the standard one in full, for whoever serves it on a port. */
export interface Sandbox extends Upstream {
  readonly fetch: typeof globalThis.fetch
}

/** A Metronome in memory. Throws `UsageError` when `faults` cannot be read. */
export function createSandbox({ faults, seed = 1, store = createStore() }: SandboxOptions = {}): Sandbox {
  const answer = createFaultyServer(store, faults === undefined ? NO_FAULTS : parseFaults(faults), seed)
  return {
    fetch: async (input, init) => {
      // Not the signal of the Request, which is lost with it when garbage is collected.
      const signal = init?.signal ?? undefined
      const request = await readRequest(new Request(input, init))
      signal?.throwIfAborted()
      return buildResponse(await answer(request, signal))
    },
    baseUrl: 'https://sandbox.invalid',
    needsKey: false,
    note: 'Sandbox: nothing here reaches Metronome.',
  }
}
