import { createHash, randomUUID } from 'node:crypto'
import type { WriteAttempt } from '../../metronome/retry.ts'
import type { JsonObject, Operation, Read, WriteOperation } from '../../operations/operation.ts'
import { cutText, type Redact } from '../../sanitize.ts'
import { CallError } from '../errors.ts'
import type { Outcome } from '../outcome.ts'
import type { IdempotencyKey, WriteResult } from '../write.ts'

/** Longest line; the largest fields of a longer one are cut, and marked. */
const MAX_LINE_BYTES = 64 * 1024
const CUT_CHARACTERS = 8 * 1024

/** Where a call came from, as far as that is known. */
export interface CallOrigin {
  readonly transport: 'stdio' | 'http' | 'rest' | 'call'
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
  recordEvent(call: AuditedCall, outcome: Outcome): Promise<void>
}

export function createAuditLog({ append, context, onError }: AuditOptions): AuditLog {
  function buildLine({ op, args, caller }: AuditedCall, fields: JsonObject): string {
    const { call, phase, ...others } = fields
    const { origin, redact } = caller
    const start = { v: 1, at: new Date().toISOString(), call, phase, ...context, caller: { ...origin }, tool: op.tool }
    const line = JSON.stringify({ ...start, arguments: args, ...others })
    if (Buffer.byteLength(line) <= MAX_LINE_BYTES) return redact(line)
    return redact(JSON.stringify({ ...start, arguments: cut(args), ...mapValues(others, cut), is_cut: true }))
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
      const call = randomUUID()
      const startedAt = performance.now()
      const key = { idempotency_key: write.idempotencyKey.value }
      const before = await readBefore(write)
      await appendLine(write, buildLine(write, { call, phase: 'begin', ...before, ...key }))
      return {
        async end(result) {
          const end = { ...describeAttempts(result.attempts), after: result.ok ? recordOf(result.body) : null, ...key }
          const outcome = result.ok ? 'applied' : (result.error.outcome ?? 'unknown')
          const ms = Math.round(performance.now() - startedAt)
          const line = buildLine(write, { call, phase: 'end', outcome, ...end, ms })
          return appendLine(write, line).then(
            () => true,
            () => false,
          )
        },
      }
    },
    recordEvent: (call, outcome) => appendLine(call, buildLine(call, { call: randomUUID(), phase: 'single', outcome })),
  }
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
  const ids = REQUEST_ID_HEADERS.map((name) => response?.headers.get(name))
  return { status: response?.status ?? null, request_id: ids.find(Boolean) ?? null, attempts: attempts.length }
}

function cut(value: unknown): unknown {
  const text = JSON.stringify(value) ?? 'null'
  return text.length > CUT_CHARACTERS ? `${cutText(text, CUT_CHARACTERS)}…` : value
}

function mapValues(object: JsonObject, map: (value: unknown) => unknown): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value)]))
}
