import { InputError } from '../operation/input-error.ts'
import type { Client } from './client.ts'
import { BusyError, CancelledError, MissingKeyError, UpstreamError } from './errors.ts'

export interface MeasuredCall {
  readonly tool: string
  /** `success`, the class of Metronome's status such as `4xx`, or a word for what happened instead. */
  readonly outcome: string
  readonly seconds: number
}

/** Tells `observe` how every call ended. */
export function measureCalls(client: Client, observe: (call: MeasuredCall) => void): Client {
  return {
    async call(op, args, context) {
      const startedAt = performance.now()
      const end = (outcome: string) =>
        observe({ tool: op.tool, outcome, seconds: (performance.now() - startedAt) / 1000 })
      try {
        const reply = await client.call(op, args, context)
        end('success')
        return reply
      } catch (error) {
        end(nameEnd(error))
        throw error
      }
    },
  }
}

function nameEnd(error: unknown): string {
  if (error instanceof InputError) return 'invalid'
  if (error instanceof MissingKeyError) return 'no-key'
  if (error instanceof BusyError) return 'busy'
  if (error instanceof CancelledError) return 'cancelled'
  if (!(error instanceof UpstreamError)) return 'internal'
  if (error.status === undefined) return 'no-answer'
  return error.status < 400 ? 'bad-answer' : `${Math.floor(error.status / 100)}xx`
}
