import type { Transport as SdkTransport } from '@modelcontextprotocol/sdk/shared/transport.js'
import { readConfig } from '../config/config.ts'
import { parseFlags } from '../flags.ts'
import { createLog } from '../log.ts'
import { titleOf } from '../mcp/identity.ts'
import { createMcpServer } from '../mcp/server.ts'
import { withoutTask } from '../mcp/task.ts'
import { createToolHost } from '../mcp/tools.ts'
import { openUpstream } from '../open-upstream.ts'
import { createRedactor, type Redact } from '../redact.ts'
import { createClient } from '../upstream/client.ts'
import type { Transport } from './transport.ts'

/** Nothing is read from the environment: pass in what is wanted. */
export interface ServerOptions {
  /** API key of Metronome. */
  readonly apiKey?: string
  /** Answer from a Metronome in memory instead: no key, no network. */
  readonly sandbox?: boolean
  /** https, or http on this machine. */
  readonly baseUrl?: string
  /** Budget of one call in milliseconds, 1000 to 600000. */
  readonly timeoutMs?: number
  /** Takes one line for each event; it holds no arguments, results or secrets. */
  readonly log?: (line: string) => void
}

/** A server for one client. */
export interface CustomersServer {
  /** Serves the transport until either side closes it. */
  connect(transport: Transport): Promise<void>
  /** Cancels what is under way and closes the transport. */
  close(): Promise<void>
}

/** Throws when an option cannot be used. */
export function createServer(options: ServerOptions = {}): CustomersServer {
  const { sandbox = false, log: write } = options
  const config = readConfig(asSources(options), parseFlags(sandbox ? ['--sandbox'] : []))
  const redact = createRedactor([config.key])
  const log = createLog(write ? 'info' : 'off', 'text', (line) => write?.(redact(line)))
  let close = async () => {}
  return {
    async connect(transport) {
      const upstream = await openUpstream(config, { sandbox })
      const server = createMcpServer({
        host: createToolHost(createClient({ upstream, timeoutMs: config.timeoutMs, log }), log),
        title: titleOf(sandbox),
        caller: { key: config.key },
      })
      close = () => server.close()
      await server.connect(hideKey(transport, redact))
    },
    close: () => close(),
  }
}

/** The checks are those of the variables with the same meaning. */
function asSources({ apiKey, baseUrl, timeoutMs }: ServerOptions) {
  const environment = {
    METRONOME_API_KEY: apiKey,
    METRONOME_BASE_URL: baseUrl,
    METRONOME_TIMEOUT_MS: timeoutMs?.toString(),
  }
  return { environment, envFile: {}, dotEnv: {}, readFile: () => '' }
}

/** The key leaves in no message, even when Metronome echoes it. */
function hideKey(transport: Transport, redact: Redact): SdkTransport {
  const hiding: Transport = {
    start: () => {
      transport.onmessage = (message) => hiding.onmessage?.(withoutTask(message))
      transport.onclose = () => hiding.onclose?.()
      transport.onerror = (error) => hiding.onerror?.(error)
      return transport.start()
    },
    send: (message) => transport.send(JSON.parse(redact(JSON.stringify(message)))),
    close: () => transport.close(),
  }
  return hiding as SdkTransport // the SDK's own interface, under a name that its users need not have
}
