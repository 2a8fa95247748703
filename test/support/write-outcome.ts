import { expect } from 'vitest'
import { CallError } from '../../src/calls/errors.ts'
import type { Outcome } from '../../src/calls/outcome.ts'
import type { Upstream } from '../../src/metronome/send.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { createFaultyMetronome } from './fault-injection.ts'
import { createHarness } from './harness.ts'

export interface ReportedCall {
  /** `response` when Metronome's own response came, otherwise the outcome. */
  readonly outcome: Outcome | 'response'
  readonly text: string
  /** Only of a success. */
  readonly body?: JsonObject
  /** HTTP status of the last response of a failed call. */
  readonly status?: number | undefined
}

/** Calls whose Metronome fails as planned, and what they report. */
export function startFaultyCalls() {
  const metronome = createFaultyMetronome()
  return { metronome, call: reportCalls(metronome.upstream, 10_000) }
}

/** Calls a tool and reads what a person or a model learns about the write. */
export function reportCalls(upstream: Partial<Upstream>, timeoutMs: number) {
  const { call, caller } = createHarness({ upstream, timeoutMs })
  return async (tool: string, args: unknown, callersKey?: string): Promise<ReportedCall> => {
    const idempotencyKey =
      callersKey === undefined ? undefined : ({ value: callersKey, mayHaveBeenUsed: true, givenIn: 'header' } as const)
    try {
      const { _note: note = '', ...body } = await call({ tool, args, idempotencyKey }, caller)
      const text = String(note)
      return { outcome: text.startsWith('Outcome: applied. ') ? 'applied' : 'response', text, body }
    } catch (error) {
      if (!(error instanceof CallError) || !error.outcome) throw error
      return { outcome: error.outcome, text: error.message, status: error.status }
    }
  }
}

export interface Truth {
  /** How often the write was applied under the key of the call, once nothing is pending any more. */
  readonly effects: number
  /** Whether the records showed everything that was asked for when the call ended. */
  readonly wasInPlace: boolean
}

/** Compares what a call reported with what it did. */
export function expectTrue(outcome: ReportedCall['outcome'], { effects, wasInPlace }: Truth, details: string): void {
  expect(effects, details).toBeLessThanOrEqual(1)
  if (outcome === 'response') expect(effects, details).toBe(1)
  if (outcome === 'applied') expect(wasInPlace, details).toBe(true)
  if (outcome === 'not_applied') expect(effects, details).toBe(0)
}
