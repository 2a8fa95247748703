import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'
import { createModernLayer } from './mcp/modern.ts'
import { createMcpServer } from './mcp/server.ts'
import { createStdioTransport, type StdioTransportOptions } from './mcp/stdio.ts'
import { createToolHost } from './mcp/tools.ts'
import type { Upstream } from './upstream/attempt.ts'
import { createLazyClient } from './upstream/lazy-client.ts'

/** Time for answers that are still under way when the client leaves; the process ends within 2 s. */
const GRACE_MS = 1_200
/** Time for cancelled writes to leave their line on stderr. */
const CANCEL_MS = 200

export interface StdioOptions extends Omit<StdioTransportOptions, 'modern'> {
  readonly upstream: Upstream
  readonly timeoutMs: number
  readonly title: string
  readonly log: Log
  /** Emits SIGTERM, SIGINT and SIGHUP. */
  readonly signals: EventEmitter
  readonly exit: (code: number) => void
}

/** Serves MCP on stdin and stdout until the client leaves or a signal comes; then ends with code 0. */
export async function serveStdio({ upstream, timeoutMs, title, log, signals, exit, ...streams }: StdioOptions) {
  const client = createLazyClient(async () => {
    const { createClient } = await import('./upstream/client.ts')
    return createClient({ upstream, timeoutMs, log })
  })
  const host = createToolHost(client, log)
  const server = createMcpServer({ host, title, caller: { key: streams.key } })
  const transport = createStdioTransport({ ...streams, modern: createModernLayer({ host, title }) })
  let ending = false

  const end = async (graceMs: number): Promise<void> => {
    if (ending) return
    ending = true
    setTimeout(() => exit(0), GRACE_MS + 2 * CANCEL_MS)
    await Promise.race([transport.settle(), delay(graceMs)])
    // Closing cancels every call that is still under way.
    await server.close()
    await Promise.race([transport.settle(), delay(CANCEL_MS)])
    exit(0)
  }

  streams.input.once('end', () => void end(GRACE_MS))
  streams.input.on('error', () => void end(0))
  streams.output.on('error', () => void end(0))
  // Listened to until the end: the second Ctrl-C, or npm's copy of the first, would kill the process.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) signals.on(signal, () => void end(GRACE_MS))
  await server.connect(transport)
}
