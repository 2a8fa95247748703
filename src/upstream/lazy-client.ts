import type { Client } from './client.ts'

/** A client whose code is loaded with the first call: a start has no use for it. */
export function createLazyClient(load: () => Promise<Client>): Client {
  let loading: Promise<Client> | undefined
  return {
    async call(op, args, context) {
      loading ??= load()
      return (await loading).call(op, args, context)
    },
  }
}
