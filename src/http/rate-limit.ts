/** Whose minute began first is forgotten first. */
const MAX_CALLERS = 10_000
const MINUTE_MS = 60_000

/** Counts a request of `caller`. Returns 0 when it may pass, otherwise the seconds after which it may. */
export type RateLimit = (caller: string) => number

interface Minute {
  readonly endsAt: number
  requests: number
}

/** Lets each caller make so many requests in the minute that begins with its first one. */
export function createRateLimit(perMinute: number, now: () => number = Date.now): RateLimit {
  const minutes = new Map<string, Minute>()

  function beginMinute(caller: string, time: number): Minute {
    const minute = { endsAt: time + MINUTE_MS, requests: 0 }
    minutes.delete(caller)
    minutes.set(caller, minute)
    const [oldest] = minutes.keys()
    if (minutes.size > MAX_CALLERS && oldest !== undefined) minutes.delete(oldest)
    return minute
  }

  return (caller) => {
    const time = now()
    const current = minutes.get(caller)
    const minute = current && current.endsAt > time ? current : beginMinute(caller, time)
    minute.requests += 1
    return minute.requests <= perMinute ? 0 : Math.ceil((minute.endsAt - time) / 1000)
  }
}
