import { expect } from 'vitest'
import type { JsonObject } from '../../src/operation/define.ts'
import type { Upstream } from '../../src/upstream/attempt.ts'
import { createClient } from '../../src/upstream/client.ts'
import { describeFailure } from '../../src/upstream/failure.ts'
import { createFaultyMetronome, matchesAny } from './faulty-metronome.ts'
import { operationOf, writeOperations } from './writes.ts'

export interface Told {
  /** `answered` when Metronome's own answer came, else the one word of the text. */
  readonly word: string
  readonly text: string
  /** Only of a success. */
  readonly body?: JsonObject
}

/** A client whose Metronome fails as planned, and what its calls tell. */
export function startCertainty() {
  const metronome = createFaultyMetronome(matchesAny(writeOperations))
  return { metronome, call: tellOf(metronome.upstream, 10_000) }
}

/** Calls a tool and reads the word that a person or model would be told. Waits take no time. */
export function tellOf(upstream: Upstream, timeoutMs: number) {
  const client = createClient({ upstream, timeoutMs, log: silent, sleep: async () => {} })
  return async (tool: string, args: unknown): Promise<Told> => {
    const op = operationOf(tool)
    try {
      const { note = '', body } = await client.call(op, args, { key: undefined })
      return { word: note === '' ? 'answered' : theOneWord(note), text: note, body }
    } catch (error) {
      const { message } = describeFailure(op, error, silent)
      return { word: theOneWord(message), text: message }
    }
  }
}

const silent = () => {}

function theOneWord(text: string): string {
  const words = text.match(/\b(applied|not_applied|unknown)\b/g) ?? []
  expect(words, text).toHaveLength(1)
  return words[0] ?? ''
}
