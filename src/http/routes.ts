export interface RequestContext {
  /** The parsed body; `undefined` without one. */
  readonly json: unknown
  /** The credential of `Authorization: Bearer`. */
  readonly bearer: string | undefined
  /** Address of the other end of the connection, which may be a proxy. */
  readonly peer: string
  /** What the client calls itself. */
  readonly userAgent: string | undefined
  /** Aborts when the client closes its connection. */
  readonly signal: AbortSignal
  /** Closes the connection without a response. */
  readonly disconnect: () => void
}

/** Who sends a request, as far as the connection and its headers tell. */
export type RequestClient = Pick<RequestContext, 'bearer' | 'peer' | 'userAgent'>

/** Responds to a request that passed all checks. */
export type Handler = (request: Request, context: RequestContext) => Promise<Response>

export interface Route {
  /** With names for its parameters, for the log. */
  readonly path: string
  /** By method; the one for GET serves HEAD, too. */
  readonly handlers: Readonly<Partial<Record<'GET' | 'POST' | 'PUT', Handler>>>
  /** Needs no token. */
  readonly public?: true
  /** Rejected with 429 while the upstream queue is saturated. */
  readonly usesUpstream?: true
  /** Responds in its own media type, whatever the `Accept` header says. */
  readonly ignoresAccept?: true
}

/** Why a request is not served. */
export interface Rejection {
  readonly status: number
  /** Sentences for the author of the client; they never repeat parts of the request. */
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What is served on one port. */
export interface App {
  /** Finds the route of a path, which is percent-encoded and has no slash at its end. */
  findRoute(path: string): Route | undefined
  /** Builds the response in the format that clients of this port expect. */
  buildRejection(rejection: Rejection): Response
  /** A sentence for the 404 message about a path that says where to go; it repeats nothing of the path. */
  describeNotFound(path: string): string
  /** Parses the text of a body; throws where it is not JSON. */
  parseJson(text: string): unknown
  /** The bytes that the request of a body takes while it is in flight. */
  weighJson(body: Uint8Array): number
}

/** `/healthz` reports whether the process runs, `/readyz` whether it should receive requests. */
export function healthRoutes(notReadyReason: () => string | undefined): readonly Route[] {
  return [
    probeRoute('/healthz', () => textResponse(200, 'ok')),
    probeRoute('/readyz', () => {
      const reason = notReadyReason()
      return reason === undefined ? textResponse(200, 'ready') : textResponse(503, reason)
    }),
  ]
}

function probeRoute(path: string, respond: () => Response): Route {
  return { path, handlers: { GET: async () => respond() }, public: true, ignoresAccept: true }
}

function textResponse(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' } })
}
