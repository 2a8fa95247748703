import { setMaxListeners } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { CountBytes } from './body.ts'
import type { ByteBudget } from './byte-budget.ts'

const POLL_MS = 20

export interface RequestInFlight {
  /** Aborts when the connection closes before the response is sent. */
  readonly signal: AbortSignal
  /** Counts bytes of its body until it ends; `false` when the budget of all bodies is spent. */
  readonly countBytes: CountBytes
  /** Closes the connection without a response. */
  readonly disconnect: () => void
}

/** The requests in flight on all ports. */
export interface InFlight {
  /** Adds a request until its response is sent or its connection closes. */
  add(incoming: IncomingMessage, outgoing: ServerResponse): RequestInFlight
  size(): number
  /** From now on connections close after their next response. */
  closeConnections(): void
  /** Resolves when nothing has been in flight for `quietMs`, or at `endsAt` on the clock of `performance.now()`. */
  waitUntilIdle(quietMs: number, endsAt: number): Promise<void>
}

export function createInFlight(budget: ByteBudget): InFlight {
  const responses = new Set<ServerResponse>()
  let isClosing = false

  return {
    add({ socket }, outgoing) {
      const controller = new AbortController()
      // Each call of a batch listens to it.
      setMaxListeners(0, controller.signal)
      responses.add(outgoing)
      if (isClosing) closeAfter(outgoing)
      let ownBytes = 0
      const onClose = (): void => {
        responses.delete(outgoing)
        budget.left += ownBytes
        outgoing.off('close', onClose)
        socket.off('close', onClose)
        if (!outgoing.writableFinished) controller.abort()
      }
      outgoing.on('close', onClose)
      // A response that is queued behind another one of its connection emits no close.
      socket.on('close', onClose)
      const countBytes: CountBytes = (bytes) => {
        // After the end nothing would subtract them.
        if (!responses.has(outgoing)) return true
        if (bytes > budget.left) return false
        budget.left -= bytes
        ownBytes += bytes
        return true
      }
      return { signal: controller.signal, countBytes, disconnect: () => void socket.destroy() }
    },
    size: () => responses.size,
    closeConnections() {
      isClosing = true
      for (const outgoing of responses) closeAfter(outgoing)
    },
    async waitUntilIdle(quietMs, endsAt) {
      let busyAt = performance.now()
      for (let now = busyAt; now < endsAt; now = performance.now()) {
        if (responses.size > 0) busyAt = now
        else if (now - busyAt >= quietMs) return
        await delay(Math.min(POLL_MS, endsAt - now))
      }
    },
  }
}

function closeAfter(outgoing: ServerResponse): void {
  if (!outgoing.headersSent) outgoing.setHeader('connection', 'close')
}
