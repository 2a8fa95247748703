import { once, setMaxListeners } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { type AddressInfo, isIPv6 } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import { drainServer, sayLast } from './drain.ts'
import type { Guard } from './guard.ts'

export interface Timeouts {
  /** Until the headers of a request are there. */
  readonly headersMs: number
  /** Until a request is there as a whole; its answer may take longer. */
  readonly requestMs: number
}

const TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 15_000 }
// Balancers keep an idle connection for 60 s: when we close it first, we may do so just as they use it.
const KEEP_ALIVE_MS = 65_000

export interface PortOptions {
  readonly host: string
  readonly port: number
  readonly guard: Guard
  /** Told what broke when a request ends in a 500. */
  readonly onError: (error: unknown) => void
  readonly timeouts?: Timeouts
}

export interface OpenPort {
  /** Scheme and authority. */
  readonly url: string
  /** Stops accepting, lets calls end for so long, then aborts the rest with `reason`. */
  drain(drainMs: number, reason: unknown): Promise<void>
}

/** Starts to listen. Rejects with one sentence that names the address when that cannot be done. */
export async function openPort({ host, port, guard, onError, timeouts = TIMEOUTS }: PortOptions): Promise<OpenPort> {
  const underWay = new Map<ServerResponse, AbortController>()

  const listener = getRequestListener(
    async (request, env) => {
      const { incoming, outgoing } = env as HttpBindings // this server speaks HTTP/1 only
      const controller = new AbortController()
      // Each call of a batch listens to it.
      setMaxListeners(0, controller.signal)
      underWay.set(outgoing, controller)
      outgoing.once('close', () => {
        underWay.delete(outgoing)
        if (!outgoing.writableFinished) controller.abort()
      })
      if (!server.listening) sayLast(outgoing)
      const { remoteAddress: address = '' } = incoming.socket
      try {
        return await guard(request, { address, signal: controller.signal })
      } catch (error) {
        // Who leaves in the middle of a request gets no answer, and that is nobody's fault.
        if (!incoming.complete || outgoing.destroyed) return new Response(null, { status: 400 })
        throw error
      }
    },
    {
      errorHandler(error) {
        // The request line or the Host header does not make an address.
        if (error instanceof Error && error.name === 'RequestError') return new Response(null, { status: 400 })
        onError(error)
        return new Response(null, { status: 500 })
      },
    },
  )
  const server = createServer(
    {
      headersTimeout: timeouts.headersMs,
      requestTimeout: timeouts.requestMs,
      connectionsCheckingInterval: Math.min(1_000, timeouts.headersMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    listener,
  )

  await listen()
  const { port: openedPort } = server.address() as AddressInfo // it listens on no pipe
  return {
    url: urlOf(host, openedPort),
    drain: (drainMs, reason) => drainServer({ server, underWay, drainMs, reason }),
  }

  async function listen(): Promise<void> {
    server.listen(port, host)
    try {
      await once(server, 'listening')
    } catch (error) {
      throw new Error(describeListenError(error, urlOf(host, port)), { cause: error })
    }
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
