import type { EventEmitter } from 'node:events'
import type { Caller } from '../calls/call.ts'
import { type AuditLog, digestBearer } from '../calls/guards/audit.ts'
import { createTokenCheck } from '../http/guard.ts'
import { createListeners, type Listeners } from '../http/listener.ts'
import type { RequestClient } from '../http/routes.ts'
import type { Log } from '../log.ts'
import { createMcpApp } from '../mcp/http.ts'
import type { ServerInfo } from '../mcp/server-info.ts'
import { createRuntime, type Runtime, type RuntimeConfig } from '../runtime.ts'
import { createRedactor, escapeInvisible } from '../sanitize.ts'
import type { HttpConfig } from './config/http-config.ts'
import { isKey } from './config/secrets.ts'
import { createMetrics } from './metrics.ts'

const MAX_LOGGED_HOST = 100

export interface HttpOptions {
  readonly config: RuntimeConfig
  readonly http: HttpConfig
  readonly info: ServerInfo
  readonly log: Log
  readonly audit?: AuditLog | undefined
}

/** The runtime behind the ports, and how to end them. */
export interface HttpService {
  readonly runtime: Runtime
  /** Stops accepting, and lets calls finish for so long. */
  drain(drainMs: number): Promise<void>
}

/** Serves MCP, REST or both on the configured ports. Rejects, with nothing left open, when a port cannot be opened. */
export async function openPorts({ config, http, info, log, audit }: HttpOptions): Promise<HttpService> {
  const metrics = createMetrics()
  const runtime = await createRuntime(config, {
    log,
    audit,
    onFinished: metrics.onFinished,
    onRetry: metrics.onRetry,
  })
  metrics.observe(runtime)
  const { host, mcpPort, restPort, tokens, passthrough } = http
  const authenticate = createAuthenticator(config.apiKey, tokens, passthrough)
  const redact = createRedactor([config.apiKey, ...tokens])
  const needsBearer = tokens.length > 0 || passthrough

  const listeners: Listeners = createListeners({
    allowedHosts: http.allowedHosts,
    hostHint: 'Add it with --allowed-hosts.',
    isAllowedBearer: tokens.length > 0 ? createTokenCheck(tokens) : passthrough ? isKey : undefined,
    isSaturated: runtime.isSaturated,
    notReadyReason: () =>
      runtime.needsKey && config.apiKey === undefined && !passthrough ? 'METRONOME_API_KEY is not set' : undefined,
    keepAliveMs: http.keepAliveMs,
    metricsRoute: metrics.route,
    onRejected({ check, status, method, route = 'unknown path', peer, host }) {
      metrics.onRejected(check, status)
      // The only header that is logged: without it nobody knows what to add to --allowed-hosts.
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
    const app = createRestApp({
      call: runtime.call,
      operations: runtime.offered,
      hiddenOperations: runtime.hidden,
      authenticate: authenticate('rest'),
      needsBearer,
    })
    const { url } = await listeners.open({ host, port: restPort, app })
    log('info', 'listening', { url: `${url}/openapi.json` })
  }
  return { runtime, drain: listeners.drain }
}

/**
 * Finds the caller by its bearer token. Every call uses the process's own key; with `passthrough` the caller's token is its
 * key, and the own one is never used.
 */
export function createAuthenticator(apiKey: string | undefined, tokens: readonly string[], passthrough: boolean) {
  const redact = createRedactor([apiKey, ...tokens])
  return (transport: 'http' | 'rest') =>
    ({ bearer, peer, userAgent }: RequestClient): Caller => {
      const origin = { transport, peer, user_agent: userAgent, bearer: digestBearer(bearer) }
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
