import { isLoopback } from '../loopback.ts'
import { createTokenCheck } from './bearer.ts'
import { createGuard, type Guarded, type GuardRules } from './guard.ts'
import { healthRoutes } from './health.ts'
import { createRateLimit } from './rate-limit.ts'
import { findIn, type Route } from './route.ts'
import { type OpenPort, openPort } from './server.ts'

export interface ServiceOptions extends Pick<GuardRules, 'isFull' | 'onRefusal'> {
  readonly allowedHosts: readonly string[]
  readonly token: string | undefined
  /** Every caller brings a credential of its own; which of them can be one at all. */
  readonly isCredential: ((bearer: string) => boolean) | undefined
  /** Requests a minute and caller; 0 when there is no limit. */
  readonly rateLimit: number
  /** Why requests should go elsewhere. */
  readonly whyNotReady: () => string | undefined
  readonly metricsRoute: Route
  readonly onError: (error: unknown) => void
}

/** What is served on one port. */
export interface Face extends Omit<Guarded, 'rules'> {
  readonly host: string
  readonly port: number
}

/** All ports of the process: one guard, one set of limits, one health, one end. */
export interface Service {
  /** Closes all ports when one cannot be opened. */
  open(face: Face): Promise<OpenPort>
  drain(drainMs: number, reason: unknown): Promise<void>
}

export function createService(options: ServiceOptions): Service {
  const { allowedHosts, token, isCredential, rateLimit, isFull, onRefusal, onError } = options
  const ports: OpenPort[] = []
  let draining = false

  const rules: GuardRules = {
    isKnownHost: (name) => isLoopback(name) || allowedHosts.includes(name),
    isAllowed: token === undefined ? isCredential : createTokenCheck(token),
    bearerIsCaller: isCredential !== undefined,
    rateLimit: rateLimit === 0 ? undefined : createRateLimit(rateLimit),
    isFull,
    onRefusal,
  }
  const ownRoutes = findIn({
    ...healthRoutes(() => (draining ? 'draining' : options.whyNotReady())),
    '/metrics': token === undefined ? { ...options.metricsRoute, open: true } : options.metricsRoute,
  })

  return {
    async open({ host, port, ...face }) {
      const guard = createGuard({ ...face, rules, findRoute: (path) => ownRoutes(path) ?? face.findRoute(path) })
      try {
        const opened = await openPort({ host, port, guard, onError })
        ports.push(opened)
        return opened
      } catch (error) {
        await drain(0, error)
        throw error
      }
    },
    drain,
  }

  async function drain(drainMs: number, reason: unknown): Promise<void> {
    draining = true
    await Promise.all(ports.map((port) => port.drain(drainMs, reason)))
  }
}
