import { createHash, randomUUID } from 'node:crypto'
import type { WriteAttempt } from '../../metronome/retry.ts'
import type { JsonObject, Operation, Read, WriteOperation } from '../../operations/operation.ts'
import { cutText, mapTexts, type Redact } from '../../sanitize.ts'
import { CallError } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import type { IdempotencyKey, WriteResult } from '../write.ts'
import type { Confirmation } from './confirmation.ts'

/** Longest line, measured as it is written. The values of a longer one become text that is cut, and the line is marked. */
const MAX_LINE_BYTES = 64 * 1024
/** Tried one after the other: how much a character takes depends on how it is written. */
const CUT_CHARACTERS = [8 * 1024, 4 * 1024, 1_024]
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

/** Stands for a bearer token in the log: tokens can be distinguished, but not recovered. */
export function digestBearer(bearer: string | undefined): string | undefined {
  return bearer === undefined ? undefined : createHash('sha256').update(bearer).digest('hex').slice(0, 8)
}

/** One call, as far as every line about it is the same. */
export interface AuditedCall {
  readonly op: Operation
  readonly args: JsonObject
  readonly caller: { readonly redact: Redact; readonly origin?: CallOrigin | undefined }
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
  function buildLine({ op, args, caller }: AuditedCall, call: string, phase: Phase, values: LineValues): string {
    const clean = (value: unknown) => mapTexts(value, (text) => caller.redact(text).toWellFormed())
    const at = new Date().toISOString()
    const head = { v: 1, at, call, phase, ...context, caller: describeCaller(caller), tool: op.tool }
    const { own, foreign } = values
    const others = { arguments: clean(args), ...mapValues(foreign, clean) }
    const line = writeLine({ ...head, ...others, ...own })
    if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return line
    const shorter = CUT_CHARACTERS.map((max) =>
      writeLine({ ...head, ...mapValues(others, (value) => cut(value, max)), ...own, is_cut: true }),
    )
    return (
      shorter.find((each) => Buffer.byteLength(each) <= MAX_LINE_BYTES) ?? writeLine({ ...head, ...own, is_cut: true })
    )
  }

  /** Throws a `CallError` when the line cannot be written. */
  async function appendLine({ op }: AuditedCall, line: string): Promise<void> {
    try {
      await append(line)
    } catch (error) {
      onError(op.tool, error)
      throw notWritten(op, error)
    }
  }

  return {
    async begin(write) {
      const { confirmation, idempotencyKey } = write
      const call = randomUUID()
      const startedAt = performance.now()
      // A key of the caller's own may hold anything; one of this program is written as it is.
      const { mayHaveBeenUsed, value } = idempotencyKey
      const key = { idempotency_key: mayHaveBeenUsed ? write.caller.redact(value) : value }
      await appendLine(write, buildLine(write, call, 'begin', { foreign: await readBefore(write), own: key }))
      return {
        async end(result) {
          const { request_id, ...attempts } = describeAttempts(result.attempts)
          const foreign = { after: result.ok ? recordOf(result.body) : null, request_id }
          const outcome = result.ok ? 'applied' : (result.error.outcome ?? 'unknown')
          const ms = Math.round(performance.now() - startedAt)
          const own = { outcome, ...attempts, ...(confirmation && { confirmation }), ...key, ms }
          return appendLine(write, buildLine(write, call, 'end', { foreign, own })).then(
            () => true,
            () => false,
          )
        },
      }
    },
    recordEvent(call, outcome, confirmation) {
      const own = { outcome, ...(confirmation && { confirmation }) }
      return appendLine(call, buildLine(call, randomUUID(), 'single', { foreign: {}, own }))
    },
  }
}

type Phase = 'begin' | 'end' | 'single'

interface LineValues {
  /** Values of callers and of Metronome: secrets are removed, and a long line cuts them. */
  readonly foreign: JsonObject
  /** Values of this program, which are short. */
  readonly own: JsonObject
}

/** JSON in which no character acts on a terminal, or ends a line for a reader. */
function writeLine(line: JsonObject): string {
  return JSON.stringify(line).replace(CONTROLS, (char) =>
    Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )
}

const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]/gu

function describeCaller({ origin, redact }: AuditedCall['caller']): JsonObject {
  const label = (text: string) => cutText(redact(text).toWellFormed(), MAX_LABEL)
  const { client, ...others } = origin ?? {}
  const named = client && { client: { name: label(String(client.name)), version: label(String(client.version)) } }
  return { ...mapTexts(others, (text) => cutText(text, MAX_LABEL)), ...named }
}

export const NOT_LOGGED =
  'The audit log could not record the end of this write; further writes are rejected until it can be written.'

function notWritten({ tool, kind }: Operation, cause: unknown): CallError {
  const { code = 'failed' } = Object(cause) as { code?: string } // errors of the file system carry a code
  const result = kind === 'write' ? 'nothing was sent' : 'no link is given'
  return new CallError(
    'audit_failed',
    `${tool}: the audit log cannot be written (${code}), ${result}. Free the disk or correct the permissions of the file.`,
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
    return { before: null, before_reason: error instanceof Error ? error.message : String(error) }
  }
}

const REQUEST_ID_HEADERS = ['x-request-id', 'request-id', 'x-amzn-requestid', 'cf-ray']

function describeAttempts(attempts: readonly WriteAttempt[]): JsonObject {
  const last = attempts.at(-1)?.result
  const response = last?.kind === 'response' ? last : undefined
  const id = REQUEST_ID_HEADERS.map((name) => response?.headers.get(name)).find(Boolean)
  const request_id = id ? cutText(id, MAX_LABEL) : null
  return { status: response?.status ?? null, request_id, attempts: attempts.length }
}

/** A long value as text. */
function cut(value: unknown, max: number): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return text.length > max ? `${cutText(text, max)}…` : value
}

function mapValues(object: JsonObject, map: (value: unknown) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]))
}
