import type { JsonObject, Operation } from './define.ts'

/** A reading operation with its arguments. */
export interface Read {
  readonly op: Operation
  readonly args: JsonObject
}

/** What reading back shows of a write whose own answer did not come. */
export type Finding =
  /** The write is in place; `body` is what its answer would have been. */
  | { readonly kind: 'done'; readonly body: JsonObject; readonly saw: string }
  /** No trace of the write; an attempt that is still under way could leave one later. */
  | { readonly kind: 'absent'; readonly saw: string }
  /** The write was not done and cannot be any more. */
  | { readonly kind: 'impossible'; readonly saw: string }
  /** The records fit both: they were the same before, were changed meanwhile, or do not show it. */
  | { readonly kind: 'undecided'; readonly saw: string }

/** When the call began, by Metronome's clock. */
export interface CallStart {
  /** Whether a record's RFC 3339 time lies before the call; `undefined` when that cannot be told. */
  readonly isBefore: (time: unknown) => boolean | undefined
  /** Whether this process made, or may have made, the same record a short while before. */
  readonly hasTwin: boolean
}

/**
 * What makes a write certain. It is repeated only under the Idempotency-Key and with the body of its first attempt; when
 * its outcome is still open after that, these reads may settle it.
 */
export interface WriteRules {
  /** Reads that could show the write; none when nothing can. */
  readonly reads: (args: JsonObject) => readonly Read[]
  /** Weighs the answers to `reads`, in their order. */
  readonly judge: (args: JsonObject, answers: readonly JsonObject[], start: CallStart) => Finding
  /** The look-up that a person or model makes when the outcome stays open: one sentence. */
  readonly lookUp: (args: JsonObject) => string
  /** Ingest aliases that name the new record; two creates with the same ones are told apart by them. */
  readonly aliases?: (args: JsonObject) => readonly string[]
  /** Finds out who stands in the way when Metronome answers 409. */
  readonly conflict?: ConflictRules
}

export interface ConflictRules {
  /** `refusal` is the body of the 409. */
  readonly reads: (args: JsonObject, refusal: JsonObject) => readonly Read[]
  /** Sentences on the records that hold what was asked for; empty when none was found. */
  readonly explain: (args: JsonObject, answers: readonly JsonObject[]) => string
}
