import type { Upstream } from '../upstream/attempt.ts'
import { buildResponse, readRequest } from './exchange.ts'
import { answer } from './server.ts'
import { createStore, type Store } from './store.ts'

export interface SandboxOptions {
  /** A test's own store, to look at; otherwise each sandbox has a new one. */
  readonly store?: Store
}

/** A Metronome in memory. */
export function createSandbox({ store = createStore() }: SandboxOptions = {}): Upstream {
  return {
    fetch: async (input, init) => {
      init?.signal?.throwIfAborted()
      return buildResponse(answer(store, await readRequest(new Request(input, init))))
    },
    baseUrl: 'https://sandbox.invalid',
    needsKey: false,
    note: 'Sandbox: nothing here reaches Metronome.',
  }
}
