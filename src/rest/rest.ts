import type { Callers } from '../callers.ts'
import type { BuildRefusal, FindRoute, Handler, Passed, Route } from '../http/route.ts'
import type { Log } from '../log.ts'
import type { Operation } from '../operation/define.ts'
import { operations } from '../operations/index.ts'
import type { Client } from '../upstream/client.ts'
import { resultOf } from '../upstream/reply.ts'
import { readTraceparent } from '../upstream/traceparent.ts'
import { readProblem } from './failure.ts'
import { createOpenApiRoute } from './openapi-route.ts'
import { pathPattern, restPath } from './paths.ts'
import { answerProblem } from './problem.ts'
import { IDEMPOTENCY_KEY, type RestRequest, readCall } from './request.ts'

export interface RestOptions {
  readonly client: Client
  readonly callers: Callers
  readonly log: Log
  /** Whether callers must present a bearer. */
  readonly needsBearer: boolean
}

/** The operations as REST routes, and their description at `/openapi.json`. */
export function createRestRoutes(options: RestOptions): FindRoute {
  const described: Route = createOpenApiRoute(operations, options.needsBearer)
  const paths = new Set(operations.map(restPath))
  // Fixed paths first: `archive` is no customer id.
  const ordered = Array.from(paths).sort((a, b) => Number(a.includes('{')) - Number(b.includes('{')))
  const routes = ordered.map((path) => ({
    pattern: pathPattern(path),
    operations: operations.filter((op) => restPath(op) === path),
  }))
  return (path) => {
    if (path === '/openapi.json') return described
    for (const { pattern, operations } of routes) {
      const [match, ...segments] = pattern.exec(path) ?? []
      if (match !== undefined) return createRoute(operations, segments, options)
    }
    return undefined
  }
}

/** How the guard refuses on the port of REST. */
export const buildRestRefusal: BuildRefusal = ({ status, message, headers }) =>
  answerProblem({ status, detail: message, ...(headers && { headers }) })

function createRoute(operations: readonly Operation[], segments: readonly string[], options: RestOptions): Route {
  const handlers = operations.map((op): [string, Handler] => [
    op.method,
    (request, passed) => answerCall(op, { request, segments, json: passed.json }, passed, options),
  ])
  return { handlers: Object.fromEntries(handlers), calls: true }
}

async function answerCall(
  op: Operation,
  rest: RestRequest,
  { bearer, signal }: Passed,
  { client, callers, log }: RestOptions,
): Promise<Response> {
  const { key, redact, leave } = callers.admit(bearer)
  const headers: Record<string, string> = {}
  try {
    const { args, idempotencyKey, isKeyShared } = readCall(op, rest)
    // Told in the answer: when the outcome stays open, the caller can repeat under the same key.
    if (idempotencyKey !== undefined) headers[IDEMPOTENCY_KEY] = idempotencyKey
    const traceparent = readTraceparent(rest.request.headers.get('traceparent'))
    const reply = await client.call(op, args, { key, signal, traceparent, idempotencyKey, isKeyShared })
    return new Response(redact(JSON.stringify(resultOf(reply))), {
      headers: { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' },
    })
  } catch (error) {
    const problem = readProblem(op, error, log, signal)
    return answerProblem({ ...problem, headers: { ...problem.headers, ...headers } }, redact)
  } finally {
    leave()
  }
}
