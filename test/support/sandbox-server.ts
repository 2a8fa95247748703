import { createSandboxApp } from '../../src/cli/sandbox-server.ts'
import { createNetworkFetch } from '../../src/metronome/fetch.ts'
import type { Upstream } from '../../src/metronome/send.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import { startApp } from './listeners.ts'
import { parsePlan } from './sandbox.ts'

export interface SandboxServer {
  readonly store: Store
  readonly baseUrl: string
  readonly upstream: Upstream
  /** Idempotency-Keys of the writes that arrived. */
  readonly keys: ReadonlySet<string>
  close(): Promise<void>
}

/** The sandbox behind a socket on loopback, as the command `sandbox` serves it. */
export async function startSandboxServer(faults = ''): Promise<SandboxServer> {
  const store = createStore()
  const sandbox = createSandbox({ store, ...(faults && { faults: parsePlan(faults) }) })
  const keys = new Set<string>()
  const fetch: typeof sandbox.fetch = (url, init) => {
    const key = new Headers(init?.headers).get('idempotency-key')
    if (key !== null) keys.add(key)
    return sandbox.fetch(url, init)
  }
  const app = createSandboxApp({ ...sandbox, fetch }, { faults, seed: 1 })
  const { port, listeners } = await startApp(app, { isAllowedBearer: () => true })
  const baseUrl = `http://127.0.0.1:${port}`
  return {
    store,
    keys,
    baseUrl,
    upstream: { fetch: createNetworkFetch(), baseUrl, needsKey: true },
    close: () => listeners.drain(0),
  }
}
