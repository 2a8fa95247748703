import type { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import type { Call, Caller } from '../calls/call.ts'
import type { ByteBudget } from '../http/byte-budget.ts'
import { createMcpServer } from '../mcp/server.ts'
import type { ServerInfo } from '../mcp/server-info.ts'
import { createStatelessLayer } from '../mcp/stateless.ts'
import { createStdioTransport } from '../mcp/stdio.ts'

/** For calls that are still in flight when the client leaves; the process ends within 2 s. */
const GRACE_MS = 1_200
/** For interrupted calls to send their last response. */
const INTERRUPT_MS = 300
/** The grace of the ports, whose interrupted calls need some of it for a response. */
const PORTS_GRACE_MS = 900

export interface StdioOptions {
  readonly input: Readable
  readonly output: Writable
  readonly call: Call
  /** Ends the calls in flight. */
  readonly interrupt: () => void
  readonly info: ServerInfo
  readonly caller: Caller
  /** Emits SIGTERM, SIGINT and SIGHUP. */
  readonly signals: EventEmitter
  readonly exit: (code: number) => void
  /** Ends the ports that are served beside stdio. */
  readonly drainPorts?: ((drainMs: number) => Promise<void>) | undefined
  /** Shared with these ports. */
  readonly byteBudget: ByteBudget
}

/** Serves MCP on stdin and stdout until the client leaves or a signal comes; then exits with code 0. */
export async function serveStdio(options: StdioOptions): Promise<void> {
  const { input, output, call, interrupt, info, caller, signals, exit, drainPorts, byteBudget } = options
  const server = createMcpServer({ call, info, caller })
  const stateless = createStatelessLayer({ call, info })
  const transport = createStdioTransport({ input, output, stateless, caller, byteBudget })
  let isEnding = false

  const end = async (graceMs: number): Promise<void> => {
    if (isEnding) return
    isEnding = true
    setTimeout(() => exit(0), GRACE_MS + 2 * INTERRUPT_MS)
    const drained = drainPorts?.(Math.min(graceMs, PORTS_GRACE_MS))
    await Promise.race([Promise.all([transport.flush(), drained]), delay(graceMs)])
    // Every call in flight still gets its last response.
    interrupt()
    await Promise.race([transport.flush(), delay(INTERRUPT_MS)])
    await server.close()
    await drained
    exit(0)
  }

  input.once('end', () => void end(GRACE_MS))
  input.on('error', () => void end(0))
  output.on('error', () => void end(0))
  // Kept until the end: a second Ctrl-C, or npm's copy of the first, would kill the process.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) signals.on(signal, () => void end(GRACE_MS))
  await server.connect(transport)
}
