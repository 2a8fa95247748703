import { type CallOptions, type Calls, createCalls } from './calls/call.ts'
import type { AuditLog } from './calls/guards/audit.ts'
import { isLoopback } from './http/urls.ts'
import type { Log } from './log.ts'
import { createNetworkFetch, createUnreachableFetch, limitConcurrency } from './metronome/fetch.ts'
import { findUnusableProxy, type ProxySettings } from './metronome/proxy.ts'
import { systemClock } from './metronome/retry.ts'
import { createSend, type Upstream } from './metronome/send.ts'
import { operations } from './operations/index.ts'
import type { Operation } from './operations/operation.ts'
import type { FaultPlan } from './sandbox/fault-spec.ts'

/** Requests to Metronome in flight at once, and requests that may wait for a slot. */
const CONCURRENCY = { inFlight: 50, waiting: 1_000 }

/** Where Metronome is, and how it is reached. */
export interface UpstreamConfig {
  readonly baseUrl: string
  readonly proxy: ProxySettings | undefined
  readonly sandbox: { readonly faults: FaultPlan; readonly seed: number } | undefined
}

export interface RuntimeConfig extends UpstreamConfig {
  readonly apiKey: string | undefined
  /** Limit of one call in milliseconds. */
  readonly timeoutMs: number
  /** Why each of these tools is not available. */
  readonly hiddenTools?: ReadonlyMap<string, string> | undefined
  /** Whether a person confirms what is archived. */
  readonly confirmArchives?: boolean | undefined
  /** Label of the Metronome environment. */
  readonly environment?: string | undefined
}

export interface Observers extends Pick<CallOptions, 'onFinished' | 'onRetry'> {
  readonly log: Log
  readonly audit?: AuditLog | undefined
}

/** Everything that a call needs, shared by all interfaces of the process. */
export interface Runtime extends Calls {
  /** The operations that are offered, and the others. */
  readonly offered: readonly Operation[]
  readonly hidden: readonly Operation[]
  /** Whether calls need a Metronome API key. */
  readonly needsKey: boolean
  readonly inFlight: () => number
  readonly waiting: () => number
  /** Whether so many requests wait for a slot that no more are accepted. */
  readonly isSaturated: () => boolean
}

/** Wires the upstream, the concurrency limit and the calls together. */
export async function createRuntime(config: RuntimeConfig, observers: Observers): Promise<Runtime> {
  const { hiddenTools, timeoutMs } = config
  const upstream = await openUpstream(config)
  const { fetch, inFlight, waiting, isSaturated } = limitConcurrency(upstream.fetch, CONCURRENCY)
  const isHidden = ({ tool }: Operation): boolean => hiddenTools?.has(tool) === true
  const offered = operations.filter((op) => !isHidden(op))
  const { call, interrupt } = createCalls({
    operations: new Map(offered.map((op) => [op.tool, op])),
    hiddenTools,
    upstream,
    send: createSend({ baseUrl: upstream.baseUrl, fetch }),
    timeoutMs,
    clock: systemClock,
    confirm: config.confirmArchives ? await loadConfirm(config, observers) : undefined,
    log: observers.log,
    audit: observers.audit,
    onFinished: observers.onFinished,
    onRetry: observers.onRetry,
  })
  const hidden = operations.filter(isHidden)
  return { call, interrupt, offered, hidden, inFlight, waiting, isSaturated, needsKey: upstream.needsKey }
}

async function loadConfirm(
  { environment, sandbox }: RuntimeConfig,
  { audit }: Observers,
): Promise<CallOptions['confirm']> {
  const { createConfirm } = await import('./calls/guards/confirmation.ts')
  const labels = [environment, sandbox && 'sandbox'].filter((label) => label !== undefined)
  return createConfirm({ environment: labels.join(', '), audit })
}

/** The sandbox, Metronome through a proxy, or Metronome itself. */
export async function openUpstream({ baseUrl, proxy, sandbox }: UpstreamConfig): Promise<Upstream> {
  if (sandbox) {
    const { createSandbox } = await import('./sandbox/sandbox.ts')
    return { ...createSandbox(sandbox), needsKey: false }
  }
  const url = new URL(baseUrl)
  const used = isLoopback(url.hostname) ? undefined : proxy
  const unusable = used && findUnusableProxy(url, used)
  const fetch = unusable ? createUnreachableFetch(unusable) : createNetworkFetch(used)
  return { fetch, baseUrl, needsKey: true }
}
