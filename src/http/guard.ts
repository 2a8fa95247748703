import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import {
  acceptsJson,
  type CountBytes,
  exceedsLimit,
  isIdentity,
  isJson,
  readJson,
  TOO_LARGE,
  TOO_MANY_BYTES,
} from './body.ts'
import type { RequestInFlight } from './in-flight.ts'
import type { App, Handler, Rejection, Route } from './routes.ts'
import { hostNameOf, isLoopback, isSameOrigin, plainAddress, readHostName, readPath, readScheme } from './urls.ts'

/** What all ports of the process have in common. */
export interface GuardOptions {
  /** Host names, as `URL` spells them, besides loopback names and the connection's local IP address. */
  readonly allowedHosts: readonly string[]
  /** A sentence for the message about the Host that says how to allow another one. */
  readonly hostHint: string
  /** Absent when no route needs a token. */
  readonly isAllowedBearer: ((bearer: string) => boolean) | undefined
  /** Whether the upstream queue accepts no more calls. */
  readonly isSaturated: () => boolean
  readonly onRejected: (rejected: RejectedRequest) => void
}

/** A request that was not served, for logs and metrics. */
export interface RejectedRequest {
  /** Name of the check that failed. */
  readonly check: string
  readonly status: number
  readonly method: string
  /** Path of the route, with names for its parameters; `undefined` for a path that is not served. */
  readonly route: string | undefined
  /** IP address of the other end of the connection: the client or a proxy. */
  readonly peer: string
  /** The header as it came, when its check failed. */
  readonly host: string | undefined
}

interface RequestHead {
  readonly method: string
  /** `undefined` for an invalid request target. */
  readonly path: string | undefined
  readonly headers: Pick<Headers, 'get'>
  /** The connection's own IP address as a host name. */
  readonly localHost: string
  readonly bearer: string | undefined
  readonly route: Route | undefined
  readonly countBytes: CountBytes
  readonly describeNotFound: App['describeNotFound']
  readonly options: GuardOptions
}

interface Check {
  readonly name: string
  readonly check: (head: RequestHead) => Rejection | undefined
}

/** The checks in their order; the first failure decides. All come before the body is read. */
export const CHECKS: readonly Check[] = [
  {
    name: 'host',
    check({ headers, localHost, options: { allowedHosts, hostHint } }) {
      const name = readHostName(headers.get('host'))
      // Probes and scrapers know the local address only. It is safe: after DNS rebinding the Host is a name of the
      // attacker's, never an address, and a page that uses the address itself has an Origin, which is checked next.
      if (name !== undefined && (isLoopback(name) || name === localHost || allowedHosts.includes(name)))
        return undefined
      return { status: 403, message: `Host not allowed. ${hostHint}` }
    },
  },
  {
    name: 'origin',
    check({ headers }) {
      const origin = headers.get('origin')
      const host = headers.get('host') ?? ''
      // Only browsers send an Origin.
      if (origin === null || isSameOrigin(origin, { host, scheme: readScheme(headers) })) return undefined
      return { status: 403, message: 'Origin not allowed.' }
    },
  },
  {
    name: 'sec-fetch-site',
    check({ headers }) {
      // The GET of an image or a script on a foreign page has no Origin. A page of another port of this machine is
      // `same-site`, and a person who enters an address is `none`.
      if ([null, 'none', 'same-origin'].includes(headers.get('sec-fetch-site'))) return undefined
      return { status: 403, message: 'Requests from pages of other origins are not allowed.' }
    },
  },
  {
    name: 'target',
    check({ path }) {
      if (path !== undefined) return undefined
      return { status: 400, message: 'The request target must be an absolute path without dot segments.' }
    },
  },
  {
    name: 'path',
    check({ path = '', route, describeNotFound }) {
      return route ? undefined : { status: 404, message: `Not found. ${describeNotFound(path)}` }
    },
  },
  {
    name: 'token',
    check({ route, bearer, options: { isAllowedBearer } }) {
      if (route?.public || !isAllowedBearer) return undefined
      if (bearer === undefined)
        return { status: 401, message: 'Missing bearer token.', headers: { 'www-authenticate': 'Bearer' } }
      if (isAllowedBearer(bearer)) return undefined
      const headers = { 'www-authenticate': 'Bearer error="invalid_token"' }
      return { status: 401, message: 'Invalid bearer token.', headers }
    },
  },
  {
    name: 'method',
    check({ method, route }) {
      if (findHandler(route, method)) return undefined
      const methods = Object.keys(route?.handlers ?? {})
      const allow = methods.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : name)).join(', ')
      return { status: 405, message: `Method not allowed; use ${methods.join(' or ')}.`, headers: { allow } }
    },
  },
  {
    name: 'content-type',
    check({ method, headers }) {
      if (!hasBody(method) || isJson(headers.get('content-type'))) return undefined
      return { status: 415, message: 'Content-Type must be application/json.' }
    },
  },
  {
    name: 'content-encoding',
    check({ method, headers }) {
      if (!hasBody(method) || isIdentity(headers.get('content-encoding'))) return undefined
      // RFC 9110, 15.5.16: the response says which codings would be accepted.
      const accepted = { 'accept-encoding': 'identity' }
      return {
        status: 415,
        message: 'Content-Encoding is not supported; send the body uncompressed.',
        headers: accepted,
      }
    },
  },
  {
    name: 'accept',
    check({ headers, route }) {
      if (route?.ignoresAccept || acceptsJson(headers.get('accept'))) return undefined
      return { status: 406, message: 'Accept must allow application/json.' }
    },
  },
  {
    name: 'size',
    check({ headers }) {
      return exceedsLimit(headers.get('content-length')) ? TOO_LARGE : undefined
    },
  },
  {
    name: 'queue',
    check({ route, options }) {
      if (!route?.usesUpstream || !options.isSaturated()) return undefined
      const headers = { 'retry-after': '1' }
      return { status: 429, message: 'Too many calls are waiting; retry in 1 second.', headers }
    },
  },
  {
    name: 'bytes-in-flight',
    check({ headers, countBytes }) {
      // Announced bytes count at once: they may be held as soon as they arrive. The last check, since it counts.
      return countBytes(Number(headers.get('content-length') ?? 0)) ? undefined : TOO_MANY_BYTES
    },
  },
]

/** What follows for a request whose head has been checked. */
export type Admission =
  | { readonly ok: true; readonly respond: (request: Request) => Promise<Response> }
  | { readonly ok: false; readonly response: Response }

/** Checks heads of requests for an app. */
export function createGuard(
  app: App,
  options: GuardOptions,
): (incoming: IncomingMessage, inFlight: RequestInFlight) => Admission {
  return (incoming, { countBytes, ...connection }) => {
    const head = readHead(incoming, countBytes, app, options)
    const { method, route, bearer } = head
    const peer = plainAddress(incoming.socket.remoteAddress ?? '')
    const reject = (check: string, rejection: Rejection): Response => {
      const host = check === 'host' ? incoming.headers.host : undefined
      options.onRejected({ check, status: rejection.status, method, route: route?.path, peer, host })
      return app.buildRejection(rejection)
    }
    for (const { name, check } of CHECKS) {
      const rejection = check(head)
      if (rejection) return { ok: false, response: reject(name, rejection) }
    }
    const handler = findHandler(route, method)
    if (!handler) throw new Error('The checks passed a request without a handler.')
    return {
      ok: true,
      async respond(request) {
        const context = { ...connection, bearer, peer, userAgent: request.headers.get('user-agent') ?? undefined }
        if (!hasBody(method)) return handler(request, { ...context, json: undefined })
        const body = await readJson(incoming, countBytes, app)
        return body.ok ? handler(request, { ...context, json: body.json }) : reject(body.check, body.rejection)
      },
    }
  }
}

function readHead(
  incoming: IncomingMessage,
  countBytes: CountBytes,
  { findRoute, describeNotFound }: App,
  options: GuardOptions,
): RequestHead {
  const { method = '', url = '', socket } = incoming
  const headers = { get: (name: string) => incoming.headers[name]?.toString() ?? null }
  const path = readPath(url)
  return {
    method,
    path,
    headers,
    localHost: hostNameOf(socket.localAddress ?? ''),
    bearer: readBearer(headers.get('authorization')),
    route: path === undefined ? undefined : findRoute(path),
    countBytes,
    describeNotFound,
    options,
  }
}

function findHandler(route: Route | undefined, method: string): Handler | undefined {
  if (method === 'GET' || method === 'HEAD') return route?.handlers.GET
  return method === 'POST' || method === 'PUT' ? route?.handlers[method] : undefined
}

function hasBody(method: string): boolean {
  return method === 'POST' || method === 'PUT'
}

/** Only from the header: a token in the query ends up in logs. */
function readBearer(authorization: string | null): string | undefined {
  return /^bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** Compares a bearer with tokens in constant time; hashing hides their lengths. */
export function createTokenCheck(tokens: readonly string[]): (bearer: string) => boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = tokens.map(digest)
  return (bearer) => {
    const given = digest(bearer)
    return expected.filter((token) => timingSafeEqual(token, given)).length > 0
  }
}
