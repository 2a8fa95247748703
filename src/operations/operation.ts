import type * as z from 'zod'
import { withKeyArgument } from './input-fields.ts'
import { asObjects, type JsonObject } from './json.ts'

/** What operations are about. */
export type Subject = 'Customers' | 'Billing providers' | 'Revenue systems' | 'Dashboards'

/** MCP behavior hints, fixed by the specification; the third, `readOnlyHint`, follows from the operation's `kind`. */
export interface Hints {
  readonly destructive: boolean
  readonly idempotent: boolean
}

interface OperationBase {
  /** Tool name; fixed by the specification. */
  readonly tool: string
  readonly title: string
  readonly subject: Subject
  /** What happens, then what to know before calling. The only text that every agent shows to its model. */
  readonly description: string
  readonly method: 'GET' | 'POST'
  /** Path at api.metronome.com; `{name}` stands for the argument of that name. */
  readonly path: string
  readonly hints: Hints
  /** Path, query and body fields together, under the API's own names. */
  readonly input: z.ZodObject
  /** Loose at every level, since Metronome may add fields; `noContent` when the response has no body. */
  readonly output: z.ZodObject
  /** The response as Metronome documents it, for the OpenAPI document; the same as `output` where absent. */
  readonly documented?: z.ZodObject
  /** What to do next after a response with this status; the general advice applies where absent. */
  readonly advice?: Readonly<Record<number, string>>
  /** What the input's schema cannot say. */
  readonly argumentRules?: ArgumentRules
  readonly example: { readonly input: JsonObject; readonly output: JsonObject }
}

export interface ArgumentRules {
  /** Fields that belong elsewhere, with what to do instead, to be read after the name. */
  readonly misplaced?: Readonly<Record<string, string>>
  /** Replaces arguments of ours by what Metronome takes. */
  translate?(args: JsonObject): JsonObject
  /** What a result should say about arguments that are valid, but may not be meant so. */
  note?(args: JsonObject): string | undefined
}

/** An argument that is invalid. */
export interface ArgumentIssue {
  /** Path such as `ingest_aliases[3]`. */
  readonly path: string
  /** What is wrong, to be read after the path. */
  readonly message: string
}

/** A record that decides whether unusual arguments are valid. */
export interface Precondition {
  /** What depends on the record, as a clause. */
  readonly reason: string
  /** `undefined` where the arguments are valid whatever the record shows. */
  read(args: JsonObject): Read | undefined
  /** What is wrong with the arguments, given the body of the read. */
  findIssues(args: JsonObject, body: JsonObject): readonly ArgumentIssue[]
}

/** An operation that only reads, and may be retried freely. */
export interface ReadOperation extends OperationBase {
  readonly kind: 'read'
  /** Its result grants access, so that the audit log records the call. */
  readonly grantsAccess?: true
  /** On lists that this server can search for something that Metronome cannot filter by. */
  readonly search?: Search
}

/** A search through all pages of a list. Methods, so that each operation may name its own argument type. */
export interface Search<Args = JsonObject> {
  /** The arguments that request it; they are not sent to Metronome. */
  readonly arguments: readonly string[]
  createMatcher(args: Args): Matcher
  describeScope(args: Args): Scope
}

/** How a record matches; `undefined` when it does not. */
export type Matcher = (record: JsonObject) => Match | undefined

export interface Match {
  /** The record, and where it has the text that is searched for; absent where its name shows the text. */
  readonly place?: string
}

/** Which records a list covers. */
export interface Scope {
  /** In the plural, to be read after a number. */
  readonly records: string
  /** Metronome leaves out records of this kind. */
  readonly isFiltered: boolean
  /** What it does not cover, and how to search that: a sentence. */
  readonly excluded: string
}

/** An operation that changes something at Metronome. */
export interface WriteOperation extends OperationBase {
  readonly kind: 'write'
  /** Decides about unusual arguments before anything is sent; usual ones cost no read. */
  readonly precondition?: Precondition
  /** It archives, which cannot be undone. */
  readonly irreversible?: Archiving<string>
  /** How to find out whether the write is in place when its response does not say so. */
  readonly verification: Verification<JsonObject>
  /** It adds a record each time: only the same call under its Idempotency-Key may be sent again blindly. */
  readonly addsRecords?: true
  /** Follows from `addsRecords`: the input of clients that give that key as an argument. */
  readonly keyedInput?: z.ZodObject
}

/** What a person is shown before something is archived, on servers that ask. */
export interface Archiving<Argument extends string> {
  /** The argument with the id of the customer. */
  readonly customerArgument: Argument
  /** Configurations to show: the active ones, or those that an argument names. */
  readonly configurations: readonly {
    readonly label: string
    readonly fetch: ReadOperation
    readonly idsArgument?: Argument
  }[]
  /** What is archived, to be read after "to archive". */
  readonly object: string
  /** What archiving does, in sentences. */
  readonly consequences: string
}

/** One Metronome operation, defined once as data. MCP, REST, the sandbox, docs and tests all read this. */
export type Operation = ReadOperation | WriteOperation

/** A reading operation with its arguments. */
export interface Read {
  readonly op: ReadOperation
  readonly args: JsonObject
  /** How many pages of a list are read; the first only where absent. */
  readonly maxPages?: number
}

/**
 * How Metronome's records show a write: which reads, and a pure comparison of the arguments with what they returned.
 * Methods rather than function properties, so that each operation may name its own argument type.
 */
export interface Verification<Args> {
  /** The first reads. `conflict` is the body of a 409 response. None when nothing can show the write. */
  reads(args: Args, conflict: JsonObject | undefined): readonly Read[]
  /** Reads that need an id from the bodies of the first ones. */
  followUpReads?(args: Args, bodies: readonly JsonObject[]): readonly Read[]
  /** Compares every field that was asked for with the bodies of the reads, in their order. */
  compare(args: Args, bodies: readonly JsonObject[], followUpBodies: readonly JsonObject[]): Comparison
  /** The check that a person or model makes when the outcome is unknown: one sentence. */
  recheckAdvice(args: Args): string
  /** Metronome documents a 409 for this operation: another customer holds the alias. */
  readonly reportsConflicts?: true
}

/** What the records show of a write. */
export type Comparison = {
  /** What is there, in sentences. */
  readonly evidence: string
} & (
  | {
      /** Every field that was asked for is shown and equal. */
      readonly isInPlace: true
      /** Body that the write would have returned. */
      readonly body: JsonObject
    }
  | {
      readonly isInPlace: false
      /** Another customer holds an alias that was asked for and, on create, differs from the request. */
      readonly isHeldByAnother?: boolean
    }
)

/** Keeps the operation's own input type while checking its shape. */
export function defineRead<const Input extends z.ZodObject>(
  operation: Omit<ReadOperation, 'kind' | 'search'> & {
    readonly input: Input
    readonly search?: Search<z.output<Input>> & { readonly arguments: readonly (keyof Input['shape'])[] }
  },
): ReadOperation & { readonly input: Input } {
  return { ...operation, kind: 'read' }
}

/** The same for an operation that writes; its verification and the arguments that it names are typed by its input. */
export function defineWrite<const Input extends z.ZodObject>(
  operation: Omit<WriteOperation, 'kind' | 'verification' | 'irreversible' | 'keyedInput'> & {
    readonly input: Input
    readonly irreversible?: Archiving<keyof z.output<Input> & string>
    readonly verification: Verification<z.output<Input>>
  },
): WriteOperation & { readonly input: Input } {
  const keyedInput = operation.addsRecords && withKeyArgument(operation.input)
  return { ...operation, kind: 'write', ...(keyedInput && { keyedInput }) }
}

/** Names of the arguments in the path, in order. */
export function pathParameters({ path }: Pick<Operation, 'path'>): string[] {
  return path.split(/[{}]/).filter((_, index) => index % 2 === 1)
}

/** Ids of the customers that a write names, in lower case: callers may use either. */
export function findWrittenCustomers(op: Operation, args: JsonObject): string[] {
  if (op.kind === 'read') return []
  const argument = op.irreversible?.customerArgument ?? 'customer_id'
  const ids = [args, ...asObjects(args.data)].map((fields) => fields[argument])
  return Array.from(new Set(ids.flatMap((id) => (typeof id === 'string' ? id.toLowerCase() : []))))
}
