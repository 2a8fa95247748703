import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import type { Upstream } from '../../src/upstream/attempt.ts'
import { createNetworkFetch } from '../../src/upstream/network.ts'

export interface SandboxSocket {
  readonly store: Store
  readonly upstream: Upstream
  /** Method and Idempotency-Key of every request that arrived. */
  readonly requests: { readonly method: string; readonly idempotencyKey: string | undefined }[]
  close(): Promise<void>
}

/** The sandbox behind a real socket on loopback; where it breaks a connection, the socket is cut. */
export async function openSandboxSocket(faults?: string): Promise<SandboxSocket> {
  const store = createStore()
  const sandbox = createSandbox({ store, faults })
  const requests: SandboxSocket['requests'][number][] = []
  const server = createServer(async (request, response) => {
    const left = new AbortController()
    response.on('close', () => left.abort())
    try {
      const { method = '', headers } = request
      requests.push({ method, idempotencyKey: headers['idempotency-key']?.toString() })
      const body = method === 'POST' ? await text(request) : undefined
      const answer = await sandbox.fetch(`${sandbox.baseUrl}${request.url}`, {
        method,
        headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
        ...(body !== undefined && { body }),
        signal: left.signal,
      })
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(Buffer.from(await answer.arrayBuffer()))
    } catch {
      request.socket.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server's
  return {
    store,
    requests,
    upstream: { fetch: createNetworkFetch(), baseUrl: `http://127.0.0.1:${port}`, needsKey: false },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
