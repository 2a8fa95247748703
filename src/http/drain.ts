import type { Server, ServerResponse } from 'node:http'
import { Server as SocketServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** New connections are still taken for so long, in which balancers learn from /readyz to make them elsewhere. */
const FAREWELL_MS = 1_000
/** For cancelled calls to give their last answer. */
const CANCEL_MS = 500
const LOOK_EVERY_MS = 20

export interface Draining {
  readonly server: Server
  /** What is being answered, and how to end it. */
  readonly underWay: ReadonlyMap<ServerResponse, AbortController>
  readonly drainMs: number
  /** Why calls are ended that take longer than `drainMs`. */
  readonly reason: unknown
}

/** Stops listening, lets what is under way end, and ends the rest. */
export async function drainServer({ server, underWay, drainMs, reason }: Draining): Promise<void> {
  const endsAt = Date.now() + drainMs
  const farewellMs = Math.min(FAREWELL_MS, drainMs / 4)
  await delay(farewellMs)
  // http's own close would cut idle connections too, just as a balancer sends a request on one. Such a request is
  // served, and its answer says that the connection ends.
  SocketServer.prototype.close.call(server)
  for (const outgoing of underWay.keys()) sayLast(outgoing)
  await whenQuiet(underWay, farewellMs, endsAt)
  for (const controller of underWay.values()) controller.abort(reason)
  await whenQuiet(underWay, 0, Date.now() + CANCEL_MS)
  server.closeAllConnections()
}

/** Tells the client to send nothing more on this connection. */
export function sayLast(outgoing: ServerResponse): void {
  if (!outgoing.headersSent) outgoing.setHeader('connection', 'close')
}

/** Resolves when nothing has been under way for `quietMs`, or at `endsAt`. */
async function whenQuiet(underWay: ReadonlyMap<unknown, unknown>, quietMs: number, endsAt: number): Promise<void> {
  let busyAt = Date.now()
  while (Date.now() < endsAt) {
    if (underWay.size > 0) busyAt = Date.now()
    else if (Date.now() - busyAt >= quietMs) return
    await delay(Math.min(LOOK_EVERY_MS, endsAt - Date.now()))
  }
}
