import { setTimeout as delay } from 'node:timers/promises'
import type { Ending } from './attempt.ts'
import { CancelledError } from './errors.ts'

/** A longer Retry-After is not waited for but told to the caller. */
export const MAX_RETRY_AFTER_SECONDS = 5

const BASE_WAIT_MS = 250

/** Waits before a repeat. Throws `CancelledError` when the signal aborts. */
export type Sleep = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>

export const sleep: Sleep = async (milliseconds, signal) => {
  try {
    await delay(milliseconds, undefined, { signal })
  } catch {
    throw new CancelledError('cancelled while waiting to repeat', false)
  }
}

/** Seconds that a refusal asks to wait, from `retry-after-ms` or `Retry-After` in seconds or as a date. */
export function readRetryAfter(ending: Ending): number | undefined {
  if (ending.kind !== 'answered' || ending.status < 400) return undefined
  const milliseconds = readNumber(ending.headers.get('retry-after-ms'))
  if (milliseconds !== undefined) return milliseconds / 1000
  const header = ending.headers.get('retry-after')
  const seconds = readNumber(header) ?? (Date.parse(header ?? '') - Date.now()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.max(0, seconds)
}

function readNumber(header: string | null): number | undefined {
  return header !== null && /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) : undefined
}

/** Milliseconds before repeat number `repeat`, from 0: exponential with jitter, or what the answer asked for. */
export function waitBefore(repeat: number, retryAfterSeconds = 0): number {
  const backoff = BASE_WAIT_MS * 2 ** repeat * (0.5 + Math.random() / 2)
  return Math.max(backoff, retryAfterSeconds * 1000)
}
