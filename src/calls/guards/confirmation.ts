import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { WriteOperation } from '../../operations/operation.ts'
import { quoteUntrusted, type Redact } from '../../sanitize.ts'
import { CallError, type Form, InputRequiredError } from '../errors.ts'
import type { IdempotencyKey } from '../write.ts'
import {
  type ArchiveRequest,
  buildForm,
  expectedText,
  isArchived,
  normalizeText,
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
  /** Digests of the confirmations that came here, and when they expire. */
  const seen = new Map<string, number>()

  function isRepeated(confirmation: string, expiresAt: number): boolean {
    for (const [known, expires] of seen) if (expires < Date.now()) seen.delete(known)
    const isKnown = seen.has(confirmation)
    seen.set(confirmation, expiresAt)
    return isKnown
  }

  async function confirm(call: ArchiveCall): Promise<IdempotencyKey | undefined> {
    const { op, caller, forms, signal } = call
    const { apiKey } = caller
    if (!forms) throw reject(op, NO_FORM)
    if (forms.kind === 'request') {
      const shown = await readRecords(call)
      const response = await askDuringCall(call, forms.ask, buildForm(call, shown, environment))
      if (signal.aborted) throw cancelled(call)
      checkResponse(call, response, shown)
      if (!isDeepStrictEqual(await readRecords(call), shown)) throw reject(op, CHANGED)
      return undefined
    }
    const key = apiKey === undefined ? processKey : deriveKey(apiKey)
    const callDigest = digest([op.tool, call.args, caller.origin?.bearer])
    const state = openState(forms.state, key, callDigest)
    const { response } = forms
    const isRejection = response?.action === 'decline' || response?.action === 'cancel'
    if (state && isRejection) throw reject(op, describeDecline(response.action))
    const shown = await readRecords(call)
    const shownDigest = digest(shown)
    if (!state || !response) {
      const question = {
        form: buildForm(call, shown, environment),
        state: sealState({ callDigest, shownDigest, expiresAt: Date.now() + STATE_LIFETIME_MS }, key),
      }
      throw new InputRequiredError(`${op.tool}: a person has to confirm it.`, question)
    }
    if (state.shownDigest !== shownDigest) throw isArchived(shown) ? archivedMeanwhile(call) : reject(op, CHANGED)
    checkResponse(call, response, shown)
    // The client may send the same confirmation again, after a lost response.
    const value = digest(forms.state)
    return { value, mayHaveBeenUsed: isRepeated(value, state.expiresAt), givenIn: 'confirmation' }
  }

  return async (call) => {
    try {
      return await confirm(call)
    } catch (error) {
      if (error instanceof CallError && error.code !== 'input_required') {
        await audit?.recordEvent(call, error.outcome ?? 'not_applied')
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
  return new CallError('not_confirmed', `${tool}: ${reason}. Nothing was archived.`)
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

/** Throws unless the right text was typed and accepted. */
function checkResponse({ op, caller }: ArchiveCall, response: FormResponse, shown: Records): void {
  if (response.action === 'timed_out') throw reject(op, `no response to the form within ${FORM_TIMEOUT_MS / 1000} s`)
  if (response.action === 'failed')
    throw reject(op, `the client failed to show the form: ${quoteUntrusted(caller.redact(response.reason))}`)
  if (response.action !== 'accept') throw reject(op, describeDecline(response.action))
  const { text } = response
  if (typeof text !== 'string' || text.trim() === '') throw reject(op, 'the form was accepted without the text')
  if (normalizeText(text) !== expectedText(shown)) throw reject(op, 'the form was accepted with another text')
}

function describeDecline(action: 'decline' | 'cancel'): string {
  const what = action === 'decline' ? 'the form was declined' : 'the form was cancelled'
  return `${what}. If no question was shown, your client answered without asking you`
}
