import type { IncomingMessage } from 'node:http'
import type { App, Rejection } from './routes.ts'

/** No call needs more: 2,000 aliases of 128 characters, some of them beyond ASCII. */
export const MAX_BODY_KIB = 512
const MAX_BODY_BYTES = MAX_BODY_KIB * 1024

/** Longer bodies are handled one after the other. */
const MAX_SMALL_BYTES = 16 * 1024

export const TOO_LARGE: Rejection = {
  status: 413,
  message: `The body is larger than ${MAX_BODY_KIB} KiB.`,
  // The rest of the body is not read.
  headers: { connection: 'close' },
}

export const TOO_MANY_BYTES: Rejection = {
  status: 429,
  message: 'The bodies of the requests in flight are too large together; retry in 1 second.',
  headers: { 'retry-after': '1' },
}

const INVALID_JSON: Rejection = { status: 400, message: 'The body is not valid JSON in UTF-8.' }

/** Whether a `Content-Type` header is JSON. */
export function isJson(contentType: string | null): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json'
}

/** Whether a `Content-Encoding` header leaves the body as it is. */
export function isIdentity(contentEncoding: string | null): boolean {
  // RFC 9110, 5.6.1: a list may have empty elements.
  return (contentEncoding ?? '').split(',').every((coding) => /^(identity)?$/i.test(coding.trim()))
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

type BodyFailure = { readonly ok: false; readonly check: string; readonly rejection: Rejection }
const TOO_MANY: BodyFailure = { ok: false, check: 'bytes-in-flight', rejection: TOO_MANY_BYTES }

export type JsonBody = { readonly ok: true; readonly json: unknown } | BodyFailure

/** Counts bytes of a body while its request is in flight; `false` when the budget of all bodies is spent. */
export type CountBytes = (bytes: number) => boolean

/** Reads the body as JSON, up to the limits. */
export async function readJson(
  incoming: IncomingMessage,
  countBytes: CountBytes,
  { parseJson, weighJson }: Pick<App, 'parseJson' | 'weighJson'>,
): Promise<JsonBody> {
  const body = await readBytes(incoming, countBytes)
  if (!body.ok) return body
  if (body.bytes.length > MAX_SMALL_BYTES) await takeTurn()
  if (!countBytes(weighJson(body.bytes) - body.bytes.length)) return TOO_MANY
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body.bytes)
    return { ok: true, json: parseJson(text) }
  } catch {
    return { ok: false, check: 'parse', rejection: INVALID_JSON }
  }
}

async function readBytes(
  incoming: IncomingMessage,
  countBytes: CountBytes,
): Promise<{ readonly ok: true; readonly bytes: Uint8Array } | BodyFailure> {
  const isCounted = incoming.headers['content-length'] !== undefined
  const chunks: Uint8Array[] = []
  let size = 0
  // The connection outlives a rejection, which is sent on it.
  for await (const chunk of incoming.iterator({ destroyOnReturn: false })) {
    size += chunk.length
    if (size > MAX_BODY_BYTES) return { ok: false, check: 'size', rejection: TOO_LARGE }
    if (!isCounted && !countBytes(chunk.length)) return TOO_MANY
    chunks.push(chunk)
  }
  return { ok: true, bytes: Buffer.concat(chunks) }
}

let lastTurn: Promise<void> = Promise.resolve()

/**
 * Resolves in an iteration of the event loop that no other large body has. What follows takes up to tens of milliseconds
 * for each; all bodies that arrive together, handled in one iteration, would let /healthz wait for seconds.
 */
function takeTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => new Promise((resolve) => setImmediate(resolve)))
  return lastTurn
}
