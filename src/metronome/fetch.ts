import { pipeline, type Readable } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { Agent, type Dispatcher, EnvHttpProxyAgent, Pool } from 'undici'

/** The part of `fetch` that is needed; every standard fetch fits. */
export type Fetch = (url: string, init: FetchInit) => Promise<FetchResponse>

export interface FetchInit {
  readonly method: 'GET' | 'POST'
  readonly headers: Headers
  readonly body?: string
  readonly signal: AbortSignal
  readonly redirect: 'manual'
}

export interface FetchResponse {
  readonly status: number
  readonly headers: Pick<Headers, 'get'>
  /** Decompressed. */
  readonly body: AsyncIterable<Uint8Array> | null
}

export interface ProxySettings {
  readonly httpProxy?: string
  readonly httpsProxy?: string
  readonly noProxy?: string
  /** Names of variables whose address cannot be used. */
  readonly unusable?: { readonly httpProxy?: string; readonly httpsProxy?: string }
}

/** A `fetch` throws this when nothing of the request was written to a connection. */
export class NotSentError extends Error {
  override readonly name = 'NotSentError'
}

/** Nothing was sent, since too many requests wait for a slot. */
export class OverloadedError extends NotSentError {}

/**
 * A `fetch` on undici's `request`: half the CPU of Node's own fetch, and it can tell whether anything was written.
 * Throws {@link NotSentError} when nothing was, otherwise the errors of undici and Node.
 */
export function createNetworkFetch(proxy?: ProxySettings): Fetch {
  const dispatched = new WeakSet<object>()
  const agent = proxy ? new EnvHttpProxyAgent({ ...NO_PROXY, ...proxy, ...OPTIONS, clientFactory }) : new Agent(OPTIONS)
  const dispatcher = agent.compose(trackDispatch(dispatched))
  return async (url, { method, headers, body, signal }) => {
    const { origin, pathname, search } = new URL(url)
    headers.set('accept-encoding', ACCEPTED)
    const request = { origin, path: pathname + search, method, headers, signal, ...(body && { body }) }
    try {
      signal.throwIfAborted()
      const response = await Promise.race([dispatcher.request(request), rejectOnAbort(signal)])
      return {
        status: response.statusCode,
        headers: { get: (name) => readHeader(response.headers, name.toLowerCase()) },
        body: decompress(response.body, response.headers['content-encoding']),
      }
    } catch (error) {
      throw dispatched.has(request) ? error : new NotSentError('nothing was written', { cause: error })
    }
  }
}

/** The variable with an unusable address that requests to this URL would need; `undefined` when they need none. */
export function findUnusableProxy(url: URL, { httpProxy, httpsProxy, noProxy = '', unusable = {} }: ProxySettings) {
  const isSecure = url.protocol === 'https:'
  // As undici: https goes through the proxy for http where there is no other.
  const variable =
    isSecure && !httpsProxy ? (unusable.httpsProxy ?? (httpProxy ? undefined : unusable.httpProxy)) : undefined
  const needed = isSecure ? variable : unusable.httpProxy
  const isBypassed = noProxy
    .toLowerCase()
    .split(/[,\s]+/)
    .map((entry) => entry.replace(/^\*?\./, '').replace(/:\d+$/, ''))
    .some((entry) => entry === '*' || (entry !== '' && `.${url.hostname}`.endsWith(`.${entry}`)))
  return isBypassed ? undefined : needed
}

/** A `fetch` that reaches nothing, since a proxy is needed and cannot be used. */
export function createUnreachableFetch(variable: string): Fetch {
  return async () => {
    throw new NotSentError('no proxy', { cause: { code: `${variable} is not a usable proxy address` } })
  }
}

/** How many requests are in flight and waiting. */
export interface LimitedFetch {
  readonly fetch: Fetch
  readonly inFlight: () => number
  readonly waiting: () => number
  /** Whether the queue is full. */
  readonly isSaturated: () => boolean
}

/**
 * Sends at most `inFlight` requests at once; others wait in order. Throws {@link OverloadedError} when `waiting` already
 * wait, and {@link NotSentError} when the signal aborts first. A slot is free again when the response body has ended.
 */
export function limitConcurrency(fetch: Fetch, limits: { inFlight: number; waiting: number }): LimitedFetch {
  const queue = new Set<() => void>()
  let inFlight = 0

  async function acquire(signal: AbortSignal): Promise<void> {
    if (inFlight < limits.inFlight) {
      inFlight += 1
      return
    }
    if (queue.size >= limits.waiting) throw new OverloadedError('too many calls are waiting')
    if (signal.aborted) throw new NotSentError('no slot became free', { cause: signal.reason })
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        signal.removeEventListener('abort', leave)
        queue.delete(start)
        resolve()
      }
      const leave = () => {
        queue.delete(start)
        reject(new NotSentError('no slot became free', { cause: signal.reason }))
      }
      queue.add(start)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  /** Passes the slot on to the request that has waited longest. */
  function release(): void {
    const [next] = queue
    if (next) next()
    else inFlight -= 1
  }

  return {
    async fetch(url, init) {
      await acquire(init.signal)
      try {
        const response = await fetch(url, init)
        if (response.body) return { ...pick(response), body: releaseAfter(response.body, release) }
        release()
        return response
      } catch (error) {
        release()
        throw error
      }
    },
    inFlight: () => inFlight,
    waiting: () => queue.size,
    isSaturated: () => queue.size >= limits.waiting,
  }
}

// A Response keeps its fields on its prototype.
const pick = ({ status, headers }: FetchResponse) => ({ status, headers })

async function* releaseAfter(body: AsyncIterable<Uint8Array>, release: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } finally {
    release()
  }
}

// Every attempt has its own deadline.
const OPTIONS = { headersTimeout: 0, bodyTimeout: 0 }
// An absent setting would make undici read the process environment.
const NO_PROXY = { httpProxy: '', httpsProxy: '', noProxy: '' }
// undici's own limit for a connection.
const TUNNEL_TIMEOUT_MS = 10_000

/** Notes each request right before undici writes the first byte of it. */
function trackDispatch(dispatched: WeakSet<object>): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (request, handler) => {
    const { onRequestStart } = handler
    handler.onRequestStart = (controller, context) => {
      dispatched.add(request)
      onRequestStart?.call(handler, controller, context)
    }
    return dispatch(request, handler)
  }
}

/** undici observes a signal only once there is a connection. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Opens the tunnels through a proxy. */
function clientFactory(origin: URL, options: object): Dispatcher {
  return new Pool(origin, { ...options, headersTimeout: TUNNEL_TIMEOUT_MS }).compose(maskErrorCodes)
}

/** By its code undici would take a proxy that closes the connection for a passing error, and reconnect without end. */
const maskErrorCodes: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (request, handler) => {
  const { onResponseError } = handler
  handler.onResponseError = (controller, cause) =>
    onResponseError?.call(handler, controller, new Error('no tunnel', { cause }))
  return dispatch(request, handler)
}

// Lenient about a truncated end, as browsers are: an empty body is complete.
const LENIENT = { finishFlush: constants.Z_SYNC_FLUSH }
const DECOMPRESSORS = new Map([
  ['gzip', () => createGunzip(LENIENT)],
  ['br', () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH })],
  ['deflate', () => createInflate(LENIENT)],
])
// Not deflate: servers disagree about its format.
const ACCEPTED = 'gzip, br'

function readHeader(headers: Record<string, string | string[] | undefined>, name: string): string | null {
  return Object.hasOwn(headers, name) ? [headers[name]].flat().join(', ') : null
}

/** A body with an encoding that was not asked for is passed on as it is. */
function decompress(body: Readable, encoding: string | string[] | undefined): Readable {
  // RFC 9110 has x-gzip as an older name of gzip.
  const name = String(encoding).toLowerCase().replace('x-gzip', 'gzip')
  const createDecompressor = DECOMPRESSORS.get(name)
  // An error surfaces in the stream that is returned.
  return createDecompressor ? pipeline(body, createDecompressor(), () => {}) : body
}
