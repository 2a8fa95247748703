import type { Config } from './config/config.ts'
import type { ProxySettings } from './config/proxy-settings.ts'
import type { Flags } from './flags.ts'
import { lazy } from './lazy.ts'
import { isLoopback } from './loopback.ts'
import type { Fetch, Upstream } from './upstream/attempt.ts'

type SandboxFlags = Pick<Flags, 'sandbox'> & Partial<Pick<Flags, 'sandboxFaults' | 'sandboxSeed'>>

/** Where calls go: the sandbox, Metronome by way of a proxy, or Metronome itself. Loads only the code for that. */
export async function openUpstream(
  { baseUrl, proxy }: Pick<Config, 'baseUrl' | 'proxy'>,
  { sandbox, sandboxFaults, sandboxSeed }: SandboxFlags,
): Promise<Upstream> {
  if (sandbox) {
    const { createSandbox } = await import('./sandbox/sandbox.ts')
    return createSandbox({ faults: sandboxFaults, seed: sandboxSeed })
  }
  const isLocal = isLoopback(new URL(baseUrl).hostname)
  return { fetch: createLazyFetch(isLocal ? undefined : proxy), baseUrl, needsKey: true }
}

/** Its code is loaded with the first call: a start has no use for it. */
function createLazyFetch(proxy: ProxySettings | undefined): Fetch {
  const loaded = lazy(async () => {
    const { createNetworkFetch } = await import('./upstream/network.ts')
    return createNetworkFetch(proxy)
  })
  return async (...request) => (await loaded())(...request)
}
