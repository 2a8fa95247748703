import { type Connection, connectClient, textOf } from './mcp.ts'
import { type LocalUpstream, type ReceivedRequest, type Responder, startUpstream } from './upstream.ts'

export const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
/** A successful answer to either call. */
export const ONE = { data: { id: ID } }
export const READ = ['get-customer', { customer_id: ID }] as const
export const WRITE = ['archive-customer', { id: ID }] as const

export interface Asked extends Connection {
  readonly upstream: LocalUpstream
  /** The requests of the call itself, without those that read back what a write did. */
  readonly attempts: readonly ReceivedRequest[]
  readonly message: string
  readonly isError: boolean
}

/** Starts an upstream, makes one call and tells what came back. */
export async function ask(
  [tool, args]: readonly [string, object],
  respond: Responder,
  timeoutMs = 5_000,
): Promise<Asked> {
  const upstream = await startUpstream(respond)
  const connection = await connectClient({ upstream: { baseUrl: upstream.baseUrl }, timeoutMs })
  const result = await connection.callTool(tool, { ...args })
  const attempts = upstream.requests.filter(({ method }, _, [first]) => method === first?.method)
  return { ...connection, upstream, attempts, message: textOf(result), isError: result.isError === true }
}

/** The outcome words in a message, every one of them. */
export const outcomesIn = (message: string) => message.match(/\b(applied|not_applied|unknown)\b/g)
