import type { Config } from './config/config.ts'
import type { Flags } from './flags.ts'
import { isLoopback } from './loopback.ts'
import type { Upstream } from './upstream/attempt.ts'

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
  if (proxy && !isLoopback(new URL(baseUrl).hostname)) {
    const { createProxyFetch } = await import('./upstream/proxy.ts')
    return { fetch: createProxyFetch(proxy), baseUrl, needsKey: true }
  }
  return { fetch: (input, init) => globalThis.fetch(input, init), baseUrl, needsKey: true }
}
