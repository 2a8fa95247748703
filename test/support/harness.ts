import { Client as McpClient } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'
import { type Caller, type Calls, createCalls } from '../../src/calls/call.ts'
import type { AuditLog } from '../../src/calls/guards/audit.ts'
import { createConfirm } from '../../src/calls/guards/confirmation.ts'
import { createMcpServer } from '../../src/mcp/server.ts'
import { describeServer, type ServerOptions } from '../../src/mcp/server-info.ts'
import { createNetworkFetch } from '../../src/metronome/fetch.ts'
import type { Clock } from '../../src/metronome/retry.ts'
import { createSend, type Upstream } from '../../src/metronome/send.ts'
import { operations } from '../../src/operations/index.ts'
import type { Operation } from '../../src/operations/operation.ts'
import { createRedactor } from '../../src/sanitize.ts'

/** No real key; long enough to be one. */
export const KEY = 'mk_test_0123456789abcdef'

export interface HarnessOptions {
  /** Metronome's own address where absent, which msw mocks; a `baseUrl` alone is called over the network. */
  readonly upstream?: Partial<Upstream>
  readonly apiKey?: string | undefined
  readonly timeoutMs?: number
  /** How the server describes itself, and which tools it hides. */
  readonly server?: ServerOptions
  readonly audit?: AuditLog
  /** Whether a person confirms what is archived. */
  readonly confirmArchives?: boolean
  /** The system's time where absent; no wait takes any. */
  readonly clock?: Clock
}

export interface Harness extends Calls {
  /** Who calls in these tests. */
  readonly caller: Caller
  /** Milliseconds of every wait for a retry; none of them is waited for. */
  readonly waits: number[]
  readonly logLines: string[]
}

/** The calls of the program, with the network given and no waiting. */
export function createHarness({ upstream, timeoutMs = 5_000, ...options }: HarnessOptions = {}): Harness {
  const hiddenTools = options.server?.hiddenTools
  const waits: number[] = []
  const logLines: string[] = []
  const complete: Upstream = {
    // msw sees only what goes through Node's own fetch.
    fetch: upstream?.baseUrl ? createNetworkFetch() : (url, init) => fetch(url, init),
    baseUrl: 'https://api.metronome.com',
    needsKey: true,
    ...upstream,
  }
  const calls = createCalls({
    operations: new Map(operations.filter(({ tool }) => !hiddenTools?.has(tool)).map((op) => [op.tool, op])),
    hiddenTools,
    audit: options.audit,
    confirm: options.confirmArchives
      ? createConfirm({ environment: options.server?.environment ?? '', audit: options.audit })
      : undefined,
    upstream: complete,
    send: createSend(complete),
    timeoutMs,
    log: (level, event, fields = {}) => void logLines.push([level, event, JSON.stringify(fields)].join(' ')),
    clock: options.clock ?? {
      now: () => performance.now(),
      sleep: async (milliseconds) => void waits.push(milliseconds),
    },
  })
  const apiKey = 'apiKey' in options ? options.apiKey : KEY
  return { ...calls, waits, logLines, caller: { apiKey, redact: createRedactor([apiKey]) } }
}

export interface Connection extends Harness {
  readonly mcp: McpClient
  callTool(name: string, args?: Record<string, unknown>): Promise<CallToolResult>
}

/** The SDK's client, connected to this server in memory. */
export async function connectClient(options: HarnessOptions = {}): Promise<Connection> {
  const harness = createHarness(options)
  const server = createMcpServer({ call: harness.call, info: describeServer(options.server), caller: harness.caller })
  const mcp = new McpClient({ name: 'test', version: '0' })
  const [near, far] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(far), mcp.connect(near)])
  return {
    ...harness,
    mcp,
    callTool: async (name, args) => (await mcp.callTool({ name, arguments: args })) as CallToolResult, // no task results here
  }
}

/** The one text block of a result. */
export function textOf({ content }: CallToolResult): string {
  const [block, ...others] = content
  if (block?.type !== 'text' || others.length > 0) throw new Error(`not one text block: ${JSON.stringify(content)}`)
  return block.text
}

export function operationOf(tool: string): Operation {
  const op = operations.find((candidate) => candidate.tool === tool)
  if (!op) throw new Error(`no operation ${tool}`)
  return op
}
