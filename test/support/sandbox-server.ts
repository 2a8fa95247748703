import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createNetworkFetch } from '../../src/metronome/fetch.ts'
import type { Upstream } from '../../src/metronome/send.ts'
import type { FaultPlan } from '../../src/sandbox/fault-spec.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'

export interface SandboxServer {
  readonly store: Store
  readonly upstream: Upstream
  /** Idempotency-Keys of the writes that arrived. */
  readonly keys: ReadonlySet<string>
  close(): Promise<void>
}

/** The sandbox behind a socket on loopback; where a fault breaks the connection, the socket is cut. */
export async function startSandboxServer(faults: FaultPlan): Promise<SandboxServer> {
  const store = createStore()
  const sandbox = createSandbox({ store, faults })
  const keys = new Set<string>()
  const server = createServer(async (incoming, response) => {
    const disconnected = new AbortController()
    response.on('close', () => disconnected.abort())
    try {
      const { method = '', headers } = incoming
      const key = headers['idempotency-key']?.toString()
      if (key !== undefined) keys.add(key)
      const body = method === 'POST' ? await readText(incoming) : undefined
      const result = await sandbox.fetch(`${sandbox.baseUrl}${incoming.url}`, {
        method,
        headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
        ...(body !== undefined && { body }),
        signal: disconnected.signal,
      })
      response.writeHead(result.status, Object.fromEntries(result.headers))
      response.end(Buffer.from(await result.arrayBuffer()))
    } catch {
      incoming.socket.destroy()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    store,
    keys,
    upstream: { fetch: createNetworkFetch(), baseUrl: `http://127.0.0.1:${port}`, needsKey: false },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function readText(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
