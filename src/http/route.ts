/** What the guard hands over besides the request. */
export interface Passed {
  /** The body as JSON; `undefined` where the method has none. */
  readonly json: unknown
  /** What the caller sent as `Authorization: Bearer`. */
  readonly bearer: string | undefined
  /** Aborts when the caller leaves, or when the program ends. */
  readonly signal: AbortSignal
}

/** Answers a request that has passed the guard. */
export type Handler = (request: Request, passed: Passed) => Promise<Response>

export interface Route {
  readonly handlers: Readonly<Partial<Record<'GET' | 'POST', Handler>>>
  /** Anybody may ask: no token, no limits. */
  readonly open?: true
  /** Types of answers that a caller has to be able to read, every one. */
  readonly answers?: readonly string[]
  /** Its calls go to Metronome, so there can be too many of them. */
  readonly calls?: true
}

export type FindRoute = (path: string) => Route | undefined

/** Why a request was not let through. */
export interface Refusal {
  readonly status: number
  /** A sentence for whoever wrote the client; it never repeats what was sent. */
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

/** Writes a refusal in the form that clients of the port expect. */
export type BuildRefusal = (refusal: Refusal) => Response

/** Looks in one table of paths after the other. */
export function findIn(...tables: Readonly<Record<string, Route>>[]): FindRoute {
  const routes = new Map(tables.flatMap((table) => Object.entries(table)))
  return (path) => routes.get(path)
}
