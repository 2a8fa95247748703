import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6, Server as NetServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { getRequestListener } from '@hono/node-server'
import { type ByteBudget, createByteBudget } from './byte-budget.ts'
import { createGuard, type GuardOptions } from './guard.ts'
import { createInFlight, type InFlight } from './in-flight.ts'
import { type App, healthRoutes, type Route } from './routes.ts'

export interface Timeouts {
  /** For the headers of a request. */
  readonly headersMs: number
  /** For a whole request; its response may take longer. */
  readonly requestMs: number
}

const TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 15_000 }

/** How long a draining server still accepts connections, so that load balancers see `/readyz` first. */
const GRACE_MS = 1_000
/** For the last responses of interrupted calls. */
const INTERRUPT_MS = 500

export interface ListenerOptions extends GuardOptions {
  /** Why the process should get no requests. */
  readonly notReadyReason: () => string | undefined
  readonly metricsRoute?: Route | undefined
  /** Called with what a handler threw; the client gets a 500. */
  readonly onError: (error: unknown) => void
  /** Called when the drain time is over: ends the calls still in flight. */
  readonly interrupt: () => void
  /** How long an idle connection stays open; if the server closed it before the load balancer, a request could get lost. */
  readonly keepAliveMs: number
  readonly timeouts?: Timeouts
}

/** All ports of the process. */
export interface Listeners {
  /** Starts to listen. When that fails, closes all ports and rejects with a sentence that names the address. */
  open(port: { readonly host: string; readonly port: number; readonly app: App }): Promise<{ readonly url: string }>
  /** Stops accepting, waits for the requests in flight, interrupts those that remain, and closes. */
  drain(drainMs: number): Promise<void>
  /** Of the bodies on all ports. */
  readonly byteBudget: ByteBudget
}

export function createListeners(options: ListenerOptions): Listeners {
  const servers: Server[] = []
  const byteBudget = createByteBudget()
  const inFlight = createInFlight(byteBudget)
  let isDraining = false
  const health = healthRoutes(() => (isDraining ? 'draining' : options.notReadyReason()))
  const own = options.metricsRoute ? [...health, options.metricsRoute] : health
  const ownRoutes = new Map(own.map((route) => [route.path, route]))

  return {
    async open({ host, port, app }) {
      const findRoute: App['findRoute'] = (path) => ownRoutes.get(path) ?? app.findRoute(path)
      const server = createAppServer({ ...app, findRoute }, inFlight, options)
      try {
        await listen(server, host, port)
      } catch (error) {
        await drain(0)
        throw error
      }
      servers.push(server)
      const { port: boundPort } = server.address() as AddressInfo // it does not listen on a pipe
      return { url: urlOf(host, boundPort) }
    },
    drain,
    byteBudget,
  }

  async function drain(drainMs: number): Promise<void> {
    isDraining = true
    const endsAt = performance.now() + drainMs
    const graceMs = Math.min(GRACE_MS, drainMs / 4)
    await delay(graceMs)
    // The close of http would also cut idle connections, on which a request may be on its way.
    for (const server of servers) NetServer.prototype.close.call(server)
    inFlight.closeConnections()
    await inFlight.waitUntilIdle(graceMs, endsAt)
    if (inFlight.size() > 0) options.interrupt()
    await inFlight.waitUntilIdle(0, performance.now() + INTERRUPT_MS)
    for (const server of servers) server.closeAllConnections()
  }
}

function createAppServer(app: App, inFlight: InFlight, options: ListenerOptions): Server {
  const { timeouts = TIMEOUTS, onError } = options
  const admit = createGuard(app, options)
  const server = createServer({
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: Math.min(1_000, timeouts.headersMs),
    keepAliveTimeout: options.keepAliveMs,
    // Otherwise the first Host would count, and the others would be ignored.
    joinDuplicateHeaders: true,
  })
  // Each pipelined request listens to its socket.
  server.on('connection', (socket) => socket.setMaxListeners(0))
  const serve = (incoming: IncomingMessage, outgoing: ServerResponse, awaitsContinue: boolean): void => {
    outgoing.setHeader('x-content-type-options', 'nosniff')
    outgoing.setHeader('cross-origin-resource-policy', 'same-origin')
    const request = inFlight.add(incoming, outgoing)
    const admission = admit(incoming, request)
    // RFC 9110, 10.1.1: the client sends its body only after this; node:http closes the connection without it.
    if (awaitsContinue && admission.ok) outgoing.writeContinue()
    const respond = async (standard: Request) => (admission.ok ? admission.respond(standard) : admission.response)
    const listener = getRequestListener(respond, {
      errorHandler(error) {
        // No Request can be made of a Host or target that was rejected.
        if (!admission.ok) return admission.response
        // The client left before the body was complete.
        if (request.signal.aborted || !incoming.complete) return new Response(null, { status: 400 })
        onError(error)
        return app.buildRejection({ status: 500, message: 'Internal server error.' })
      },
    })
    void listener(incoming, outgoing)
  }
  server.on('request', (incoming, outgoing) => serve(incoming, outgoing, false))
  server.on('checkContinue', (incoming, outgoing) => serve(incoming, outgoing, true))
  return server
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw new Error(describeListenError(error, urlOf(host, port)), { cause: error })
  }
}

function urlOf(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

function describeListenError(error: unknown, url: string): string {
  const { code = 'unknown error' } = error as { code?: string } // errors of node:net carry a code
  const address = url.slice('http://'.length)
  if (code === 'EADDRINUSE') return `${address} is in use already; stop what listens there, or choose another port.`
  if (code === 'EACCES') return `${address} may not be used by this user; choose a port above 1023.`
  return `${address} cannot be listened on (${code}); choose another host or port.`
}
