import { type Answer, buildRefusal, fingerprint, type SandboxRequest } from './exchange.ts'
import type { Store } from './store.ts'

/** One request that a fault hits. */
interface Attempt {
  readonly store: Store
  readonly request: SandboxRequest
  readonly signal: AbortSignal | undefined
  /** Lets the sandbox do what is asked. */
  readonly answer: () => Answer
}

interface Fault {
  /** How many attempts of a call it hits when the specification gives no number. */
  readonly attempts: number
  readonly act: (attempt: Attempt) => Answer | Promise<Answer>
}

// Longer than a client with the default settings gives the first attempt of a write.
const SLOW_MS = 20_000
const LATENCY_MS = 1_000
const RETRY_AFTER_SECONDS = 1

const INTERNAL_ERROR = buildRefusal(500, 'Unexpected internal error')

/** By name; docs/sandbox.md says what each of them means for a caller. */
export const FAULTS = {
  'lost-answer': { attempts: 1, act: loseAnswer },
  reset: { attempts: 1, act: breakConnection },
  slow: { attempts: 2, act: stayUnderWay },
  unavailable: { attempts: 2, act: () => buildRefusal(503, 'Service unavailable') },
  'gateway-timeout': { attempts: 1, act: giveUpWaiting },
  'cached-500': { attempts: 1, act: failUndone },
  'server-error': { attempts: 1, act: failDone },
  hang: { attempts: 1, act: ({ signal }) => hang(signal) },
  'hang-done': { attempts: 1, act: hangDone },
  'rate-limit': { attempts: 1, act: limitRate },
  latency: { attempts: 1, act: answerLate },
} as const satisfies Record<string, Fault>

export type FaultName = keyof typeof FAULTS

function loseAnswer({ answer }: Attempt): never {
  answer()
  return breakConnection()
}

/** As undici reports a connection that the other side has cut. */
function breakConnection(): never {
  const cause = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' })
  throw new TypeError('fetch failed', { cause })
}

/** Begins a write and lets nobody wait for it; what comes meanwhile with its key is answered 409. */
function stayUnderWay({ store, request, signal, answer }: Attempt): Answer | Promise<Answer> {
  const key = request.idempotencyKey
  if (key === undefined) return answerAfter(SLOW_MS, signal, answer)
  if (store.underWay.has(key) || store.answers.has(key)) return answer()
  const landed = new Promise<Answer>((resolve) => {
    const land = () => {
      clearTimeout(timer)
      store.underWay.delete(key)
      resolve(answer())
    }
    // It lands even when the client has left, but keeps no process alive.
    const timer = setTimeout(land, SLOW_MS).unref()
    store.underWay.set(key, land)
  })
  return untilAborted(landed, signal)
}

function giveUpWaiting({ answer }: Attempt): Answer {
  answer()
  return buildRefusal(504, 'Gateway timeout')
}

function failUndone(attempt: Attempt): Answer {
  return isAnswered(attempt) ? attempt.answer() : keepFailure(attempt)
}

function failDone(attempt: Attempt): Answer {
  if (isAnswered(attempt)) return attempt.answer()
  const done = attempt.answer()
  return done.status >= 400 ? done : keepFailure(attempt)
}

/** Whether the key has its first answer already, which no later failure changes. */
function isAnswered({ store, request: { idempotencyKey } }: Attempt): boolean {
  return idempotencyKey !== undefined && store.answers.has(idempotencyKey)
}

function keepFailure({ store, request }: Attempt): Answer {
  if (request.idempotencyKey !== undefined)
    store.answers.set(request.idempotencyKey, { fingerprint: fingerprint(request), answer: INTERNAL_ERROR })
  return INTERNAL_ERROR
}

function hangDone({ answer, signal }: Attempt): Promise<never> {
  answer()
  return hang(signal)
}

function hang(signal: AbortSignal | undefined): Promise<never> {
  return untilAborted(new Promise(() => {}), signal)
}

function untilAborted<Result>(result: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
  return Promise.race([result, aborted])
}

function limitRate(): Answer {
  return { ...buildRefusal(429, 'Too many requests'), headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } }
}

function answerLate({ signal, answer }: Attempt): Promise<Answer> {
  return answerAfter(LATENCY_MS, signal, answer)
}

async function answerAfter(
  milliseconds: number,
  signal: AbortSignal | undefined,
  answer: () => Answer,
): Promise<Answer> {
  const passed = new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref()
  })
  await untilAborted(passed, signal)
  return answer()
}
