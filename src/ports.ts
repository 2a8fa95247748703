import type { Callers } from './callers.ts'
import type { HttpSettings } from './config/http-settings.ts'
import { canBeKey } from './config/key.ts'
import { createMetrics } from './http/metrics.ts'
import { findIn } from './http/route.ts'
import { createService, type Service } from './http/service.ts'
import type { Log } from './log.ts'
import { buildMcpRefusal, createMcpRoute } from './mcp/http.ts'
import { createToolHost } from './mcp/tools.ts'
import type { Upstream } from './upstream/attempt.ts'
import { type Client, createClient } from './upstream/client.ts'
import { SHUTDOWN } from './upstream/errors.ts'
import { limitCalls } from './upstream/limited.ts'
import { measureCalls } from './upstream/measured.ts'
import { sleep } from './upstream/waiting.ts'

/** Calls to Metronome at once, and calls that may wait for their turn. */
const LIMITS = { inFlight: 50, waiting: 1_000 }
/** Of its budget a call may spend so much waiting for its turn. */
const WAIT_SHARE = 0.5

export interface PortsOptions {
  readonly settings: HttpSettings
  readonly upstream: Upstream
  readonly timeoutMs: number
  readonly hasKey: boolean
  readonly callers: Callers
  readonly title: string
  readonly log: Log
}

/** The ports of the process, and the client that all its faces share. */
export interface Ports {
  readonly client: Client
  /** Starts to listen. Rejects, with nothing left open, when that cannot be done. */
  open(): Promise<void>
  /** Stops accepting, and lets calls end for so long. */
  drain(drainMs: number): Promise<void>
}

export function createPorts(options: PortsOptions): Ports {
  const { settings, callers, title, log } = options
  const { client, service } = createShared(options)
  const { host } = settings

  async function openMcp(port: number): Promise<void> {
    const mcp = createMcpRoute({ host: createToolHost(client, log), title, callers })
    const findRoute = findIn({ '/mcp': mcp })
    const signpost = 'MCP is served at /mcp.'
    const { url } = await service.open({ host, port, findRoute, buildRefusal: buildMcpRefusal, signpost })
    log('info', 'listening', { url: `${url}/mcp` })
  }

  async function openRest(port: number): Promise<void> {
    const { buildRestRefusal, createRestRoutes } = await import('./rest/rest.ts')
    const needsBearer = settings.token !== undefined || settings.passthrough
    const findRoute = createRestRoutes({ client, callers, log, needsBearer })
    const signpost = 'Paths are in lower case; /openapi.json lists them.'
    const { url } = await service.open({ host, port, findRoute, buildRefusal: buildRestRefusal, signpost })
    log('info', 'listening', { url: `${url}/openapi.json` })
  }

  return {
    client,
    async open() {
      if (settings.port !== undefined) await openMcp(settings.port)
      if (settings.restPort !== undefined) await openRest(settings.restPort)
    },
    drain: (drainMs) => service.drain(drainMs, SHUTDOWN),
  }
}

/** What every port uses. */
function createShared({ settings, upstream, timeoutMs, hasKey, log }: PortsOptions): {
  client: Client
  service: Service
} {
  const inner = createClient({
    upstream,
    timeoutMs,
    log,
    // Every repeat waits once.
    sleep: (milliseconds, signal) => {
      metrics.countRepeat()
      return sleep(milliseconds, signal)
    },
  })
  const limited = limitCalls(inner, { ...LIMITS, waitMs: timeoutMs * WAIT_SHARE })
  const metrics = createMetrics({ callsInFlight: limited.inFlight, callsWaiting: limited.waiting })
  const service = createService({
    ...settings,
    isCredential: settings.passthrough ? canBeKey : undefined,
    isFull: limited.isFull,
    whyNotReady: () =>
      hasKey || settings.passthrough || !upstream.needsKey ? undefined : 'METRONOME_API_KEY is not set',
    metricsRoute: metrics.route,
    onRefusal(check, status) {
      metrics.countRefusal(check, status)
      log('info', 'refused', { check, status })
    },
    onError: (error) => log('error', 'internal-error', { error: String(error) }),
  })
  return { client: measureCalls(limited, metrics.observeCall), service }
}
