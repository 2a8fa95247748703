import type * as z from 'zod'
import type { WriteRules } from './write.ts'

/** MCP behaviour hints, as the specification of the tools binds them. */
export interface Hints {
  readonly readOnly: boolean
  readonly destructive: boolean
  readonly idempotent: boolean
}

export type JsonObject = Record<string, unknown>

/** What operations are about. */
export type Subject = 'Customers' | 'Billing providers' | 'Revenue systems' | 'Dashboards'

/** One Metronome operation, defined once as data. MCP, REST, the sandbox, docs and tests all read this. */
export interface Operation {
  /** Tool name; fixed by the specification. */
  readonly tool: string
  readonly title: string
  readonly subject: Subject
  /** What happens, then the danger, then the limits. The only text that every agent shows to its model. */
  readonly description: string
  readonly method: 'GET' | 'POST'
  /** Path at api.metronome.com; `{name}` stands for the argument of that name. */
  readonly path: string
  readonly hints: Hints
  /** Path, query and body fields together, under the API's own names. */
  readonly input: z.ZodObject
  /** Loose at every level: what Metronome adds later must not fail a call. */
  readonly output: z.ZodObject
  /** Metronome answers 200 without a body. */
  readonly emptyAnswer?: true
  /** On the operations that write; the others only read, and are repeated freely. */
  readonly write?: WriteRules
  /** What to do next when Metronome answers with this status; where absent, the general advice stands. */
  readonly advice?: Readonly<Record<number, string>>
  readonly example: { readonly input: JsonObject; readonly output: JsonObject }
}

/** Keeps the operation's literal types while checking its shape. */
export function defineOperation<const Op extends Operation>(operation: Op): Op {
  return operation
}

/** Names of the arguments that stand in the path, in order. */
export function pathArguments(op: Operation): string[] {
  return op.path.split(/[{}]/).filter((_, index) => index % 2 === 1)
}
