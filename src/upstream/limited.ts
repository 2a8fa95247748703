import type { Client } from './client.ts'
import { BusyError, CancelledError, SHUTDOWN } from './errors.ts'

export interface Limits {
  /** Calls that may be under way at once. */
  readonly inFlight: number
  /** Further calls that may wait for their turn. */
  readonly waiting: number
  /** Longest wait for a turn, in milliseconds. */
  readonly waitMs: number
}

export interface LimitedClient extends Client {
  readonly inFlight: () => number
  readonly waiting: () => number
  readonly isFull: () => boolean
}

/**
 * Keeps a crowd of callers from becoming a crowd at Metronome. Calls that find no place throw `BusyError`; what the
 * others waited is taken from their budget.
 */
export function limitCalls(client: Client, limits: Limits): LimitedClient {
  const queue = createQueue(limits.waitMs)
  let inFlight = 0

  async function enter(tool: string, signal: AbortSignal | undefined): Promise<void> {
    if (inFlight < limits.inFlight) {
      inFlight += 1
      return
    }
    if (queue.size() >= limits.waiting) throw new BusyError(tool, 'too many calls are waiting')
    await queue.wait(tool, signal)
  }

  /** Hands the place to whoever waits longest. */
  function exit(): void {
    if (!queue.startNext()) inFlight -= 1
  }

  return {
    async call(op, args, context) {
      const cameAt = Date.now()
      await enter(op.tool, context.signal)
      try {
        return await client.call(op, args, { ...context, waitedMs: Date.now() - cameAt })
      } finally {
        exit()
      }
    },
    inFlight: () => inFlight,
    waiting: queue.size,
    isFull: () => queue.size() >= limits.waiting,
  }
}

function createQueue(waitMs: number) {
  const starts = new Set<() => void>()

  function wait(tool: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', cancel)
        starts.delete(start)
      }
      const start = () => {
        leave()
        resolve()
      }
      const cancel = () => {
        leave()
        const stopping = signal?.reason === SHUTDOWN
        reject(
          stopping
            ? new BusyError(tool, 'this server is stopping')
            : new CancelledError('cancelled before its turn', false),
        )
      }
      const giveUp = () => {
        leave()
        reject(new BusyError(tool, 'too many calls are under way and none of them ended in time'))
      }
      const timer = setTimeout(giveUp, waitMs)
      starts.add(start)
      signal?.addEventListener('abort', cancel, { once: true })
    })
  }

  /** Starts whoever waits longest; says whether there was one. */
  function startNext(): boolean {
    const [next] = starts
    next?.()
    return next !== undefined
  }

  return { wait, startNext, size: () => starts.size }
}
