import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { WriteOperation } from '../../operations/operation.ts'
import { quoteUntrusted, type Redact } from '../../sanitize.ts'
import { CallError, type Form, InputRequiredError } from '../errors.ts'
import type { IdempotencyKey } from '../write.ts'
import {
  type ArchiveRequest,
  buildForm,
  comparable,
  isArchived,
  isExpected,
  type Records,
  readRecords,
} from './archive-form.ts'
import type { AuditLog, CallOrigin } from './audit.ts'
import { deriveKey, digest, openState, sealState } from './sealed-state.ts'

export const FORM_TIMEOUT_MS = 300_000
const PROGRESS_MS = 15_000
/** How long a form may be answered that is the result of a call. */
export const STATE_LIFETIME_MS = 600_000

/** What came of a form: the text that was typed, or why there is none. */
export type FormResponse =
  | { readonly action: 'accept'; readonly text: unknown }
  | { readonly action: 'decline' | 'cancel' }
  | { readonly action: 'timed_out' }
  | { readonly action: 'failed'; readonly reason: string }

/** How a client shows a form: asked while the call runs, or as the result of the call, which the client then repeats. */
export type FormChannel =
  | {
      readonly kind: 'request'
      readonly ask: (form: Form, timeoutMs: number, signal: AbortSignal) => Promise<FormResponse>
    }
  | {
      readonly kind: 'result'
      /** As the client sent them; absent in the first request. */
      readonly state: unknown
      readonly response: FormResponse | undefined
    }

/** A call that would archive something. */
export interface ArchiveCall extends ArchiveRequest {
  readonly caller: {
    readonly apiKey: string | undefined
    readonly redact: Redact
    readonly origin?: CallOrigin | undefined
  }
  readonly forms?: FormChannel | undefined
  readonly onProgress: (message: string) => void
  /** Aborts when the call is cancelled. */
  readonly signal: AbortSignal
  /** Adds the time that a person takes to that of the call. */
  readonly waitForPerson: (response: Promise<FormResponse>) => Promise<FormResponse>
}

/** What the audit log says of a form that was shown. */
export interface Confirmation {
  readonly by: 'form'
  /** From the form to its response. */
  readonly ms: number
  readonly result: 'accepted' | 'declined' | 'cancelled' | 'other_text' | 'no_text' | 'timed_out' | 'failed'
}

export interface Confirmed {
  readonly confirmation: Confirmation
  /** The key of the confirmation, where the same one may arrive twice. */
  readonly idempotencyKey?: IdempotencyKey
}

/** Resolves when a form about exactly this call was confirmed. Throws a `CallError` otherwise. */
export type Confirm = (call: ArchiveCall) => Promise<Confirmed>

export interface ConfirmOptions {
  /** Label of the Metronome environment; may be empty. */
  readonly environment: string
  readonly audit?: AuditLog | undefined
}

export function createConfirm({ environment, audit }: ConfirmOptions): Confirm {
  // The sandbox has no key to derive one from, and no replicas.
  const processKey = randomBytes(32)
  /** Digests of the confirmations that came here, and when they expire. */
  const seen = new Map<string, number>()

  function isRepeated(confirmation: string, expiresAt: number): boolean {
    for (const [known, expires] of seen) if (expires < Date.now()) seen.delete(known)
    const isKnown = seen.has(confirmation)
    seen.set(confirmation, expiresAt)
    return isKnown
  }

  async function confirm(call: ArchiveCall): Promise<Confirmed> {
    const { op, forms } = call
    if (!forms) throw reject(op, NO_FORM)
    return forms.kind === 'request' ? confirmDuringCall(call, forms) : confirmByRepeating(call, forms)
  }

  async function confirmDuringCall(call: ArchiveCall, { ask }: RequestChannel): Promise<Confirmed> {
    const { op, signal } = call
    const shown = await readRecords(call)
    const askedAt = Date.now()
    const response = await askDuringCall(call, ask, buildForm(call, shown, environment))
    if (signal.aborted) throw cancelled(call)
    const confirmation = checkResponse(call, response, shown, askedAt)
    if (!isDeepStrictEqual(comparable(await readRecords(call)), comparable(shown)))
      throw reject(op, CHANGED, confirmation)
    return { confirmation }
  }

  async function confirmByRepeating(call: ArchiveCall, { state: sealed, response }: ResultChannel): Promise<Confirmed> {
    const { op, caller } = call
    const key = caller.apiKey === undefined ? processKey : deriveKey(caller.apiKey)
    const callDigest = digest([op.tool, call.args, caller.origin?.bearer])
    const state = openState(sealed, key, callDigest)
    if (state && (response?.action === 'decline' || response?.action === 'cancel'))
      throw rejectDeclined(op, response.action, state.askedAt)
    const shown = await readRecords(call)
    const shownDigest = digest(comparable(shown))
    if (!state || !response) {
      const askedAt = Date.now()
      const question = {
        form: buildForm(call, shown, environment),
        state: sealState({ callDigest, shownDigest, askedAt, expiresAt: askedAt + STATE_LIFETIME_MS }, key),
      }
      throw new InputRequiredError(`${op.tool}: a person has to confirm it.`, question)
    }
    if (state.shownDigest !== shownDigest) throw isArchived(shown) ? archivedMeanwhile(call) : reject(op, CHANGED)
    const confirmation = checkResponse(call, response, shown, state.askedAt)
    // The client may send the same confirmation again, after a lost response.
    const value = digest(sealed)
    const idempotencyKey = {
      value,
      mayHaveBeenUsed: isRepeated(value, state.expiresAt),
      givenIn: 'confirmation',
    } as const
    return { confirmation, idempotencyKey }
  }

  return async (call) => {
    try {
      return await confirm(call)
    } catch (error) {
      if (error instanceof CallError && error.code !== 'input_required') {
        const confirmation = error instanceof NotConfirmedError ? error.confirmation : undefined
        await audit?.recordEvent(call, error.outcome ?? 'not_applied', confirmation)
      }
      throw error
    }
  }
}

type RequestChannel = Extract<FormChannel, { kind: 'request' }>
type ResultChannel = Extract<FormChannel, { kind: 'result' }>

/** No archive, with what became of the form where one was shown. */
class NotConfirmedError extends CallError {
  override readonly name = 'NotConfirmedError'
  readonly confirmation: Confirmation | undefined

  constructor(message: string, confirmation: Confirmation | undefined) {
    super('not_confirmed', message)
    this.confirmation = confirmation
  }
}

const NO_FORM =
  'this server archives only what a person has confirmed in a form, which this client does not support; archive from Claude Code or Codex, or start the server without --confirm-archives'
const CHANGED = 'what would be archived has changed since it was shown; call again to show it anew'

/** Nothing was archived. */
function reject({ tool }: WriteOperation, reason: string, confirmation?: Confirmation): CallError {
  return new NotConfirmedError(`${tool}: ${reason}. Nothing was archived.`, confirmation)
}

function rejectDeclined(op: WriteOperation, action: 'decline' | 'cancel', askedAt: number): CallError {
  const result = action === 'decline' ? 'declined' : 'cancelled'
  const reason = `the form was ${result}. If no question was shown, your client answered without asking you`
  return reject(op, reason, { by: 'form', ms: Date.now() - askedAt, result })
}

function cancelled({ op, signal }: ArchiveCall): CallError {
  const reason = typeof signal?.reason === 'string' ? signal.reason : 'the call was cancelled'
  return new CallError('cancelled', `${op.tool}: ${reason}. Nothing was archived.`)
}

/** This confirmation may have archived it in an earlier call, whose response was lost. */
function archivedMeanwhile({ op, args }: ArchiveCall): CallError {
  const message = `${op.tool}: archived since it was shown, by an earlier call with this confirmation or by someone else. ${op.verification.recheckAdvice(args)}`
  return new CallError('not_confirmed', message, { outcome: 'unknown' })
}

async function askDuringCall(
  { op, onProgress, signal, waitForPerson }: ArchiveCall,
  ask: Extract<FormChannel, { kind: 'request' }>['ask'],
  form: Form,
): Promise<FormResponse> {
  const reportWaiting = () => onProgress(`${op.tool}: waiting for a person to confirm it`)
  const timer = setInterval(reportWaiting, PROGRESS_MS)
  try {
    return await waitForPerson(ask(form, FORM_TIMEOUT_MS, signal))
  } finally {
    clearInterval(timer)
  }
}

/** What became of the form. Throws unless the right text came back, accepted. */
function checkResponse(
  { op, caller }: ArchiveCall,
  response: FormResponse,
  shown: Records,
  askedAt: number,
): Confirmation {
  const end = (result: Confirmation['result']): Confirmation => ({ by: 'form', ms: Date.now() - askedAt, result })
  if (response.action === 'timed_out')
    throw reject(op, `no response to the form within ${FORM_TIMEOUT_MS / 1000} s`, end('timed_out'))
  if (response.action === 'failed') {
    const reason = quoteUntrusted(caller.redact(response.reason))
    throw reject(op, `the client failed to show the form: ${reason}`, end('failed'))
  }
  if (response.action !== 'accept') throw rejectDeclined(op, response.action, askedAt)
  const { text } = response
  if (typeof text !== 'string' || text.trim() === '')
    throw reject(op, 'the form was accepted without the text', end('no_text'))
  if (!isExpected(text, shown)) throw reject(op, 'the form was accepted with another text', end('other_text'))
  return end('accepted')
}
