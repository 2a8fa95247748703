import { pipeline, type Readable } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { Agent, EnvHttpProxyAgent } from 'undici'
import type { ProxySettings } from '../config/proxy-settings.ts'
import type { Fetch } from './attempt.ts'

/**
 * A `fetch` by way of undici's `request`, which takes less than half of the processor time that Node's own `fetch`
 * takes, and is the same on every Node. Rejects with the errors of undici and Node as they are.
 */
export function createNetworkFetch(proxy?: ProxySettings): Fetch {
  const dispatcher = proxy ? new EnvHttpProxyAgent({ ...NO_PROXY, ...proxy, ...OPTIONS }) : new Agent(OPTIONS)
  return async (url, { method, headers, body, signal }) => {
    const { origin, pathname, search } = new URL(url)
    headers.set('accept-encoding', ACCEPTED)
    const path = pathname + search
    const answer = await dispatcher.request({ origin, path, method, headers, signal, ...(body && { body }) })
    return {
      status: answer.statusCode,
      headers: { get: (name) => readHeader(answer.headers, name.toLowerCase()) },
      body: decompress(answer.body, answer.headers['content-encoding']),
    }
  }
}

// Every attempt has a deadline of its own.
const OPTIONS = { headersTimeout: 0, bodyTimeout: 0 }
// An absent setting would make undici read the process environment again.
const NO_PROXY = { httpProxy: '', httpsProxy: '', noProxy: '' }

// Lenient about the end, as browsers are: no body at all is a complete one.
const LENIENT = { finishFlush: constants.Z_SYNC_FLUSH }
const DECOMPRESSORS = new Map([
  ['gzip', () => createGunzip(LENIENT)],
  ['deflate', () => createInflate(LENIENT)],
  ['br', () => createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH })],
])
const ACCEPTED = Array.from(DECOMPRESSORS.keys()).join(', ')

function readHeader(headers: Record<string, string | string[] | undefined>, name: string): string | null {
  return Object.hasOwn(headers, name) ? [headers[name]].flat().join(', ') : null
}

/** What was not asked for is left as it came. */
function decompress(body: Readable, encoding: string | string[] | undefined): Readable {
  // The older name of gzip, as RFC 9110 has it.
  const name = String(encoding).toLowerCase().replace('x-gzip', 'gzip')
  const createDecompressor = DECOMPRESSORS.get(name)
  // The error, if there is one, comes out of the stream that is returned.
  return createDecompressor ? pipeline(body, createDecompressor(), () => {}) : body
}
