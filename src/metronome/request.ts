import { type JsonObject, noContent } from '../operations/json.ts'
import type { Operation } from '../operations/operation.ts'

/** One HTTP request to Metronome, without host and credentials. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST'
  /** Path and query, percent-encoded. */
  readonly target: string
  /** JSON text; absent on GET. */
  readonly body?: string
  readonly accept: string
}

/** Path parameters go into the path, the other arguments into the query of a GET or the JSON body of a POST. */
export function buildRequest(op: Operation, args: JsonObject): UpstreamRequest {
  const rest = { ...args }
  const path = op.path.replace(/\{(\w+)\}/g, (_, name: string) => {
    delete rest[name]
    return encodeURIComponent(String(args[name]))
  })
  // As Metronome's SDKs do where the response has no body.
  const accept = op.output === noContent ? '*/*' : 'application/json'
  if (op.method === 'GET') return { method: 'GET', target: path + buildQuery(rest), accept }
  return { method: 'POST', target: path, body: JSON.stringify(rest), accept }
}

/** Arrays are joined with commas, as in all of Metronome's SDKs; an empty array is not sent. */
function buildQuery(parameters: JsonObject): string {
  const pairs = Object.entries(parameters)
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : String(value)] as const)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}
