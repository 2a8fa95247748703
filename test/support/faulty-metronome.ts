import type { Operation } from '../../src/operation/define.ts'
import { buildResponse, readRequest, type SandboxRequest } from '../../src/sandbox/exchange.ts'
import { answer } from '../../src/sandbox/server.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import type { Upstream } from '../../src/upstream/attempt.ts'
import { UnsentError } from '../../src/upstream/errors.ts'

/** What happens to one attempt of a write. `Done` means that Metronome did it before the fault. */
export const FAULTS = [
  'none',
  'refused',
  'reset',
  'resetDone',
  'late',
  'unavailable',
  'unavailableDone',
  'gatewayTimeoutDone',
  'requestTimeout',
  'rateLimit',
  'serverError',
  'serverErrorDone',
  'redirectDone',
  'htmlDone',
  'emptyDone',
] as const
export type Fault = (typeof FAULTS)[number]

export interface FaultyMetronome {
  readonly store: Store
  readonly upstream: Upstream
  /** Idempotency-Keys of the writes that arrived, in order. */
  readonly keys: (string | undefined)[]
  /** Bodies of the writes that arrived. */
  readonly bodies: string[]
  /** All requests that arrived. */
  count(): number
  /** Faults of the coming writes, one an attempt; later ones go well. */
  plan(faults: readonly Fault[], options?: { readsFail?: boolean; landsAfter?: number }): void
  /** Lets everything land that is still under way. */
  land(): void
}

/** The sandbox's Metronome behind a network that fails as planned. */
export function createFaultyMetronome(isWrite: (request: SandboxRequest) => boolean): FaultyMetronome {
  const store = createStore()
  const keys: (string | undefined)[] = []
  const bodies: string[] = []
  const landings: { in: number; land: () => void }[] = []
  let faults: Fault[] = []
  let readsFail = false
  let landsAfter = 1
  let count = 0

  function landDue(): void {
    for (const landing of landings) landing.in -= 1
    for (const due of landings.filter((landing) => landing.in <= 0)) due.land()
    landings.splice(0, landings.length, ...landings.filter((landing) => landing.in > 0))
  }

  function begin(request: SandboxRequest): void {
    const key = request.idempotencyKey ?? ''
    store.underWay.set(key, () => {})
    landings.push({
      in: landsAfter,
      land: () => {
        store.underWay.delete(key)
        answer(store, request)
      },
    })
  }

  function fail(fault: Fault, request: SandboxRequest): Response {
    switch (fault) {
      case 'none':
        return buildResponse(answer(store, request))
      case 'refused':
        throw new UnsentError(networkError('ECONNREFUSED'))
      case 'reset':
        throw networkError('ECONNRESET')
      case 'resetDone':
        answer(store, request)
        throw networkError('ECONNRESET')
      case 'late':
        if (!store.answers.has(request.idempotencyKey ?? '')) begin(request)
        throw networkError('UND_ERR_SOCKET')
      case 'unavailable':
        return respond(503)
      case 'unavailableDone':
        answer(store, request)
        return respond(503)
      case 'gatewayTimeoutDone':
        answer(store, request)
        return respond(504)
      case 'requestTimeout':
        return respond(408)
      case 'rateLimit':
        return respond(429)
      case 'serverError':
        return respond(500)
      case 'serverErrorDone':
        answer(store, request)
        return respond(500)
      case 'redirectDone':
        answer(store, request)
        return new Response(null, { status: 302, headers: { location: 'https://elsewhere.example/' } })
      case 'htmlDone':
        answer(store, request)
        return new Response('<html>ok</html>', { status: 200 })
      case 'emptyDone':
        // Only the body is lost: a refusal stays one.
        return new Response('', { status: answer(store, request).status })
    }
  }

  return {
    store,
    keys,
    bodies,
    count: () => count,
    plan(planned, options = {}) {
      faults = [...planned]
      readsFail = options.readsFail ?? false
      landsAfter = options.landsAfter ?? 1
    },
    land() {
      for (const { land } of landings.splice(0)) land()
    },
    upstream: {
      baseUrl: 'https://sandbox.invalid',
      needsKey: false,
      fetch: async (input, init) => {
        count += 1
        landDue()
        const request = await readRequest(new Request(input, init))
        if (!isWrite(request)) return readsFail ? respond(503) : buildResponse(answer(store, request))
        keys.push(request.idempotencyKey)
        bodies.push(request.body)
        return fail(faults.shift() ?? 'none', request)
      },
    },
  }
}

/** Whether a request calls one of the operations. */
export function matchesAny(operations: readonly Operation[]): (request: SandboxRequest) => boolean {
  const patterns = operations.map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`),
  }))
  return ({ method, path }) => patterns.some((known) => known.method === method && known.pattern.test(path))
}

function respond(status: number): Response {
  return Response.json(
    { message: 'Unexpected internal error' },
    { status, headers: { date: new Date().toUTCString() } },
  )
}

function networkError(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
}
