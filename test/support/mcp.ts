import { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { createMcpServer } from '../../src/mcp/server.ts'
import { createToolHost } from '../../src/mcp/tools.ts'
import type { Upstream } from '../../src/upstream/attempt.ts'
import { createClient } from '../../src/upstream/client.ts'
import { createNetworkFetch } from '../../src/upstream/network.ts'

/** No real key; long enough to be one. */
export const KEY = 'mk_test_0123456789abcdef'

export interface ConnectOptions {
  readonly upstream?: Partial<Upstream>
  readonly key?: string | undefined
  readonly timeoutMs?: number
}

export interface Connection {
  readonly mcp: McpClient
  /** Milliseconds of every wait before a repeat; none of them is waited for. */
  readonly waits: number[]
  readonly logLines: string[]
  callTool(name: string, args?: Record<string, unknown>): Promise<CallToolResult>
}

/** The SDK's client, joined to this server in memory, so that nothing is left open; the network is the caller's. */
export async function connectClient({
  upstream,
  timeoutMs = 5_000,
  ...options
}: ConnectOptions = {}): Promise<Connection> {
  const waits: number[] = []
  const logLines: string[] = []
  const log = (level: string, event: string, fields: object = {}) =>
    void logLines.push([level, event, JSON.stringify(fields)].join(' '))
  const client = createClient({
    upstream: {
      // msw stands in for Metronome's own address; it sees only what goes through Node's fetch.
      fetch: upstream?.baseUrl ? createNetworkFetch() : (url, init) => fetch(url, init),
      baseUrl: 'https://api.metronome.com',
      needsKey: true,
      ...upstream,
    },
    timeoutMs,
    log,
    sleep: async (milliseconds) => void waits.push(milliseconds),
  })
  const key = 'key' in options ? options.key : KEY
  const server = createMcpServer({ host: createToolHost(client, log), title: 'Test', caller: { key } })
  const mcp = new McpClient({ name: 'test', version: '0' })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(far), mcp.connect(near)])
  return {
    mcp,
    waits,
    logLines,
    callTool: async (name, args) => (await mcp.callTool({ name, arguments: args })) as CallToolResult, // no task results here
  }
}

/** The one text block of a result. */
export function textOf({ content }: CallToolResult): string {
  const [block, ...others] = content
  if (block?.type !== 'text' || others.length > 0) throw new Error(`not one text block: ${JSON.stringify(content)}`)
  return block.text
}
