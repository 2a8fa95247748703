import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { acceptsJson, exceedsLimit, isJson, readJson, TOO_LARGE } from './body.ts'
import type { App, Handler, Rejection, RequestContext, Route } from './routes.ts'
import { hostNameOf, isLoopback, isSameOrigin, readHostName, readPath, readScheme } from './urls.ts'

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
  /** Called with the name of the check that failed. */
  readonly onRejected: (check: string, status: number) => void
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
    name: 'cross-site',
    check({ headers }) {
      // The GET of an image or a script on a foreign page has no Origin.
      if (headers.get('sec-fetch-site') !== 'cross-site') return undefined
      return { status: 403, message: 'Cross-site requests are not allowed.' }
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
    name: 'queue',
    check({ route, options }) {
      if (!route?.usesUpstream || !options.isSaturated()) return undefined
      const headers = { 'retry-after': '1' }
      return { status: 429, message: 'Too many calls are waiting; retry in 1 second.', headers }
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
]

type Connection = Pick<RequestContext, 'signal' | 'disconnect'>

/** What follows for a request whose head has been checked. */
export type Admission =
  | { readonly ok: true; readonly respond: (request: Request, connection: Connection) => Promise<Response> }
  | { readonly ok: false; readonly response: Response }

/** Checks heads of requests for an app. */
export function createGuard(app: App, options: GuardOptions): (incoming: IncomingMessage) => Admission {
  const reject = (check: string, rejection: Rejection): Response => {
    options.onRejected(check, rejection.status)
    return app.buildRejection(rejection)
  }

  return (incoming) => {
    const head = readHead(incoming, app, options)
    for (const { name, check } of CHECKS) {
      const rejection = check(head)
      if (rejection) return { ok: false, response: reject(name, rejection) }
    }
    const { method, route, bearer } = head
    const handler = findHandler(route, method)
    if (!handler) throw new Error('The checks passed a request without a handler.')
    return {
      ok: true,
      async respond(request, connection) {
        if (!hasBody(method)) return handler(request, { json: undefined, bearer, ...connection })
        const body = await readJson(request)
        return body.ok
          ? handler(request, { json: body.json, bearer, ...connection })
          : reject(body.check, body.rejection)
      },
    }
  }
}

function readHead(incoming: IncomingMessage, { findRoute, describeNotFound }: App, options: GuardOptions): RequestHead {
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
