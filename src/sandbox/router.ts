import * as z from 'zod'
import { describeIssue } from '../operations/describe-issue.ts'
import { childSchema, isObject, type JsonObject, noContent, plainType, readText } from '../operations/json.ts'
import type { Operation } from '../operations/operation.ts'
import { configurationHandlers } from './configurations.ts'
import { customerHandlers } from './customers.ts'
import {
  ApiError,
  buildErrorResponse,
  fingerprint,
  type SandboxRequest,
  type SandboxResponse,
} from './http-messages.ts'
import type { Handler, Store } from './store.ts'

interface Route {
  readonly handler: Handler
  /** Arguments in the path. */
  readonly pathArguments: Readonly<Record<string, string>>
}

const routes = [...customerHandlers, ...configurationHandlers].map((handler) => ({
  handler,
  pattern: new RegExp(`^${handler.op.path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
}))

export function findRoute({ method, path }: SandboxRequest): Route | undefined {
  for (const { handler, pattern } of routes) {
    const match = handler.op.method === method ? pattern.exec(path) : null
    if (match) return { handler, pathArguments: { ...match.groups } }
  }
  return undefined
}

/** Responds as Metronome does, which replays the first response to an Idempotency-Key. */
export function respond(store: Store, request: SandboxRequest): SandboxResponse {
  const key = request.method === 'POST' ? request.idempotencyKey : undefined
  if (key === undefined) return callHandler(store, request)
  const stored = store.responses.get(key)
  if (stored && stored.fingerprint !== fingerprint(request))
    return buildErrorResponse(new ApiError(409, 'Idempotency-Key was used before with other parameters'))
  if (stored) return stored.response
  if (store.pending.has(key))
    return buildErrorResponse(new ApiError(409, 'A request with this Idempotency-Key is still in progress'))
  const response = callHandler(store, request)
  // Metronome stores every response but those of failed validation.
  if (response.status !== 400) store.responses.set(key, { fingerprint: fingerprint(request), response })
  return response
}

function callHandler(store: Store, request: SandboxRequest): SandboxResponse {
  const route = findRoute(request)
  if (!route) return buildErrorResponse(new ApiError(404, 'Not found', { code: 'NotFound' }))
  const { op, act } = route.handler
  try {
    const body = act(store, readArguments(op, request, route.pathArguments))
    if (op.kind === 'write') store.effects.push({ tool: op.tool, idempotencyKey: request.idempotencyKey })
    return op.output === noContent ? { status: 200 } : { status: 200, body }
  } catch (error) {
    if (error instanceof ApiError) return buildErrorResponse(error)
    throw error
  }
}

/** Reads and validates the arguments of a request. Like Metronome, it ignores unknown fields and accepts empty updates. */
function readArguments(op: Operation, request: SandboxRequest, pathArguments: JsonObject): JsonObject {
  const rest = op.method === 'GET' ? readQuery(op, request.query) : readBody(request.body)
  const args = { ...rest, ...pathArguments }
  const issues = op.input.safeParse(args, { reportInput: true }).error?.issues ?? []
  const relevant = issues.filter(({ path }) => path.length > 0)
  if (relevant.length === 0) return args
  throw new ApiError(
    400,
    relevant.map((issue) => `${issue.path.join('.')}: ${describeIssue(issue, op.input)}`).join('; '),
  )
}

function readBody(text: string): JsonObject {
  let json: unknown
  try {
    json = text === '' ? {} : JSON.parse(text)
  } catch {
    throw new ApiError(400, 'The body is not valid JSON')
  }
  if (!isObject(json)) throw new ApiError(400, 'The body is not a JSON object')
  return json
}

/** Text that does not fit the field's type stays text, which the validation then rejects. */
function readQuery({ input }: Operation, query: URLSearchParams): JsonObject {
  return Object.fromEntries(
    Array.from(query, ([name, text]) => {
      const schema = childSchema(input, name)
      return [name, plainType(schema) instanceof z.ZodArray ? text.split(',') : readText(text, schema)]
    }),
  )
}
