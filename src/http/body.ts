import type { Rejection } from './routes.ts'

const MAX_BODY_MIB = 1
const MAX_BODY_BYTES = MAX_BODY_MIB * 1024 * 1024

export const TOO_LARGE: Rejection = {
  status: 413,
  message: `The body is larger than ${MAX_BODY_MIB} MiB.`,
  // The rest of the body is not read.
  headers: { connection: 'close' },
}

const INVALID_JSON: Rejection = { status: 400, message: 'The body is not valid JSON in UTF-8.' }

/** Whether a `Content-Type` header is JSON. */
export function isJson(contentType: string | null): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json'
}

/** Whether an `Accept` header allows JSON; without a header everything is allowed. */
export function acceptsJson(accept: string | null): boolean {
  if (!accept?.trim()) return true
  const weights = new Map(accept.split(',').map(readMediaRange))
  // RFC 9110: the most specific range decides.
  return (weights.get('application/json') ?? weights.get('application/*') ?? weights.get('*/*') ?? 0) > 0
}

function readMediaRange(text: string): [range: string, weight: number] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase())
  const weight = parameters.map((parameter) => /^q=([\d.]+)$/.exec(parameter)?.[1]).find(Boolean)
  return [range, Number(weight ?? 1)]
}

/** Whether the `Content-Length` is over the limit. */
export function exceedsLimit(contentLength: string | null): boolean {
  return Number(contentLength ?? 0) > MAX_BODY_BYTES
}

export type JsonBody =
  | { readonly ok: true; readonly json: unknown }
  | { readonly ok: false; readonly check: 'size' | 'parse'; readonly rejection: Rejection }

/** Reads the body as JSON, up to the limit. */
export async function readJson(request: Request): Promise<JsonBody> {
  const bytes = await readBytes(request)
  if (!bytes) return { ok: false, check: 'size', rejection: TOO_LARGE }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { ok: true, json: JSON.parse(text) }
  } catch {
    return { ok: false, check: 'parse', rejection: INVALID_JSON }
  }
}

/** `undefined` when the body is too large. */
async function readBytes(request: Request): Promise<Uint8Array | undefined> {
  // node:http reads no more than the announced length, which has been checked.
  if (request.headers.has('content-length')) return new Uint8Array(await request.arrayBuffer())
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
