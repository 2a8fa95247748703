import type { Call, Caller } from '../calls/call.ts'
import { CallError } from '../calls/errors.ts'
import type { App, Handler, RequestClient, RequestContext, Route } from '../http/routes.ts'
import { readScheme } from '../http/urls.ts'
import { type JsonObject, parseExactJson, weighJson } from '../operations/json.ts'
import type { Operation } from '../operations/operation.ts'
import { buildOpenApi } from './openapi.ts'
import { problemResponse, toProblem } from './problem.ts'
import { IDEMPOTENCY_KEY, pathPattern, type RestRequest, readArguments, restPath } from './request.ts'

export interface RestOptions {
  readonly call: Call
  readonly operations: readonly Operation[]
  /** Operations that are not offered here; calls of them fail with the reason. */
  readonly hiddenOperations: readonly Operation[]
  /** Finds the caller for a request of this client. */
  readonly authenticate: (client: RequestClient) => Caller
  /** Whether clients must present a bearer token. */
  readonly needsBearer: boolean
}

/** The operations as REST routes, and their description at `/openapi.json`. */
export function createRestApp(options: RestOptions): App {
  const { operations, hiddenOperations } = options
  const paths = new Set([...operations, ...hiddenOperations].map(restPath))
  const documentRoute: Route = {
    path: '/openapi.json',
    handlers: { GET: createOpenApiHandler(options) },
    public: true,
  }
  // Fixed paths first: `archive` is no customer id.
  const ordered = Array.from(paths).sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
  const routes = ordered.map((path) => {
    const isHere = (op: Operation): boolean => restPath(op) === path
    const offered = operations.filter(isHere)
    // A hidden method is a 405 beside others; where nothing else is served, the call fails with the reason.
    return {
      path,
      pattern: pathPattern(path),
      operations: offered.length > 0 ? offered : hiddenOperations.filter(isHere),
    }
  })
  return {
    findRoute(path) {
      if (path === documentRoute.path) return documentRoute
      if (path === HOME.path) return HOME
      for (const { pattern, ...route } of routes) {
        const [match, ...segments] = pattern.exec(path) ?? []
        if (match !== undefined) return { path: route.path, ...serveOperations(route.operations, segments, options) }
      }
      return undefined
    },
    buildRejection: ({ status, message, headers }) =>
      problemResponse({ status, detail: message, ...(headers && { headers }) }),
    parseJson: parseExactJson,
    weighJson,
    describeNotFound(path) {
      const guess = path.toLowerCase()
      const found = ordered.find((known) =>
        ['', '/v1', '/v1/v1'].some((prefix) => pathPattern(known).test(prefix + guess)),
      )
      return `${found ? `Did you mean ${found}? ` : ''}/openapi.json lists all paths.`
    },
  }
}

/** Where a person with a browser, or a tool with the address alone, learns what is here. */
const HOME: Route = {
  path: '/',
  handlers: { GET: async () => new Response(null, { status: 307, headers: { location: '/openapi.json' } }) },
  public: true,
  ignoresAccept: true,
}

function serveOperations(operations: readonly Operation[], segments: readonly string[], options: RestOptions) {
  const handlers = operations.map((op): [string, Handler] => [
    op.method,
    (request, context) => respond(op, { request, segments, json: context.json }, context, options),
  ])
  return { handlers: Object.fromEntries(handlers), usesUpstream: true } as const
}

async function respond(
  op: Operation,
  rest: RestRequest,
  { signal, ...client }: RequestContext,
  { call, authenticate }: RestOptions,
): Promise<Response> {
  const { args, inputIssues, idempotencyKey } = readArguments(op, rest)
  const traceparent = rest.request.headers.get('traceparent')
  const caller = authenticate(client)
  // Shown on failures, too: when the outcome is unknown, the client can retry with the same key.
  const headers: Record<string, string> = idempotencyKey ? { [IDEMPOTENCY_KEY]: idempotencyKey.value } : {}
  try {
    const body = await call({ tool: op.tool, args, inputIssues, idempotencyKey, traceparent }, caller, { signal })
    return new Response(caller.redact(JSON.stringify(body)), {
      headers: { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' },
    })
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    const problem = toProblem(error, idempotencyKey?.mayHaveBeenUsed)
    return problemResponse({ ...problem, headers: { ...problem.headers, ...headers } }, caller.redact)
  }
}

/** Returns the OpenAPI document; its server is the address of the request. */
function createOpenApiHandler({ operations, needsBearer }: RestOptions): Handler {
  let document: JsonObject | undefined
  return async ({ headers }) => {
    document ??= buildOpenApi(operations, needsBearer)
    const scheme = readScheme(headers) === 'https' ? 'https' : 'http'
    const url = `${scheme}://${headers.get('host') ?? ''}`
    const text = JSON.stringify({ ...document, servers: [{ url, description: 'This server' }] })
    return new Response(text, { headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })
  }
}
