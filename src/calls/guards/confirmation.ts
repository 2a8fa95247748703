import { randomBytes } from 'node:crypto'
import { quoteUntrusted, type Redact } from '../../sanitize.ts'
import { CallError, type Form, InputRequiredError } from '../errors.ts'
import { digestJson } from '../validate-arguments.ts'
import type { IdempotencyKey } from '../write.ts'
import { buildForm, expectedText, isSameText } from './archive-form.ts'
import { type ArchiveRequest, comparable, isArchived, readRecords } from './archive-records.ts'
import type { AuditLog, CallOrigin, Confirmation } from './audit.ts'
import { deriveKey, openState, sealState } from './sealed-state.ts'

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

/** A form that was shown, with what came of it. */
interface AnsweredForm {
  readonly response: FormResponse
  /** When it was made, in milliseconds since 1970. */
  readonly askedAt: number
  readonly expectedText: string
  readonly shownDigest: string
  /** Identifies the confirmation that a client sends with its call, perhaps more than once. */
  readonly confirmationId?: string
}

export function createConfirm({ environment, audit }: ConfirmOptions): Confirm {
  // The sandbox has no key to derive one from, and no replicas.
  const processKey = randomBytes(32)
  const isRepeated = createRepetitionCheck()

  async function obtainResponse(call: ArchiveCall): Promise<AnsweredForm> {
    const { op, forms } = call
    if (!forms) throw reject(op, NO_FORM)
    return forms.kind === 'request' ? askDuringCall(call, forms) : readRepeatedCall(call, forms)
  }

  async function askDuringCall(call: ArchiveCall, { ask }: RequestChannel): Promise<AnsweredForm> {
    const { form, ...shown } = await prepareForm(call)
    return { ...shown, response: await waitForResponse(call, ask, form) }
  }

  /** The client repeats the call with its response. Throws {@link InputRequiredError} until it has one. */
  async function readRepeatedCall(
    call: ArchiveCall,
    { state: sealed, response }: ResultChannel,
  ): Promise<AnsweredForm> {
    const { op, args, caller } = call
    const key = caller.apiKey === undefined ? processKey : deriveKey(caller.apiKey)
    const callDigest = digestJson([op.tool, args, caller.origin?.bearer])
    const state = openState(sealed, key, callDigest, STATE_LIFETIME_MS)
    if (state && response) return { ...state, response, confirmationId: digestJson(sealed) }
    const { form, ...shown } = await prepareForm(call)
    const question = { form, state: sealState({ callDigest, ...shown }, key) }
    throw new InputRequiredError(`${op.tool}: a person has to confirm it.`, question)
  }

  async function prepareForm(call: ArchiveCall) {
    const records = await readRecords(call)
    return {
      form: buildForm(call.op, records, environment),
      expectedText: expectedText(records),
      shownDigest: digestJson(comparable(records)),
      askedAt: Date.now(),
    }
  }

  return async (call) => {
    let confirmation: Confirmation | undefined
    try {
      const answered = await obtainResponse(call)
      const result = readResult(call, answered)
      confirmation = { by: 'form', ms: Math.max(0, Date.now() - answered.askedAt), result }
      if (result !== 'accepted') throw notAccepted(call, answered.response, result)
      await checkUnchanged(call, answered)
      const { confirmationId, askedAt } = answered
      if (confirmationId === undefined) return { confirmation }
      const mayHaveBeenUsed = isRepeated(confirmationId, askedAt + STATE_LIFETIME_MS)
      return { confirmation, idempotencyKey: { value: confirmationId, mayHaveBeenUsed, givenIn: 'confirmation' } }
    } catch (error) {
      if (error instanceof CallError && error.code !== 'input_required')
        await audit?.recordEvent(call, error.outcome ?? 'not_applied', confirmation)
      throw error
    }
  }
}

type RequestChannel = Extract<FormChannel, { kind: 'request' }>
type ResultChannel = Extract<FormChannel, { kind: 'result' }>

/** Whether this process has seen a confirmation that still counts. */
function createRepetitionCheck(): (confirmationId: string, expiresAt: number) => boolean {
  const seen = new Map<string, number>()
  return (confirmationId, expiresAt) => {
    for (const [known, expires] of seen) if (expires < Date.now()) seen.delete(known)
    const isKnown = seen.has(confirmationId)
    seen.set(confirmationId, expiresAt)
    return isKnown
  }
}

async function waitForResponse(
  { op, onProgress, signal, waitForPerson }: ArchiveCall,
  ask: RequestChannel['ask'],
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

function readResult({ signal }: ArchiveCall, { response, expectedText }: AnsweredForm): Confirmation['result'] {
  if (signal.aborted) return 'cancelled'
  if (response.action !== 'accept') return RESULTS[response.action]
  const { text } = response
  if (typeof text !== 'string' || text.trim() === '') return 'no_text'
  return isSameText(text, expectedText) ? 'accepted' : 'other_text'
}

const RESULTS = { decline: 'declined', cancel: 'cancelled', timed_out: 'timed_out', failed: 'failed' } as const

const NO_FORM =
  'this server archives only what a person has confirmed in a form, which this client does not support; archive from Claude Code or Codex, or start the server without --confirm-archives'
const CHANGED = 'what would be archived has changed since it was shown; call again to show it anew'
const NOT_SHOWN = 'If no question was shown, your client answered without asking you'
const REASONS: Readonly<Record<Exclude<Confirmation['result'], 'accepted'>, string>> = {
  declined: `the form was declined. ${NOT_SHOWN}`,
  cancelled: `the form was cancelled. ${NOT_SHOWN}`,
  other_text: 'the form was accepted with another text',
  no_text: 'the form was accepted without the text',
  timed_out: `no response to the form within ${FORM_TIMEOUT_MS / 1000} s`,
  failed: 'the client failed to show the form',
}

/** Nothing was archived. */
function reject({ tool }: ArchiveCall['op'], reason: string, code: CallError['code'] = 'not_confirmed'): CallError {
  return new CallError(code, `${tool}: ${reason}. Nothing was archived.`)
}

function notAccepted(
  { op, caller, signal }: ArchiveCall,
  response: FormResponse,
  result: keyof typeof REASONS,
): CallError {
  if (signal.aborted) {
    const reason = typeof signal.reason === 'string' ? signal.reason : 'the call was cancelled'
    return reject(op, reason, 'cancelled')
  }
  const detail = response.action === 'failed' ? `: ${quoteUntrusted(caller.redact(response.reason))}` : ''
  return reject(op, `${REASONS[result]}${detail}`)
}

async function checkUnchanged(call: ArchiveCall, { shownDigest, confirmationId }: AnsweredForm): Promise<void> {
  const records = await readRecords(call)
  if (digestJson(comparable(records)) === shownDigest) return
  throw confirmationId !== undefined && isArchived(records) ? archivedMeanwhile(call) : reject(call.op, CHANGED)
}

/** This confirmation may have archived it in an earlier call, whose response was lost. */
function archivedMeanwhile({ op, args }: ArchiveCall): CallError {
  const message = `${op.tool}: archived since it was shown, by an earlier call with this confirmation or by someone else. ${op.verification.recheckAdvice(args)}`
  return new CallError('not_confirmed', message, { outcome: 'unknown' })
}
