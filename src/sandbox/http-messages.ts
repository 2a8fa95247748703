import type { JsonObject } from '../operations/json.ts'

/** What the sandbox reads of one HTTP request. */
export interface SandboxRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  readonly idempotencyKey: string | undefined
}

export interface SandboxResponse {
  readonly status: number
  /** Absent where Metronome sends an empty body. */
  readonly body?: JsonObject
  readonly headers?: Readonly<Record<string, string>>
}

/** An error response of Metronome: handlers throw it, and the router turns it into a response. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    readonly status: number,
    message: string,
    /** Further fields of the response body. */
    readonly fields: JsonObject = {},
  ) {
    super(message)
  }
}

export function buildErrorResponse({ status, message, fields }: ApiError): SandboxResponse {
  return { status, body: { ...fields, message } }
}

export async function readRequest(request: Request): Promise<SandboxRequest> {
  const { pathname, searchParams } = new URL(request.url)
  return {
    method: request.method,
    path: pathname,
    query: searchParams,
    body: await request.text(),
    idempotencyKey: request.headers.get('idempotency-key') ?? undefined,
  }
}

/** Equal for requests with the same parameters. */
export function fingerprint({ method, path, query, body }: SandboxRequest): string {
  return `${method} ${path}?${query} ${body}`
}

export function buildResponse({ status, body, headers }: SandboxResponse): Response {
  const init = { status, headers: { date: new Date().toUTCString(), ...headers } }
  return body ? Response.json(body, init) : new Response('', init)
}
