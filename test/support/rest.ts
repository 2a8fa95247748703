import type { Fetch } from '../../src/metronome/fetch.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { CONTRACT } from '../contract.ts'
import { type HttpRequest, type HttpResponse, send } from './http.ts'

export const ROUTES = CONTRACT.map(({ tool, method, restPath }) => [tool, method, restPath] as const)

/** The same information as a tool's arguments, as a REST request. */
export function restRequest(tool: string, args: JsonObject): HttpRequest {
  const [, method, template] = ROUTES.find(([name]) => name === tool) ?? []
  if (!method || !template) throw new Error(`no route for ${tool}`)
  if (!template.includes('{')) return place(method, template, args)
  const { customer_id, ...others } = args
  return place(method, template.replace('{customer-id}', encodeURIComponent(String(customer_id))), others)
}

function place(method: 'GET' | 'POST', path: string, args: JsonObject): HttpRequest {
  if (method === 'POST') return { method, path, body: JSON.stringify(args) }
  const query = new URLSearchParams(
    Object.entries(args).map(([name, value]): [string, string] => [name, String(value)]),
  )
  return { method, path: query.size > 0 ? `${path}?${query}` : path }
}

export interface SentUpstream {
  readonly method: string | undefined
  readonly url: string
  readonly headers: Record<string, string>
  readonly body: unknown
}

export interface Recorder {
  readonly fetch: Fetch
  readonly sent: SentUpstream[]
}

/** Records what is sent to `fetch`. */
export function record(fetch: Fetch): Recorder {
  const sent: SentUpstream[] = []
  return {
    sent,
    fetch(input, init) {
      const { pathname, search } = new URL(String(input))
      const headers = Object.fromEntries(new Headers(init?.headers))
      sent.push({ method: init?.method, url: pathname + search, headers, body: init?.body })
      return fetch(input, init)
    },
  }
}

/** Sends a request and reads its response, which is always JSON. */
export async function ask(url: string, sent: HttpRequest): Promise<HttpResponse & { json: JsonObject }> {
  const response = await send(url, sent)
  return { ...response, json: JSON.parse(response.text) }
}
