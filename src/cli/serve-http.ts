import type { EventEmitter } from 'node:events'
import type { Caller } from '../calls/call.ts'
import type { AuditLog } from '../calls/guards/audit.ts'
import type { ByteBudget } from '../http/byte-budget.ts'
import { createTokenCheck } from '../http/guard.ts'
import { createListeners, type Listeners } from '../http/listener.ts'
import type { RequestClient } from '../http/routes.ts'
import type { Log } from '../log.ts'
import { createMcpApp } from '../mcp/http.ts'
import type { ServerInfo } from '../mcp/server-info.ts'
import type { RuntimeConfig } from '../runtime.ts'
import { createRedactor, escapeInvisible, type Redact } from '../sanitize.ts'
import type { HttpConfig } from './config/http-config.ts'
import { isKey } from './config/secrets.ts'
import { digestSecret } from './digest-secret.ts'
import { type LazyRuntime, loadOnFirstCall } from './load-runtime.ts'
import type { Metrics } from './metrics.ts'

const MAX_LOGGED_HOST = 100

export interface HttpOptions {
  readonly config: RuntimeConfig
  readonly http: HttpConfig
  readonly info: ServerInfo
  readonly log: Log
  readonly audit?: AuditLog | undefined
  /** Removes the secrets of the process. */
  readonly redact: Redact
}

/** The runtime behind the ports, and how to end them. */
export interface HttpService {
  readonly runtime: LazyRuntime
  /** Stops accepting, and lets calls finish for so long. */
  drain(drainMs: number): Promise<void>
  readonly byteBudget: ByteBudget
}

/** Serves MCP, REST or both on the configured ports. Rejects, with nothing left open, when a port cannot be opened. */
export async function openPorts({ config, http, info, log, audit, redact }: HttpOptions): Promise<HttpService> {
  const metrics = createLazyMetrics(() => runtime.loaded())
  const runtime = loadOnFirstCall(config, {
    log,
    audit,
    onFinished: (call) => metrics.tell(({ onFinished }) => onFinished(call)),
    onRetry: () => metrics.tell(({ onRetry }) => onRetry()),
  })
  const { host, mcpPort, restPort, tokens, passthrough } = http
  const authenticate = createAuthenticator(config.apiKey, redact, passthrough)
  const needsBearer = tokens.length > 0 || passthrough

  const listeners: Listeners = createListeners({
    allowedHosts: http.allowedHosts,
    hostHint: 'Add it with --allowed-hosts.',
    isAllowedBearer: tokens.length > 0 ? createTokenCheck(tokens) : passthrough ? isKey : undefined,
    isSaturated: () => runtime.loaded()?.isSaturated() === true,
    notReadyReason: () =>
      config.sandbox === undefined && config.apiKey === undefined && !passthrough
        ? 'METRONOME_API_KEY is not set'
        : undefined,
    keepAliveMs: http.keepAliveMs,
    metricsRoute: metrics.route,
    onRejected({ check, status, method, route = 'unknown path', peer, host }) {
      metrics.tell(({ onRejected }) => onRejected(check, status))
      // The only header that is logged: it shows what to add to --allowed-hosts.
      const shownHost = host && escapeInvisible(redact(host)).slice(0, MAX_LOGGED_HOST)
      // Clients ask for a stream and end their session without knowing that there are none.
      const level = check === 'method' ? 'debug' : 'info'
      log(level, 'request-rejected', { check, status, method, route, peer, host: shownHost })
    },
    onError: (error) => log('error', 'internal-error', { error: String(error) }),
    interrupt: runtime.interrupt,
  })

  if (mcpPort !== undefined) {
    const app = createMcpApp({ call: runtime.call, info, authenticate: authenticate('http') })
    const { url } = await listeners.open({ host, port: mcpPort, app })
    log('info', 'listening', { url: `${url}/mcp` })
  }
  if (restPort !== undefined) {
    const { createRestApp } = await import('../rest/app.ts')
    // Its routes are those of the operations.
    const { offered, hidden } = await runtime.load()
    const app = createRestApp({
      call: runtime.call,
      operations: offered,
      hiddenOperations: hidden,
      authenticate: authenticate('rest'),
      needsBearer,
    })
    const { url } = await listeners.open({ host, port: restPort, app })
    log('info', 'listening', { url: `${url}/openapi.json` })
  }
  return { runtime, drain: listeners.drain, byteBudget: listeners.byteBudget }
}

/** The metrics, whose code is loaded with the first event or scrape. */
function createLazyMetrics(loadedRuntime: () => { inFlight(): number; waiting(): number } | undefined) {
  let loading: Promise<Metrics> | undefined
  const load = (): Promise<Metrics> => {
    loading ??= import('./metrics.ts').then(({ createMetrics }) =>
      createMetrics({
        inFlight: () => loadedRuntime()?.inFlight() ?? 0,
        waiting: () => loadedRuntime()?.waiting() ?? 0,
      }),
    )
    return loading
  }
  return {
    /** Counts an event; no call fails when that is not possible. */
    tell(event: (metrics: Metrics) => void): void {
      load().then(event, () => {})
    },
    route: {
      path: '/metrics',
      handlers: { GET: async () => (await load()).respond() },
      ignoresAccept: true,
    } as const,
  }
}

/**
 * Finds the caller by its bearer token. Every call uses the process's own key; with `passthrough` the caller's token is its
 * key, and the own one is never used.
 */
export function createAuthenticator(apiKey: string | undefined, redact: Redact, passthrough: boolean) {
  return (transport: 'http' | 'rest') =>
    ({ bearer, peer, userAgent }: RequestClient): Caller => {
      const origin = { transport, peer, user_agent: userAgent, bearer: bearer && digestSecret(bearer) }
      if (!passthrough) return { apiKey, redact, origin }
      const redactBearer = createRedactor([bearer])
      return { apiKey: bearer, redact: (text) => redact(redactBearer(text)), origin }
    }
}

export interface ServeHttpOptions extends HttpOptions {
  /** Emits SIGTERM, SIGINT and SIGHUP. */
  readonly signals: EventEmitter
  readonly exit: (code: number) => void
}

/** Serves HTTP until a signal comes; then lets calls finish, and exits with code 0. */
export async function serveHttp({ signals, exit, ...options }: ServeHttpOptions): Promise<void> {
  const { http, log } = options
  const opening = openPorts(options)
  let isEnding = false
  const end = async (signal: string): Promise<void> => {
    if (isEnding) return
    isEnding = true
    log('info', 'draining', { signal, 'drain-ms': http.drainMs })
    const { drain } = await opening
    await drain(http.drainMs)
    exit(0)
  }
  // Kept until the end: npm passes Ctrl-C on a second time, which would kill the process while it drains.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) signals.on(signal, () => void end(signal))
  await opening
}
