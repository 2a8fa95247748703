import type { CallRequest, Channel } from '../../src/calls/call.ts'
import { CallError, type CallErrorCode } from '../../src/calls/errors.ts'
import type { Outcome } from '../../src/calls/outcome.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { ID } from '../contract.ts'
import { createHarness, type Harness, type HarnessOptions } from './harness.ts'
import { type LocalUpstream, type ReceivedRequest, type Responder, startUpstream } from './upstream.ts'

/** A successful response to either call. */
export const ONE = { data: { id: ID } }
export const READ = ['get-customer', { customer_id: ID }] as const
export const WRITE = ['archive-customer', { id: ID }] as const
/** Both, for rules that hold for every call; only the write has an outcome. */
export const READ_AND_WRITE = [READ, WRITE] as const

export type CallResult =
  | { readonly ok: true; readonly body: JsonObject }
  | {
      readonly ok: false
      readonly code: CallErrorCode
      readonly status: number | undefined
      readonly outcome: Outcome | undefined
      readonly message: string
    }

/** Awaits a call; one that fails with a `CallError` is a result, too. */
export async function resultOf(call: Promise<JsonObject>): Promise<CallResult> {
  try {
    return { ok: true, body: await call }
  } catch (error) {
    if (!(error instanceof CallError)) throw error
    const { code, status, outcome, message } = error
    return { ok: false, code, status, outcome, message }
  }
}

/** Calls a tool of this harness. */
export function callWith(
  harness: Harness,
  [tool, args]: readonly [string, object],
  request: Partial<CallRequest> = {},
  channel?: Channel,
): Promise<CallResult> {
  return resultOf(harness.call({ tool, args, ...request }, harness.caller, channel))
}

export interface UpstreamCall extends Pick<Harness, 'waits' | 'logLines'> {
  readonly result: CallResult
  /** The requests of the call itself, without those that verify a write. */
  readonly attempts: readonly ReceivedRequest[]
  readonly upstream: LocalUpstream
}

/** Starts an upstream on loopback and makes one call. */
export async function callUpstream(
  call: readonly [string, object],
  respond: Responder,
  options: Pick<HarnessOptions, 'timeoutMs'> = {},
): Promise<UpstreamCall> {
  const upstream = await startUpstream(respond)
  const harness = createHarness({ upstream: { baseUrl: upstream.baseUrl }, ...options })
  const result = await callWith(harness, call)
  const attempts = upstream.requests.filter(({ method }, _, [first]) => method === first?.method)
  return { ...harness, result, attempts, upstream }
}
