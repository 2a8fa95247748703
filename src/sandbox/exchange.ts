import type { JsonObject } from '../operation/define.ts'

/** What the sandbox reads of one HTTP request. */
export interface SandboxRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly body: string
  readonly idempotencyKey: string | undefined
}

export interface Answer {
  readonly status: number
  /** Absent where Metronome answers without a body. */
  readonly body?: JsonObject
  readonly headers?: Readonly<Record<string, string>>
}

/** Metronome says no: thrown by handlers, turned into an answer in one place. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(
    readonly status: number,
    message: string,
    /** Further fields of the answer's body. */
    readonly fields: JsonObject = {},
  ) {
    super(message)
  }
}

export function buildRefusal(status: number, message: string, fields: JsonObject = {}): Answer {
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

/** Two requests with equal text are the same request. */
export function fingerprint({ method, path, query, body }: SandboxRequest): string {
  return `${method} ${path}?${query} ${body}`
}

export function buildResponse({ status, body, headers }: Answer): Response {
  const init = { status, headers: { date: new Date().toUTCString(), ...headers } }
  return body ? Response.json(body, init) : new Response('', init)
}
