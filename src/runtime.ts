import { type Caller, type CallOptions, type Calls, createCalls } from './calls/call.ts'
import type { AuditLog } from './calls/guards/audit.ts'
import { isLoopback } from './http/urls.ts'
import type { Log } from './log.ts'
import {
  createNetworkFetch,
  createUnreachableFetch,
  findUnusableProxy,
  limitConcurrency,
  type ProxySettings,
} from './metronome/fetch.ts'
import { buildRequest } from './metronome/request.ts'
import type { AttemptResult } from './metronome/response.ts'
import { sleep } from './metronome/retry.ts'
import { createSend, type Upstream } from './metronome/send.ts'
import { listCustomers } from './operations/customers.ts'
import { operations } from './operations/index.ts'
import type { FaultPlan } from './sandbox/fault-spec.ts'
import { createRedactor } from './sanitize.ts'

/** Requests to Metronome in flight at once, and requests that may wait for a slot. */
const CONCURRENCY = { inFlight: 50, waiting: 1_000 }

export interface RuntimeConfig {
  readonly apiKey: string | undefined
  readonly baseUrl: string
  /** Budget of one call in milliseconds. */
  readonly timeoutMs: number
  readonly proxy: ProxySettings | undefined
  readonly sandbox: { readonly faults: FaultPlan; readonly seed: number } | undefined
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
  /** Whether calls need a Metronome API key. */
  readonly needsKey: boolean
  readonly inFlight: () => number
  readonly waiting: () => number
  /** Whether so many requests wait for a slot that no more are accepted. */
  readonly isSaturated: () => boolean
}

/** Wires the upstream, the concurrency limit and the calls together. */
export async function createRuntime(config: RuntimeConfig, observers: Observers): Promise<Runtime> {
  const upstream = await openUpstream(config)
  const limited = limitConcurrency(upstream.fetch, CONCURRENCY)
  const calls = createCalls({
    operations: new Map(operations.filter(({ tool }) => !config.hiddenTools?.has(tool)).map((op) => [op.tool, op])),
    hiddenTools: config.hiddenTools,
    upstream,
    send: createSend({ ...upstream, fetch: limited.fetch }),
    timeoutMs: config.timeoutMs,
    sleep,
    confirm: config.confirmArchives ? await loadConfirm(config, observers) : undefined,
    ...observers,
  })
  return { ...calls, ...limited, needsKey: upstream.needsKey }
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
async function openUpstream({ baseUrl, proxy, sandbox }: RuntimeConfig): Promise<Upstream> {
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

const PROBE_TIMEOUT_MS = 10_000

/** One cheap read without retries, to learn whether Metronome can be reached with this configuration. */
export async function probeUpstream(config: RuntimeConfig): Promise<AttemptResult> {
  const { apiKey, timeoutMs } = config
  const send = createSend(await openUpstream(config))
  return send(buildRequest(listCustomers, { limit: 1 }), {
    apiKey,
    timeoutMs: Math.min(timeoutMs, PROBE_TIMEOUT_MS),
    redact: createRedactor([apiKey]),
  })
}

/** Finds key and redaction for a request over HTTP by its bearer token. */
export type Authenticate = (bearer: string | undefined) => Pick<Caller, 'apiKey' | 'redact'>

/** Every call uses the process's own key; with `passthrough` the client's bearer token is its key, and the own one is never used. */
export function createAuthenticate(
  apiKey: string | undefined,
  tokens: readonly string[],
  passthrough: boolean,
): Authenticate {
  const redact = createRedactor([apiKey, ...tokens])
  if (!passthrough) return () => ({ apiKey, redact })
  return (bearer) => {
    const redactBearer = createRedactor([bearer])
    return { apiKey: bearer, redact: (text) => redact(redactBearer(text)) }
  }
}
