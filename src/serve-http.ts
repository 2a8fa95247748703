import type { EventEmitter } from 'node:events'
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

export interface HttpOptions {
  readonly settings: HttpSettings
  readonly upstream: Upstream
  readonly timeoutMs: number
  readonly hasKey: boolean
  readonly callers: Callers
  readonly title: string
  readonly log: Log
  /** Emits SIGTERM and SIGINT. */
  readonly signals: EventEmitter
  readonly exit: (code: number) => void
}

/** Serves MCP over HTTP until a signal comes; then lets calls end, and ends with code 0. */
export async function serveHttp(options: HttpOptions): Promise<void> {
  const { settings, callers, title, log, signals, exit } = options
  const { client, service } = createShared(options)
  const end = async (signal: string): Promise<void> => {
    log('info', 'draining', { signal, 'drain-ms': settings.drainMs })
    await service.drain(settings.drainMs, SHUTDOWN)
    exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT']) signals.once(signal, () => void end(signal))

  const { url } = await service.open({
    host: settings.host,
    port: settings.port,
    findRoute: findIn({ '/mcp': createMcpRoute({ host: createToolHost(client, log), title, callers }) }),
    buildRefusal: buildMcpRefusal,
  })
  log('info', 'listening', { url: `${url}/mcp` })
}

/** What every port uses. */
function createShared({ settings, upstream, timeoutMs, hasKey, log }: HttpOptions): {
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
  const limited = limitCalls(inner, LIMITS)
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
