import type { JsonObject } from '../operation/define.ts'

/** A successful answer: Metronome's JSON unchanged, and what there is to say about it. */
export interface Reply {
  /** HTTP status of the answer; 200 where it was found out by reading back. */
  readonly status: number
  readonly body: JsonObject
  readonly note?: string
}

/** What callers get: the note is one more field, after all of Metronome's. */
export function resultOf({ body, note }: Reply): JsonObject {
  return note === undefined ? body : { ...body, _note: note }
}
