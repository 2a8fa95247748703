import { createHash, createHmac, hkdfSync, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { getCustomer } from '../operations/customers.ts'
import {
  type Archiving,
  asObject,
  asObjects,
  isObject,
  type JsonObject,
  type Read,
  type WriteOperation,
} from '../operations/operation.ts'
import { escapeInvisible, quoteUntrusted, type Redact } from '../sanitize.ts'
import type { AuditLog, CallOrigin } from './audit.ts'
import { CallError, type Form } from './errors.ts'
import type { IdempotencyKey } from './write.ts'

const FORM_TIMEOUT_MS = 300_000
const PROGRESS_MS = 15_000
/** How long a form may be answered that is the result of a call. */
const STATE_LIFETIME_MS = 600_000

const MAX_NAME = 80
/** Nobody types a longer name. */
const MAX_TYPED_NAME = 60
const ID_CHARACTERS = 8
/** Longer lists are cut. */
const MAX_LISTED = 20

/** What the client returned: MCP's `ElicitResult`, or why there is none. */
export type FormResponse =
  | { readonly action: 'accept' | 'decline' | 'cancel'; readonly content?: unknown }
  | { readonly action: 'timed_out' }
  | { readonly action: 'failed'; readonly reason: string }

/** How a client shows a form: asked while the call runs, or as the result of the call, which the client then repeats. */
export type FormChannel =
  | {
      readonly kind: 'request'
      readonly ask: (form: Form, timeoutMs: number, signal: AbortSignal | undefined) => Promise<FormResponse>
    }
  | {
      readonly kind: 'result'
      /** As the client sent them; absent in the first request. */
      readonly state: unknown
      readonly response: unknown
    }

/** A call that would archive something. */
export interface ArchiveCall {
  readonly op: WriteOperation
  readonly args: JsonObject
  readonly caller: {
    readonly apiKey: string | undefined
    readonly redact: Redact
    readonly origin?: CallOrigin | undefined
    readonly onProgress?: ((message: string) => void) | undefined
    readonly forms?: FormChannel | undefined
  }
  /** Aborts when the call is cancelled. */
  readonly signal: AbortSignal | undefined
  readonly read: (read: Read) => Promise<JsonObject>
}

/**
 * Resolves when a person has confirmed exactly this call; with the Idempotency-Key of the confirmation where the same one
 * may arrive twice. Throws a `CallError` otherwise.
 */
export type Confirm = (call: ArchiveCall) => Promise<IdempotencyKey | undefined>

export interface ConfirmOptions {
  /** Label of the Metronome environment; may be empty. */
  readonly environment: string
  readonly audit?: AuditLog | undefined
}

export function createConfirm({ environment, audit }: ConfirmOptions): Confirm {
  // The sandbox has no key to derive one from, and no replicas.
  const processKey = randomBytes(32)

  async function confirm(call: ArchiveCall): Promise<IdempotencyKey | undefined> {
    const { op, caller, signal } = call
    const { forms, apiKey } = caller
    if (!forms) throw reject(op, NO_FORM)
    if (forms.kind === 'request') {
      const shown = await readRecords(call)
      const response = await askDuringCall(call, forms.ask, buildForm(call, shown, environment))
      if (signal?.aborted) throw cancelled(call)
      checkResponse(call, response, shown)
      if (!isDeepStrictEqual(await readRecords(call), shown)) throw reject(op, CHANGED)
      return undefined
    }
    const key = apiKey === undefined ? processKey : deriveKey(apiKey)
    const callDigest = digest([op.tool, call.args, caller.origin?.bearer])
    const state = openState(forms.state, key, callDigest)
    const response = readResponse(forms.response)
    const isRejection = response?.action === 'decline' || response?.action === 'cancel'
    if (state && isRejection) throw reject(op, describeRefusal(response.action))
    const shown = await readRecords(call)
    const shownDigest = digest(shown)
    if (!state || !response) {
      const question = {
        form: buildForm(call, shown, environment),
        state: sealState({ callDigest, shownDigest, expiresAt: Date.now() + STATE_LIFETIME_MS }, key),
      }
      throw new CallError('input_required', `${op.tool}: a person has to confirm it.`, { question })
    }
    if (state.shownDigest !== shownDigest) throw isArchived(shown) ? archivedMeanwhile(call) : reject(op, CHANGED)
    checkResponse(call, response, shown)
    return { value: digest(forms.state), isCallers: true }
  }

  return async (call) => {
    try {
      return await confirm(call)
    } catch (error) {
      if (error instanceof CallError && error.code !== 'input_required') {
        const { op, args, caller } = call
        await audit?.recordSingle({ op, args, ...caller }, error.outcome ?? 'not_applied')
      }
      throw error
    }
  }
}

const NO_FORM =
  'this server archives only what a person has confirmed in a form, which this client does not support; archive from Claude Code or Codex, or start the server without --confirm-archives'
const CHANGED = 'what would be archived has changed since it was shown; call again to show it anew'

/** Nothing was archived. */
function reject({ tool }: WriteOperation, reason: string): CallError {
  return new CallError('not_confirmed', `${tool}: ${reason}. Nothing was archived.`, { outcome: 'not_applied' })
}

function cancelled({ op, signal }: ArchiveCall): CallError {
  const reason = typeof signal?.reason === 'string' ? signal.reason : 'the call was cancelled'
  return new CallError('cancelled', `${op.tool}: ${reason}. Nothing was archived.`, { outcome: 'not_applied' })
}

/** This confirmation may have archived it in an earlier call, whose response was lost. */
function archivedMeanwhile({ op, args }: ArchiveCall): CallError {
  const message = `${op.tool}: archived since it was shown, by an earlier call with this confirmation or by somebody else. ${op.verification.recheck(args)}`
  return new CallError('not_confirmed', message, { outcome: 'unknown' })
}

/** What is archived, as it is shown. */
interface Records {
  readonly id: string
  readonly customer: JsonObject
  /** In the order of the operation; `undefined` where they could not be read. */
  readonly configurations: readonly (readonly JsonObject[] | undefined)[]
}

const CUSTOMER_FIELDS = ['name', 'ingest_aliases', 'current_billable_status', 'archived_at'] as const

async function readRecords({ op, args, read }: ArchiveCall): Promise<Records> {
  const { customerArgument, configurations } = archivingOf(op)
  const id = String(args[customerArgument])
  const [body, ...lists] = await Promise.all([
    read({ op: getCustomer, args: { customer_id: id } }).catch((error: unknown) => {
      throw error instanceof CallError ? customerUnreadable(op, error) : error
    }),
    ...configurations.map(async ({ fetch, idsArgument }) => {
      const all = { customer_id: id, ...(idsArgument && { include_archived: true }) }
      const response = await read({ op: fetch, args: all }).catch(ignoreUnreadable)
      return response && selectConfigurations(asObjects(response.data), idsArgument && args[idsArgument])
    }),
  ])
  const record = asObject(body.data)
  return {
    id,
    customer: Object.fromEntries(CUSTOMER_FIELDS.map((field) => [field, record[field]])),
    configurations: lists,
  }
}

function customerUnreadable({ tool }: WriteOperation, error: CallError): CallError {
  const message = `${tool}: the customer cannot be read, so nothing was archived. ${error.message}`
  return new CallError(error.code, message, { ...error, cause: error, outcome: 'not_applied' })
}

/** Some accounts may not read some configurations. */
function ignoreUnreadable(error: unknown): undefined {
  if (!(error instanceof CallError) || error.code === 'cancelled') throw error
}

/** In one order, whatever the order of the response is. */
function selectConfigurations(records: readonly JsonObject[], ids: unknown): JsonObject[] {
  const named = Array.isArray(ids) ? new Set(ids.map((id) => String(id).toLowerCase())) : undefined
  const selected = records.filter(({ id, archived_at }) => (named ? named.has(String(id).toLowerCase()) : !archived_at))
  return selected.sort((a, b) => (String(a.id) < String(b.id) ? -1 : 1))
}

function isArchived({ customer, configurations }: Records): boolean {
  return Boolean(customer.archived_at) || configurations.some((list) => list?.some(({ archived_at }) => archived_at))
}

function archivingOf({ tool, irreversible }: WriteOperation): Archiving {
  if (!irreversible) throw new Error(`${tool} archives nothing`)
  return irreversible
}

const FIELD = 'confirmation'

function buildForm({ op, args }: ArchiveCall, shown: Records, environment: string): Form {
  const { configurations, consequences, object } = archivingOf(op)
  const { name, ingest_aliases: aliases, current_billable_status: billable, archived_at: archivedAt } = shown.customer
  const lines = [
    `Tool: ${op.tool}`,
    `Environment: ${environment || 'not named'}`,
    `Customer: ${quoteName(name)}, id ${shown.id}`,
    `Aliases: ${listAll(Array.isArray(aliases) ? aliases.map(quoteName) : [])}`,
    `Billable status: ${describeBillable(billable)}`,
    ...(archivedAt ? [`Archived at: ${quoteName(archivedAt)}`] : []),
    ...configurations.map(({ label, idsArgument }, index) => {
      const list = shown.configurations[index]
      const requested = idsArgument === undefined ? [] : args[idsArgument]
      const isMissing = Array.isArray(requested) && list !== undefined && list.length < new Set(requested).size
      const missing = isMissing ? ' (some of the ids do not exist here)' : ''
      return `${label}: ${list ? listAll(list.map(describeConfiguration)) + missing : 'could not be read'}`
    }),
    `${consequences} This cannot be undone.`,
  ]
  const title = `Type ${expectedText(shown)} to archive ${object}`
  return {
    message: lines.join('\n'),
    requestedSchema: { type: 'object', properties: { [FIELD]: { type: 'string', title } }, required: [FIELD] },
  }
}

/** Text of strangers on one line: quoted, cut, and with every invisible character shown. */
function quoteName(value: unknown): string {
  if (typeof value !== 'string') return 'none'
  const characters = Array.from(value)
  const start = characters.length > MAX_NAME ? `${characters.slice(0, MAX_NAME).join('')}…` : value
  return `"${escapeInvisible(start).replaceAll('"', '\\"')}"`
}

function describeBillable(status: unknown): string {
  const value = isObject(status) ? status.value : status
  return typeof value === 'string' ? quoteName(value) : 'not shown'
}

function describeConfiguration({ id, billing_provider, provider, archived_at }: JsonObject): string {
  const archived = archived_at ? ', archived' : ''
  return `${quoteName(billing_provider ?? provider)} (id ${quoteName(id)}${archived})`
}

function listAll(items: readonly string[]): string {
  if (items.length === 0) return 'none'
  const more = items.length - MAX_LISTED
  return more > 0 ? `${items.slice(0, MAX_LISTED).join(', ')} and ${more} more` : items.join(', ')
}

// Control, format, surrogate and unassigned characters, line breaks, and what is drawn as nothing.
const UNTYPABLE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

/** The name, or the start of the id where the name cannot be typed. */
function expectedText({ id, customer: { name } }: Records): string {
  const text = typeof name === 'string' ? normalizeText(name) : ''
  const isTypable = text !== '' && Array.from(text).length <= MAX_TYPED_NAME && !UNTYPABLE.test(text)
  return isTypable ? text : id.slice(0, ID_CHARACTERS)
}

const normalizeText = (text: string): string => text.normalize('NFC').trim()

async function askDuringCall(
  { op, caller: { onProgress }, signal }: ArchiveCall,
  ask: Extract<FormChannel, { kind: 'request' }>['ask'],
  form: Form,
): Promise<FormResponse> {
  const reportWaiting = () => onProgress?.(`${op.tool}: waiting for a person to confirm it`)
  const timer = setInterval(reportWaiting, PROGRESS_MS)
  try {
    return await ask(form, FORM_TIMEOUT_MS, signal)
  } finally {
    clearInterval(timer)
  }
}

/** A response that is none of MCP's counts as missing. */
function readResponse(response: unknown): FormResponse | undefined {
  const { action, content } = asObject(response)
  return action === 'accept' || action === 'decline' || action === 'cancel' ? { action, content } : undefined
}

/** Throws unless the right text was typed and accepted. */
function checkResponse({ op, caller }: ArchiveCall, response: FormResponse, shown: Records): void {
  if (response.action === 'timed_out') throw reject(op, `nobody answered the form within ${FORM_TIMEOUT_MS / 1000} s`)
  if (response.action === 'failed')
    throw reject(op, `the client failed to show the form: ${quoteUntrusted(caller.redact(response.reason))}`)
  if (response.action !== 'accept') throw reject(op, describeRefusal(response.action))
  const typed = asObject(response.content)[FIELD]
  if (typeof typed !== 'string' || typed.trim() === '') throw reject(op, 'the form was accepted without the text')
  if (normalizeText(typed) !== expectedText(shown)) throw reject(op, 'the form was accepted with another text')
}

function describeRefusal(action: 'decline' | 'cancel'): string {
  const what = action === 'decline' ? 'the form was declined' : 'the form was cancelled'
  return `${what}. If no question was shown, your client answered without asking you`
}

/** What the form was about, and how long it counts. */
interface State {
  readonly callDigest: string
  readonly shownDigest: string
  readonly expiresAt: number
}

/** `JSON.MAC`, the former in base64url. The client returns it as it is; it can be read, and not forged. */
function sealState(state: State, key: Uint8Array): string {
  const body = Buffer.from(JSON.stringify({ ...state, nonce: randomUUID() })).toString('base64url')
  return `${body}.${authenticate(body, key)}`
}

/** `undefined` unless this server, or a replica of it, made the state for this call, not too long ago. */
function openState(sealed: unknown, key: Uint8Array, callDigest: string): State | undefined {
  if (typeof sealed !== 'string') return undefined
  const [body = ''] = sealed.split('.')
  const expected = Buffer.from(`${body}.${authenticate(body, key)}`)
  const given = Buffer.from(sealed)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const state = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as State // authenticated
  return state.callDigest === callDigest && Date.now() < state.expiresAt ? state : undefined
}

function authenticate(body: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(body).digest('base64url')
}

/** Replicas with the same Metronome key agree. */
function deriveKey(apiKey: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', apiKey, '', 'metronome-customers-mcp confirmation', 32))
}

/** The same for equal values, whatever the order of their keys. */
function digest(value: unknown): string {
  const sortKeys = (_: string, item: unknown) =>
    isObject(item) ? Object.fromEntries(Object.entries(item).sort()) : item
  return createHash('sha256')
    .update(JSON.stringify(value, sortKeys) ?? '')
    .digest('base64url')
}
