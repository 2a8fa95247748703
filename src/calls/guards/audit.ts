import { randomUUID } from 'node:crypto'
import type { WriteAttempt } from '../../metronome/retry.ts'
import type { JsonObject } from '../../operations/json.ts'
import type { Operation, Read, WriteOperation } from '../../operations/operation.ts'
import { cutText, escapeJson, mapTexts, type Redact } from '../../sanitize.ts'
import { codeOf, messageOf } from '../../thrown.ts'
import { CallError } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import type { IdempotencyKey, WriteResult } from '../write.ts'

/** Longest line, measured as it is written. The long values of a longer one become text that is cut. */
const MAX_LINE_BYTES = 64 * 1024
/** Arguments and a record are long; all that stands beside them takes less than what is left. */
const MAX_CUT_BYTES = 24 * 1024
/** What a caller or Metronome says about itself. */
const MAX_LABEL = 100

/** Where a call came from, as far as that is known. */
export interface CallOrigin {
  readonly transport: 'stdio' | 'http' | 'rest' | 'call'
  /** User and host of the operating system, where they are the caller's. */
  readonly user?: string | null
  readonly host?: string
  /** Address of the connection, which may be that of a proxy, and what the client calls itself there. */
  readonly peer?: string
  readonly user_agent?: string | undefined
  /** Name and version that an MCP client claims. */
  readonly client?: { readonly name: string; readonly version: string } | undefined
  /** Digest of the bearer token that the caller sent. */
  readonly bearer?: string | undefined
}

/** One call, as far as every line about it is the same. */
export interface AuditedCall {
  readonly op: Operation
  readonly args: JsonObject
  readonly caller: { readonly redact: Redact; readonly origin?: CallOrigin | undefined }
}

/** What came of a form that was shown. */
export interface Confirmation {
  readonly by: 'form'
  /** From the form to its response: a person needs seconds, a program milliseconds. */
  readonly ms: number
  readonly result: 'accepted' | 'declined' | 'cancelled' | 'other_text' | 'no_text' | 'timed_out' | 'failed'
}

export interface AuditedWrite extends AuditedCall {
  readonly op: WriteOperation
  readonly idempotencyKey: IdempotencyKey
  /** The form that a person answered before, where one was shown. */
  readonly confirmation?: Confirmation | undefined
  /** Reads a record before the write; the write goes on when that fails. */
  readonly read: (read: Read) => Promise<JsonObject>
}

export interface AuditOptions {
  /** Appends a line and resolves when it is on disk; rejects when it is not. */
  readonly append: (line: string) => Promise<void>
  /** What all lines have in common, such as the environment and the version of this server. */
  readonly context: JsonObject
  /** Called when a line could not be written. */
  readonly onError: (tool: string, error: unknown) => void
}

/** A write that began. */
export interface AuditEntry {
  /** Writes the line after it. Resolves to false when that fails. */
  end(result: WriteResult): Promise<boolean>
}

export interface AuditLog {
  /** Writes the line before a write. Throws a `CallError` when that fails: then the write must not be sent. */
  begin(write: AuditedWrite): Promise<AuditEntry>
  /** Writes one line about a call that is complete. Throws a `CallError` when that fails. */
  recordEvent(call: AuditedCall, outcome: Outcome, confirmation?: Confirmation): Promise<void>
}

export function createAuditLog({ append, context, onError }: AuditOptions): AuditLog {
  /** Throws a `CallError` when the line cannot be written. */
  async function appendLine(audited: AuditedCall, line: Line): Promise<void> {
    try {
      await append(writeLine(audited, context, line))
    } catch (error) {
      onError(audited.op.tool, error)
      throw notWritten(audited.op, error)
    }
  }

  return {
    async begin(write) {
      const { confirmation, idempotencyKey, caller } = write
      const call = randomUUID()
      const startedAt = performance.now()
      // A key of the caller's own may hold anything; one of this program is written as it is.
      const { mayHaveBeenUsed, value } = idempotencyKey
      const key = { idempotency_key: mayHaveBeenUsed ? caller.redact(value) : value }
      await appendLine(write, { call, phase: 'begin', values: await readBefore(write), own: key })
      return {
        async end(result) {
          const values = { after: result.ok ? recordOf(result.body) : null }
          const outcome = result.ok ? 'applied' : (result.error.outcome ?? 'unknown')
          const ms = Math.round(performance.now() - startedAt)
          const attempts = describeAttempts(result.attempts, caller.redact)
          const own = { outcome, ...attempts, ...(confirmation && { confirmation }), ...key, ms }
          return appendLine(write, { call, phase: 'end', values, own }).then(
            () => true,
            () => false,
          )
        },
      }
    },
    recordEvent(call, outcome, confirmation) {
      const own = { outcome, ...(confirmation && { confirmation }) }
      return appendLine(call, { call: randomUUID(), phase: 'single', values: {}, own })
    },
  }
}

interface Line {
  readonly call: string
  readonly phase: 'begin' | 'end' | 'single'
  /** Values of Metronome, which may hold anything. */
  readonly values: JsonObject
  /** Values of this program, which are short. */
  readonly own: JsonObject
}

/** Secrets are removed from values alone, and before they are cut: a line stays JSON whatever the secret of a caller is. */
function writeLine({ op, args, caller }: AuditedCall, context: JsonObject, { call, phase, values, own }: Line): string {
  const clean = (value: unknown) => mapTexts(value, (text) => caller.redact(text).toWellFormed())
  const at = new Date().toISOString()
  const head = { v: 1, at, call, phase, ...context, caller: describeCaller(caller), tool: op.tool }
  // Names of arguments are the program's own.
  const long = { arguments: mapValues(args, clean), ...mapValues(values, clean) }
  const line = { ...head, ...long, ...own }
  if (fits(line, MAX_LINE_BYTES)) return toJson(line)
  return toJson({ ...head, ...mapValues(long, cut), ...own, is_cut: true })
}

/** On one line for every reader, and without a character that acts on a terminal. */
const toJson = (value: unknown): string => escapeJson(JSON.stringify(value))

function fits(value: unknown, maxBytes: number): boolean {
  // Escaping makes no text shorter, and takes its time on megabytes.
  return JSON.stringify(value).length <= maxBytes && Buffer.byteLength(toJson(value)) <= maxBytes
}

/** A long value as the start of its JSON. */
function cut(value: unknown): unknown {
  if (fits(value, MAX_CUT_BYTES)) return value
  let text = cutText(JSON.stringify(value), MAX_CUT_BYTES)
  // A character takes up to six bytes.
  while (!fits(text, MAX_CUT_BYTES)) text = cutText(text, Math.floor(text.length * 0.75))
  return `${text}…`
}

function mapValues(object: JsonObject, map: (value: unknown) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]))
}

function describeCaller({ origin, redact }: AuditedCall['caller']): JsonObject {
  const { client, user_agent, ...others } = origin ?? {}
  return {
    ...mapValues(others, (value) => (typeof value === 'string' ? cutText(value, MAX_LABEL) : value)),
    ...(user_agent !== undefined && { user_agent: label(user_agent, redact) }),
    // A client may say more of itself: icons, a description.
    ...(client && { client: { name: label(client.name, redact), version: label(client.version, redact) } }),
  }
}

const label = (text: string, redact: Redact): string => cutText(redact(text).toWellFormed(), MAX_LABEL)

export const NOT_LOGGED =
  'The audit log could not record the end of this write; further writes are rejected until it can be written.'

/** The file could be opened at the start: these are what may have become of it since. */
const ADVICE: Readonly<Record<string, string>> = {
  ENOENT: 'Create its directory again.',
  ENOSPC: 'Free the disk.',
  EACCES: 'Correct its permissions.',
}

function notWritten({ tool, kind }: Operation, cause: unknown): CallError {
  const code = codeOf(cause) ?? 'failed'
  const result = kind === 'write' ? 'nothing was sent' : 'no link is given'
  return new CallError(
    'audit_failed',
    `${tool}: the audit log cannot be written (${code}), ${result}. ${ADVICE[code] ?? 'Check the file and its disk.'}`,
    { cause },
  )
}

/** What a write returned, without the note of this program. */
function recordOf({ _note, ...body }: JsonObject): unknown {
  return body.data ?? body
}

/** The record before the write, for the tools that write one record which can be read. */
async function readBefore({ op, args, read }: AuditedWrite): Promise<JsonObject> {
  const [only, ...others] = op.verification.reads(args, undefined)
  if (!only || others.length > 0) return { before: null, before_reason: 'this tool has no single record to read' }
  try {
    const { data } = await read(only)
    return { before: data ?? null }
  } catch (error) {
    return { before: null, before_reason: messageOf(error) }
  }
}

const REQUEST_ID_HEADERS = ['x-request-id', 'request-id', 'x-amzn-requestid', 'cf-ray']

function describeAttempts(attempts: readonly WriteAttempt[], redact: Redact): JsonObject {
  const last = attempts.at(-1)?.result
  const response = last?.kind === 'response' ? last : undefined
  const id = REQUEST_ID_HEADERS.map((name) => response?.headers.get(name)).find(Boolean)
  return { status: response?.status ?? null, request_id: id ? label(id, redact) : null, attempts: attempts.length }
}
