/** What a failed write did: the three words that callers can rely on. */
export type Outcome = 'applied' | 'not_applied' | 'unknown'

export interface UpstreamFailure {
  /** HTTP status of the last answer; absent when none came. */
  readonly status?: number | undefined
  /** Seconds that Metronome asked to wait. */
  readonly retryAfterSeconds?: number | undefined
  /** No answer came in time. */
  readonly timedOut?: boolean
  /** Only for writes. */
  readonly outcome?: Outcome | undefined
}

/** Metronome refused, failed or could not be reached. The message is a sentence for a person or a model. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError'
  readonly status: number | undefined
  readonly retryAfterSeconds: number | undefined
  readonly timedOut: boolean
  readonly outcome: Outcome | undefined

  constructor(message: string, { status, retryAfterSeconds, timedOut = false, outcome }: UpstreamFailure) {
    super(message)
    this.status = status
    this.retryAfterSeconds = retryAfterSeconds
    this.timedOut = timedOut
    this.outcome = outcome
  }
}

/** The caller gave up: it cancelled the call, closed its connection, or the program is ending. */
export class CancelledError extends Error {
  override readonly name = 'CancelledError'

  constructor(
    message: string,
    /** Whether a request was under way. */
    readonly wasSending: boolean,
  ) {
    super(message)
  }
}

/** What a `fetch` throws for a request of which nothing was written to a connection. */
export class UnsentError extends Error {
  override readonly name = 'UnsentError'

  constructor(cause: unknown) {
    super('nothing was written', { cause })
  }
}

/** No API key for this call: nothing was sent. */
export class MissingKeyError extends Error {
  override readonly name = 'MissingKeyError'

  constructor(tool: string) {
    super(
      `${tool}: METRONOME_API_KEY is not set, nothing was sent. Put the key into the "env" block of this server in the ` +
        "client's configuration, or into a .env file or --env-file; to try the tools without an account start with --sandbox.",
    )
  }
}

/** There is no room for this call: nothing was sent. */
export class BusyError extends Error {
  override readonly name = 'BusyError'

  constructor(tool: string, why: string) {
    super(`${tool}: ${why}, nothing was sent. Try again in some seconds.`)
  }
}

/** Reason of an abort when the program ends. Unlike a caller who left, this one still waits for a word. */
export const SHUTDOWN = Symbol('shutdown')
