import { randomUUID } from 'node:crypto'
import { checkArguments } from '../operation/arguments.ts'
import { type JsonObject, type Operation, pathArguments } from '../operation/define.ts'
import { InputError, type InputIssue } from '../operation/input-error.ts'
import { readQuery } from './query.ts'

export const IDEMPOTENCY_KEY = 'idempotency-key'
export const MAX_KEY_CHARACTERS = 255
const VISIBLE_ASCII = /^[\x21-\x7e]+$/

export interface RestRequest {
  readonly request: Request
  /** Arguments of the path, still percent-encoded, in their order. */
  readonly segments: readonly string[]
  /** The body; `undefined` on GET. */
  readonly json: unknown
}

export interface RestCall {
  readonly args: JsonObject
  /** Only of writes: the caller's own, or a new one. */
  readonly idempotencyKey: string | undefined
  /** The caller chose it, and may have used it before. */
  readonly isKeyShared: boolean
}

/** Reads what is called, and with what. Throws {@link InputError} with everything that does not fit where it stands. */
export function readCall(op: Operation, { request, segments, json }: RestRequest): RestCall {
  const issues: InputIssue[] = []
  const idempotencyKey = op.write && readIdempotencyKey(request.headers, issues)
  const inPath = readPath(pathArguments(op), segments, issues)
  const query = readQuery(new URL(request.url).search, op.input, issues)
  const others = op.method === 'GET' ? query : readBody(json, query, issues)
  for (const name of Object.keys(inPath))
    if (Object.hasOwn(others, name)) issues.push({ path: name, message: 'stands in the path; leave it out elsewhere' })

  const args = { ...others, ...inPath }
  if (issues.length === 0) return { args, idempotencyKey, isKeyShared: request.headers.has(IDEMPOTENCY_KEY) }
  const checked = checkArguments(op, args)
  throw new InputError(op.tool, 'issues' in checked ? [...issues, ...checked.issues] : issues)
}

function readIdempotencyKey(headers: Headers, issues: InputIssue[]): string {
  const key = headers.get(IDEMPOTENCY_KEY) ?? randomUUID()
  if (!VISIBLE_ASCII.test(key) || key.length > MAX_KEY_CHARACTERS)
    issues.push({ path: 'Idempotency-Key', message: `must have 1 to ${MAX_KEY_CHARACTERS} visible ASCII characters` })
  return key
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
    issues.push({ path: name, message: 'stands in the query, where nothing is read' })
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject // just checked
  issues.push({ path: 'body', message: 'must be a JSON object' })
  return {}
}
