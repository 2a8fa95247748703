import type { Fetch } from '../../src/metronome/fetch.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { type FaultPlan, parseFaultSpec } from '../../src/sandbox/fault-spec.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import { createHarness } from './harness.ts'

export interface OpenSandbox {
  readonly store: Store
  /** Calls a tool as against Metronome; resolves with the response body and the note. */
  readonly call: (
    tool: string,
    args: JsonObject,
    signal?: AbortSignal,
  ) => Promise<{ readonly body: JsonObject; readonly note: unknown }>
  /** Sends a request to the sandbox itself. */
  readonly send: (target: string, init?: RequestInit) => Promise<Response>
  /** `METHOD path` of every request of the calls. */
  readonly sent: readonly string[]
  /** Idempotency-Keys of the writes among them. */
  readonly keys: readonly string[]
}

interface OpenOptions {
  /** As `--sandbox-faults` takes them. */
  readonly faults?: string
  readonly seed?: number
}

/** A sandbox with its own state. No call waits before a retry. */
export function openSandbox({ faults, ...options }: OpenOptions = {}): OpenSandbox {
  const store = createStore()
  const sandbox = createSandbox({ ...options, ...(faults !== undefined && { faults: parsePlan(faults) }), store })
  const sent: string[] = []
  const keys: string[] = []
  const fetch: Fetch = (url, init) => {
    sent.push(`${init.method} ${new URL(url).pathname}`)
    const key = new Headers(init.headers).get('idempotency-key')
    if (key !== null) keys.push(key)
    return sandbox.fetch(url, init)
  }
  const { call, caller } = createHarness({ upstream: { ...sandbox, fetch, needsKey: false }, apiKey: undefined })
  return {
    store,
    sent,
    keys,
    async call(tool, args, signal) {
      const { _note, ...body } = await call({ tool, args }, caller, { signal })
      return { body, note: _note }
    },
    send: (target, init) => sandbox.fetch(sandbox.baseUrl + target, init),
  }
}

/** The plan of a valid specification. */
export function parsePlan(faults: string): FaultPlan {
  const parsed = parseFaultSpec(faults)
  if (!parsed.ok) throw new Error(parsed.message)
  return parsed.plan
}

/** A POST as a client sends it. */
export function post(body: unknown, idempotencyKey?: string): RequestInit {
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}
