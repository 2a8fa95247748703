import { type JsonObject, type Operation, pathArguments } from '../operation/define.ts'

/** One HTTP request to Metronome, without host and credentials. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST'
  /** Path and query, percent-encoded. */
  readonly target: string
  /** JSON text; absent on GET. */
  readonly body?: string
  readonly accept: string
}

/** Path arguments go into the path; of the others a GET makes its query, a POST its JSON body. */
export function buildRequest(op: Operation, args: JsonObject): UpstreamRequest {
  const inPath = pathArguments(op)
  const rest = Object.entries(args).filter(([name]) => !inPath.includes(name))
  const path = op.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(args[name])))
  // Metronome's SDKs ask for no particular type where the answer has no body.
  const accept = op.emptyAnswer ? '*/*' : 'application/json'
  if (op.method === 'GET') return { method: 'GET', target: path + buildQuery(rest), accept }
  return { method: 'POST', target: path, body: JSON.stringify(Object.fromEntries(rest)), accept }
}

/** Arrays are joined with commas, as all of Metronome's SDKs do; an empty array sends nothing. */
function buildQuery(entries: [string, unknown][]): string {
  const pairs = entries
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(',') : String(value)] as const)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
  return pairs.length > 0 ? `?${pairs.join('&')}` : ''
}
