import { randomUUID } from 'node:crypto'
import * as z from 'zod'
import type { InputIssue } from '../calls/errors.ts'
import type { IdempotencyKey } from '../calls/write.ts'
import { isPercentEncoded } from '../http/urls.ts'
import { idempotencyKey as keySchema } from '../operations/input-fields.ts'
import { childSchema, isObject, type JsonObject, plainType, type Schema } from '../operations/json.ts'
import { type Operation, pathParameters } from '../operations/operation.ts'

export const IDEMPOTENCY_KEY = 'idempotency-key'

/** The REST path of an operation as the specification writes it: under another `/v1`, in lower case, words joined by hyphens. */
export function restPath(op: Operation): string {
  return `/v1${op.path}`.toLowerCase().replaceAll(/\{(\w+)\}/g, (_, name: string) => `{${parameterName(name)}}`)
}

/** The name of an argument in the path. */
export function parameterName(argument: string): string {
  return argument.replaceAll('_', '-')
}

/** Matches percent-encoded paths; its groups are the path parameters in order. */
export function pathPattern(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '([^/]+)')}$`)
}

export interface RestRequest {
  readonly request: Request
  /** Path parameters in order, percent-encoded. */
  readonly segments: readonly string[]
  /** The body; `undefined` on GET. */
  readonly json: unknown
}

export interface RestArguments {
  readonly args: JsonObject
  /** What is wrong with the request before its arguments are validated. */
  readonly inputIssues: readonly InputIssue[]
  /** Only for writes: the caller's own key, or a new one. */
  readonly idempotencyKey: IdempotencyKey | undefined
}

/** Reads the arguments of an operation from path, query and body. */
export function readArguments(op: Operation, { request, segments, json }: RestRequest): RestArguments {
  const inputIssues: InputIssue[] = []
  const idempotencyKey = op.kind === 'write' ? readIdempotencyKey(request.headers, inputIssues) : undefined
  const inPath = readPath(pathParameters(op), segments, inputIssues)
  const query = readQuery(new URL(request.url).search, op.input, inputIssues)
  const others = op.method === 'GET' ? query : readBody(json, query, inputIssues)
  for (const name of Object.keys(inPath))
    if (Object.hasOwn(others, name)) inputIssues.push({ path: name, message: 'must be given in the path only' })
  return { args: { ...others, ...inPath }, inputIssues, idempotencyKey }
}

function readIdempotencyKey(headers: Headers, issues: InputIssue[]): IdempotencyKey {
  const given = headers.get(IDEMPOTENCY_KEY)
  if (given === null) return { value: randomUUID(), mayHaveBeenUsed: false, givenIn: 'header' }
  const problem = keySchema.safeParse(given).error?.issues[0]
  if (problem) issues.push({ path: 'Idempotency-Key', message: problem.message })
  return { value: given, mayHaveBeenUsed: true, givenIn: 'header' }
}

function readPath(names: readonly string[], segments: readonly string[], issues: InputIssue[]): JsonObject {
  return Object.fromEntries(
    names.map((name, index) => {
      const segment = segments[index] ?? ''
      try {
        return [name, decodeURIComponent(segment)]
      } catch {
        issues.push({ path: name, message: 'is not percent-encoded UTF-8' })
        return [name, segment]
      }
    }),
  )
}

function readBody(json: unknown, query: JsonObject, issues: InputIssue[]): JsonObject {
  for (const name of Object.keys(query))
    issues.push({ path: name, message: 'is not supported in the query string; send it in the body' })
  if (isObject(json)) return json
  issues.push({ path: 'body', message: 'must be a JSON object' })
  return {}
}

/** Reads a query; the types of its values are read where all arguments are validated. */
function readQuery(search: string, input: z.ZodObject, issues: InputIssue[]): JsonObject {
  // Other bytes would turn into other characters.
  if (!isPercentEncoded(search)) issues.push({ path: 'query', message: 'is not percent-encoded UTF-8' })
  const parameters = new URLSearchParams(search)
  const values = Array.from(new Set(parameters.keys()), (name): [string, unknown] => {
    const schema = childSchema(input, name)
    const given = parameters.getAll(name)
    // Lists are joined by commas, repeated, or both; any other parameter is given once.
    if (plainType(schema) instanceof z.ZodArray) return [name, given.flatMap((value) => value.split(','))]
    if (schema && given.length > 1) issues.push({ path: name, message: 'must be given once' })
    return [name, isBlank(given, schema) ? undefined : given[0]]
  })
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

/** Forms send every field, empty; that counts as absent, unless it is a filter, without which everything would be listed. */
function isBlank([value]: readonly string[], schema: Schema): boolean {
  const type = plainType(schema)
  if (value !== '' || type === undefined) return false
  return type instanceof z.ZodNumber || type instanceof z.ZodBoolean || z.safeParse(type, '').success
}
