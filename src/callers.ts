import { createRedactor, type Redact } from './redact.ts'

/** On whose behalf a request is answered. */
export interface Caller {
  /** The Metronome API key that its calls are made with. */
  readonly key: string | undefined
  /** Hides what must not stand in its answers. */
  readonly redact: Redact
  /** Ends what was kept for the time of the request. */
  leave(): void
}

export interface Callers {
  admit(bearer: string | undefined): Caller
  /** Hides the keys of all requests that are under way. */
  readonly redact: Redact
}

/** Every request is answered with the process's own key. */
export function createOwnCallers(key: string | undefined, redact: Redact): Callers {
  const caller: Caller = { key, redact, leave() {} }
  return { admit: () => caller, redact }
}

/** Each request brings its own key, which is kept only while it lasts; the process's own key is used for none. */
export function createPassthroughCallers(redact: Redact): Callers {
  const underWay = new Map<symbol, Redact>()
  return {
    admit(bearer) {
      const visit = Symbol('request')
      const hideKey = createRedactor([bearer])
      underWay.set(visit, hideKey)
      return { key: bearer, redact: (text) => redact(hideKey(text)), leave: () => void underWay.delete(visit) }
    },
    redact: (text) => Array.from(underWay.values()).reduce((kept, hideKey) => hideKey(kept), redact(text)),
  }
}
