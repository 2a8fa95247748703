import { lazy } from '../lazy.ts'
import type { Client } from './client.ts'

/** A client whose code is loaded with the first call: a start has no use for it. */
export function createLazyClient(load: () => Promise<Client>): Client {
  const loaded = lazy(load)
  return { call: async (...call) => (await loaded()).call(...call) }
}
