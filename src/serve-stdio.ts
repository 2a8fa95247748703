import type { EventEmitter } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { Log } from './log.ts'
import { createModernLayer } from './mcp/modern.ts'
import { createMcpServer } from './mcp/server.ts'
import { createStdioTransport, type StdioTransportOptions } from './mcp/stdio.ts'
import { createToolHost } from './mcp/tools.ts'
import type { Client } from './upstream/client.ts'

/** Time for answers that are still under way when the client leaves; the process ends within 2 s. */
const GRACE_MS = 1_200
/** Time for cancelled writes to leave their line on stderr. */
const CANCEL_MS = 200
/** What is left of the grace for ports when their cancelled calls need some for an answer. */
const PORTS_GRACE_MS = 900

export interface StdioOptions extends Omit<StdioTransportOptions, 'modern'> {
  readonly client: Client
  readonly title: string
  readonly log: Log
  /** Emits SIGTERM, SIGINT and SIGHUP. */
  readonly signals: EventEmitter
  readonly exit: (code: number) => void
  /** Ports that are served beside stdio; they end with it. */
  readonly ports?: { drain(drainMs: number): Promise<void> } | undefined
}

/** Serves MCP on stdin and stdout until the client leaves or a signal comes; then ends with code 0. */
export async function serveStdio({ client, title, log, signals, exit, ports, ...streams }: StdioOptions) {
  const host = createToolHost(client, log)
  const server = createMcpServer({ host, title, caller: { key: streams.key } })
  const transport = createStdioTransport({ ...streams, modern: createModernLayer({ host, title }) })
  let ending = false

  const end = async (graceMs: number): Promise<void> => {
    if (ending) return
    ending = true
    setTimeout(() => exit(0), GRACE_MS + 2 * CANCEL_MS)
    const drained = ports?.drain(Math.min(graceMs, PORTS_GRACE_MS))
    await Promise.race([transport.settle(), delay(graceMs)])
    // Closing cancels every call that is still under way.
    await server.close()
    await Promise.race([transport.settle(), delay(CANCEL_MS)])
    await drained
    exit(0)
  }

  streams.input.once('end', () => void end(GRACE_MS))
  streams.input.on('error', () => void end(0))
  streams.output.on('error', () => void end(0))
  // Listened to until the end: the second Ctrl-C, or npm's copy of the first, would kill the process.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) signals.on(signal, () => void end(GRACE_MS))
  await server.connect(transport)
}
