import { hashCaller, readBearer } from './bearer.ts'
import { announcesTooMuch, readJson, TOO_LARGE } from './body.ts'
import { acceptsAll, isJson } from './media-type.ts'
import { isOwnOrigin, readHostName, readScheme } from './origin.ts'
import type { RateLimit } from './rate-limit.ts'
import type { BuildRefusal, FindRoute, Handler, Refusal, Route } from './route.ts'

/** What all ports of the process have in common. */
export interface GuardRules {
  /** Host names that requests may be made for, beside those of this machine. */
  readonly isKnownHost: (name: string) => boolean
  /** Whether the bearer may come in; absent when nobody needs one. */
  readonly isAllowed?: ((bearer: string) => boolean) | undefined
  /** Callers are told apart by their bearers, not by their addresses. */
  readonly bearerIsCaller: boolean
  readonly rateLimit?: RateLimit | undefined
  /** Whether no more calls fit into the queue for Metronome. */
  readonly isFull: () => boolean
  /** Told of every refusal, by the name of the check. */
  readonly onRefusal: (check: string, status: number) => void
}

export interface Guarded {
  readonly rules: GuardRules
  readonly findRoute: FindRoute
  readonly buildRefusal: BuildRefusal
  /** Where to go instead, in a sentence for who asked for a path that is none. */
  readonly signpost: string
}

/** Who sent a request, and how to learn that nobody waits for its answer any more. */
export interface Peer {
  readonly address: string
  readonly signal: AbortSignal
}

export type Guard = (request: Request, peer: Peer) => Promise<Response>

interface Visit {
  readonly request: Request
  readonly route: Route | undefined
  readonly bearer: string | undefined
  readonly address: string
  readonly rules: GuardRules
  readonly signpost: string
}

/** The checks, in their order. The first refusal ends it; of the body nothing has been read until then. */
export const CHECKS: Readonly<Record<string, (visit: Visit) => Refusal | undefined>> = {
  host({ request, rules }) {
    const name = readHostName(request.headers.get('host'))
    if (name !== undefined && rules.isKnownHost(name)) return undefined
    return { status: 403, message: 'This Host is not served here; --allowed-hosts adds names.' }
  },
  origin({ request: { headers } }) {
    const origin = headers.get('origin')
    const host = headers.get('host') ?? ''
    if (origin === null || isOwnOrigin({ origin, host, scheme: readScheme(headers) })) return undefined
    return { status: 403, message: 'Pages of this Origin may not call this server.' }
  },
  path({ route, signpost }) {
    return route ? undefined : { status: 404, message: `There is nothing at this path. ${signpost}` }
  },
  token({ route, bearer, rules }) {
    if (route?.open || !rules.isAllowed || (bearer !== undefined && rules.isAllowed(bearer))) return undefined
    const error = bearer === undefined ? '' : ', error="invalid_token"'
    return {
      status: 401,
      message: bearer === undefined ? 'Authorization: Bearer is missing.' : 'The bearer is not accepted.',
      headers: { 'www-authenticate': `Bearer realm="metronome"${error}` },
    }
  },
  rate({ route, bearer, address, rules }) {
    if (route?.open || !rules.rateLimit) return undefined
    const seconds = rules.rateLimit(hashCaller(rules.bearerIsCaller ? (bearer ?? '') : address))
    return seconds === 0 ? undefined : tooMany('Too many requests', seconds)
  },
  method({ request, route }) {
    const methods = Object.keys(route?.handlers ?? {})
    if (methods.includes(request.method)) return undefined
    const allow = methods.join(', ')
    return { status: 405, message: `Only ${allow} is served here.`, headers: { allow } }
  },
  type({ request }) {
    if (request.method !== 'POST' || isJson(request.headers.get('content-type'))) return undefined
    return { status: 415, message: 'Content-Type must be application/json.' }
  },
  accept({ request, route }) {
    if (!route?.answers || acceptsAll(request.headers.get('accept'), route.answers)) return undefined
    return { status: 406, message: `Accept must list ${route.answers.join(' and ')}.` }
  },
  queue({ route, rules }) {
    return route?.calls && rules.isFull() ? tooMany('Too many calls are waiting', 1) : undefined
  },
  size({ request }) {
    return announcesTooMuch(request.headers) ? TOO_LARGE : undefined
  },
}

const tooMany = (what: string, seconds: number): Refusal => ({
  status: 429,
  message: `${what}; try again in ${seconds} s.`,
  headers: { 'retry-after': String(seconds) },
})

/** Lets through what may come in, and answers the rest. */
export function createGuard({ rules, findRoute, buildRefusal, signpost }: Guarded): Guard {
  const checks = Object.entries(CHECKS)
  const refuse = (check: string, refusal: Refusal): Response => {
    rules.onRefusal(check, refusal.status)
    return buildRefusal(refusal)
  }
  return async (request, { address, signal }) => {
    const route = findRoute(new URL(request.url).pathname)
    const bearer = readBearer(request.headers.get('authorization'))
    const visit = { request, route, bearer, address, rules, signpost }
    for (const [name, check] of checks) {
      const refusal = check(visit)
      if (refusal) return refuse(name, refusal)
    }
    const body = request.method === 'POST' ? await readJson(request) : { json: undefined }
    if ('status' in body) return refuse(body === TOO_LARGE ? 'size' : 'parse', body)
    return handlerOf(route, request.method)(request, { json: body.json, bearer, signal })
  }
}

function handlerOf(route: Route | undefined, method: string): Handler {
  const handler = route?.handlers[method as 'GET' | 'POST'] // the check of the method has passed
  if (!handler) throw new Error('a request got past the guard without a handler')
  return handler
}
