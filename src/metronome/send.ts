import { type $Fetch, createFetch } from 'ofetch'
import type { Redact } from '../sanitize.ts'
import { NAME, VERSION } from '../version.ts'
import { type Fetch, type FetchResponse, NotSentError, OverloadedError } from './fetch.ts'
import type { UpstreamRequest } from './request.ts'
import { type AttemptResult, type Body, maxBytes, parseBody, tooLarge } from './response.ts'

/** Where requests go: Metronome, a mock on loopback, or the sandbox. */
export interface Upstream {
  readonly fetch: Fetch
  /** Scheme, host and an optional path prefix, without a trailing slash. */
  readonly baseUrl: string
  readonly needsKey: boolean
  /** Added to every result: the sandbox marks its results. */
  readonly note?: string
}

export interface SendOptions {
  readonly apiKey: string | undefined
  readonly idempotencyKey?: string | undefined
  /** W3C trace context of the caller. */
  readonly traceparent?: string | undefined
  /** Milliseconds for connection, headers and body together. */
  readonly attemptMs: number
  readonly signal?: AbortSignal | undefined
  /** Applied to the body before any of it is used, since part of a key would no longer be recognized. */
  readonly redact: Redact
}

/** Sends a request once. */
export type Send = (request: UpstreamRequest, options: SendOptions) => Promise<AttemptResult>

const TIMED_OUT = Symbol('timed out')
const CANCELLED = Symbol('cancelled')

export function createSend({ fetch, baseUrl }: Pick<Upstream, 'fetch' | 'baseUrl'>): Send {
  const { raw } = createFetch({ fetch: fetch as typeof globalThis.fetch }) // ofetch uses no more of it than `Fetch` has
  return (request, options) => sendOnce(raw, baseUrl, request, options)
}

async function sendOnce(
  fetch: $Fetch['raw'],
  baseUrl: string,
  request: UpstreamRequest,
  options: SendOptions,
): Promise<AttemptResult> {
  const { attemptMs, signal, redact } = options
  if (signal?.aborted) return { kind: 'not_sent', reason: describeCancel(signal), cause: 'cancelled' }
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(TIMED_OUT), attemptMs)
  const cancel = () => controller.abort(CANCELLED)
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    const { status, headers, body } = await fetch(baseUrl + request.target, {
      method: request.method,
      headers: buildHeaders(request, options),
      ...(request.body && { body: request.body }),
      // ofetch's own retries, redirects, parsing and time-outs are off: the rules of decision and budget are ours.
      retry: 0,
      redirect: 'manual',
      responseType: 'stream',
      ignoreResponseError: true,
      signal: controller.signal,
    })
    return { kind: 'response', status, headers, body: await readBody(status, body, redact) }
  } catch (error) {
    const abortReason = controller.signal.reason
    if (abortReason !== CANCELLED) return describeFailure(error, abortReason === TIMED_OUT ? attemptMs : undefined)
    return { kind: wasSent(error) ? 'no_response' : 'not_sent', reason: describeCancel(signal), cause: 'cancelled' }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
  }
}

function buildHeaders(
  { accept, body }: UpstreamRequest,
  { apiKey, idempotencyKey, traceparent }: SendOptions,
): Record<string, string> {
  return {
    accept,
    'user-agent': `${NAME}/${VERSION}`,
    ...(body && { 'content-type': 'application/json' }),
    ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
    ...(traceparent && { traceparent }),
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

async function readBody(status: number, body: FetchResponse['body'] | undefined, redact: Redact): Promise<Body> {
  const limit = maxBytes(status)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > limit) return tooLarge(status)
    chunks.push(chunk)
  }
  try {
    return parseBody(utf8.decode(Buffer.concat(chunks)), redact)
  } catch {
    return { kind: 'unreadable', problem: 'bytes that are not UTF-8 text' }
  }
}

/** An abort reason that is text says why the call ends. */
function describeCancel(signal: AbortSignal | undefined): string {
  return typeof signal?.reason === 'string' ? signal.reason : 'the call was cancelled'
}

function wasSent(error: unknown): boolean {
  return !flattenCauses(error).some((cause) => cause instanceof NotSentError)
}

/** `attemptMs` is given when the time ran out. */
function describeFailure(error: unknown, attemptMs: number | undefined): AttemptResult {
  const kind = wasSent(error) ? 'no_response' : 'not_sent'
  const causes = flattenCauses(error)
  const isOverloaded = causes.some((cause) => cause instanceof OverloadedError)
  if (isOverloaded && attemptMs !== undefined)
    return { kind: 'not_sent', reason: `too many calls are waiting, no slot within ${attemptMs} ms`, cause: 'queued' }
  if (isOverloaded) return { kind: 'not_sent', reason: 'too many calls are waiting', cause: 'overloaded' }
  if (attemptMs === undefined) return { kind, reason: describeConnectionError(kind, causes) }
  const missing = kind === 'not_sent' ? 'connection' : 'response'
  return { kind, reason: `no ${missing} within ${attemptMs} ms`, cause: 'timeout' }
}

interface SystemError {
  name?: string
  message?: string
  code?: string
  cause?: unknown
  errors?: unknown[]
}

// undici reports a tunnel that the proxy rejected with the code of an aborted request; only its message differs.
const TUNNEL_REJECTED = /^Proxy response \((\d+)\)/

function describeConnectionError(kind: 'not_sent' | 'no_response', causes: readonly SystemError[]): string {
  const isInvalidHttp = causes.some(({ name }) => name === 'HTTPParserError')
  const code = isInvalidHttp ? 'invalid HTTP response' : causes.find((cause) => cause.code)?.code
  const suffix = code ? ` (${code})` : ''
  if (kind === 'no_response') return `connection closed${suffix}`
  const proxyStatus = causes.map(({ message = '' }) => TUNNEL_REJECTED.exec(message)?.[1]).find(Boolean)
  return proxyStatus ? `the proxy responded ${proxyStatus}` : `no connection${suffix}`
}

function flattenCauses(error: unknown): SystemError[] {
  if (typeof error !== 'object' || error === null) return []
  const { cause, errors = [] } = error as SystemError // errors of Node and undici carry these fields
  return [error as SystemError, ...flattenCauses(cause), ...errors.flatMap(flattenCauses)]
}
