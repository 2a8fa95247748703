import { type $Fetch, createFetch } from 'ofetch'
import { LoadError } from '../program-error.ts'
import { CancelledError, UnsentError } from './errors.ts'
import type { UpstreamRequest } from './request.ts'

/** What is needed of a `fetch`: every one of the standard's can be used. */
export type Fetch = (url: string, init: FetchOptions) => Promise<FetchAnswer>

export interface FetchOptions {
  readonly method: 'GET' | 'POST'
  readonly headers: Headers
  readonly body?: string
  readonly signal: AbortSignal
  readonly redirect: 'manual'
}

export interface FetchAnswer {
  readonly status: number
  readonly headers: Pick<Headers, 'get'>
  /** Decompressed. */
  readonly body: AsyncIterable<Uint8Array> | null
}

/** Where requests go: the real Metronome, a stand-in on loopback, or the sandbox. */
export interface Upstream {
  readonly fetch: Fetch
  /** Scheme, host and an optional path prefix, without a slash at the end. */
  readonly baseUrl: string
  readonly needsKey: boolean
  /** Said in every result: the sandbox marks its answers. */
  readonly note?: string
}

/** How one attempt ended. */
export type Ending =
  /** A whole answer came; `text` is absent when its body could not be read as text, and `problem` says why. */
  | { kind: 'answered'; status: number; headers: FetchAnswer['headers']; text?: string; problem?: string }
  /** Nothing of the request was written: mostly there was no connection. */
  | { kind: 'unsent'; reason: string; timedOut?: true }
  /** The request may have arrived, the answer did not. */
  | { kind: 'lost'; reason: string; timedOut?: true }

export interface AttemptOptions {
  readonly headers: Record<string, string>
  /** Milliseconds for connecting, headers and body together. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Largest answer that is read, after decompression. */
export const MAX_ANSWER_MIB = 5
const MAX_ANSWER_BYTES = MAX_ANSWER_MIB * 1024 * 1024

const TIMED_OUT = Symbol('timed out')
const CANCELLED = Symbol('cancelled')

/** Sends a request once. Throws {@link CancelledError} when the signal aborts, `LoadError` when it cannot be sent at all. */
export type Attempt = (request: UpstreamRequest, options: AttemptOptions) => Promise<Ending>

export function createAttempt(upstream: Upstream): Attempt {
  const { raw } = createFetch({ fetch: upstream.fetch as typeof fetch }) // ofetch needs no more of it than we do
  return (request, options) => attempt(raw, upstream.baseUrl, request, options)
}

async function attempt(
  send: $Fetch['raw'],
  baseUrl: string,
  request: UpstreamRequest,
  { headers, timeoutMs, signal }: AttemptOptions,
): Promise<Ending> {
  if (signal?.aborted) throw new CancelledError('cancelled before it was sent', false)
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(TIMED_OUT), timeoutMs)
  const cancel = () => controller.abort(CANCELLED)
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    const response = await send(baseUrl + request.target, {
      method: request.method,
      headers: { ...headers, accept: request.accept, ...(request.body && { 'content-type': 'application/json' }) },
      ...(request.body && { body: request.body }),
      // ofetch's own repeats, redirects, parsing and time-out are off: each would break a promise made here.
      retry: 0,
      redirect: 'manual',
      responseType: 'stream',
      ignoreResponseError: true,
      signal: controller.signal,
    })
    return { kind: 'answered', status: response.status, headers: response.headers, ...(await readBody(response.body)) }
  } catch (error) {
    const { cause } = error as Error // ofetch's own, around what the fetch threw
    if (cause instanceof LoadError) throw cause
    const sent = !(cause instanceof UnsentError)
    if (controller.signal.reason === CANCELLED) throw new CancelledError('cancelled while it was under way', sent)
    if (controller.signal.reason === TIMED_OUT) return describeTimeout(sent, timeoutMs)
    return describeBreak(sent, error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

async function readBody(body: FetchAnswer['body']): Promise<{ text?: string; problem?: string }> {
  if (!body) return { text: '' }
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body) {
    size += chunk.byteLength
    if (size > MAX_ANSWER_BYTES) return { problem: `more than ${MAX_ANSWER_MIB} MiB` }
    chunks.push(chunk)
  }
  try {
    return { text: utf8.decode(Buffer.concat(chunks)) }
  } catch {
    return { problem: 'bytes that are not UTF-8 text' }
  }
}

interface SystemError {
  name?: string
  message?: string
  code?: string
  cause?: unknown
  errors?: unknown[]
}

// undici gives a refused tunnel the code of an aborted request; only its message tells them apart.
const TUNNEL_REFUSED = /^Proxy response \((\d+)\)/

function describeTimeout(sent: boolean, timeoutMs: number): Ending {
  return sent
    ? { kind: 'lost', reason: `no answer within ${timeoutMs} ms`, timedOut: true }
    : { kind: 'unsent', reason: `no connection within ${timeoutMs} ms`, timedOut: true }
}

function describeBreak(sent: boolean, error: unknown): Ending {
  const causes = flattenCauses(error)
  const isForeign = causes.some(({ name }) => name === 'HTTPParserError')
  const why = isForeign ? 'what came is not valid HTTP' : causes.find(({ code }) => code)?.code
  const inBrackets = why ? ` (${why})` : ''
  if (sent) return { kind: 'lost', reason: `the connection broke${inBrackets}` }
  const proxyStatus = causes.map(({ message = '' }) => TUNNEL_REFUSED.exec(message)?.[1]).find(Boolean)
  return { kind: 'unsent', reason: proxyStatus ? `the proxy answered ${proxyStatus}` : `no connection${inBrackets}` }
}

function flattenCauses(error: unknown): SystemError[] {
  if (typeof error !== 'object' || error === null) return []
  const { cause, errors = [] } = error as SystemError // errors of Node and undici carry these fields
  return [error as SystemError, ...flattenCauses(cause), ...errors.flatMap(flattenCauses)]
}
