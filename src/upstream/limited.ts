import type { Client } from './client.ts'
import { BusyError, CancelledError, SHUTDOWN } from './errors.ts'

export interface Limits {
  /** Calls that may be under way at once. */
  readonly inFlight: number
  /** Further calls that may wait for their turn. */
  readonly waiting: number
}

export interface LimitedClient extends Client {
  readonly inFlight: () => number
  readonly waiting: () => number
  readonly isFull: () => boolean
}

/** Keeps a crowd of callers from becoming a crowd at Metronome. Calls that find no place throw `BusyError`. */
export function limitCalls(client: Client, limits: Limits): LimitedClient {
  const queue = new Set<() => void>()
  let inFlight = 0

  async function enter(tool: string, signal: AbortSignal | undefined): Promise<void> {
    if (inFlight < limits.inFlight) {
      inFlight += 1
      return
    }
    if (queue.size >= limits.waiting) throw new BusyError(tool, 'too many calls are waiting')
    await waitForTurn(tool, signal)
  }

  function waitForTurn(tool: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        queue.delete(start)
        const stopping = signal?.reason === SHUTDOWN
        reject(
          stopping
            ? new BusyError(tool, 'this server is stopping')
            : new CancelledError('cancelled before its turn', false),
        )
      }
      queue.add(start)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  /** Hands the place to whoever waits longest. */
  function exit(): void {
    const [next] = queue
    if (!next) {
      inFlight -= 1
      return
    }
    queue.delete(next)
    next()
  }

  return {
    async call(op, args, context) {
      await enter(op.tool, context.signal)
      try {
        return await client.call(op, args, context)
      } finally {
        exit()
      }
    },
    inFlight: () => inFlight,
    waiting: () => queue.size,
    isFull: () => queue.size >= limits.waiting,
  }
}
