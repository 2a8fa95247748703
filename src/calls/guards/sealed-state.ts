import { createHmac, hkdfSync, randomUUID, timingSafeEqual } from 'node:crypto'

/** What a form was about. */
export interface State {
  readonly callDigest: string
  readonly shownDigest: string
  readonly expectedText: string
  /** When the form was made, in milliseconds since 1970. */
  readonly askedAt: number
}

/** `JSON.MAC`, the former in base64url. The client returns it as it is; it can be read, and not forged. */
export function sealState(state: State, key: Uint8Array): string {
  const body = Buffer.from(JSON.stringify({ ...state, nonce: randomUUID() })).toString('base64url')
  return `${body}.${authenticate(body, key)}`
}

/** `undefined` unless this server, or a replica of it, made the state for this call, not longer ago than that. */
export function openState(sealed: unknown, key: Uint8Array, callDigest: string, lifetimeMs: number): State | undefined {
  if (typeof sealed !== 'string') return undefined
  const [body = ''] = sealed.split('.')
  const expected = Buffer.from(`${body}.${authenticate(body, key)}`)
  const given = Buffer.from(sealed)
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const state = JSON.parse(Buffer.from(body, 'base64url').toString('utf8')) as State // authenticated
  return state.callDigest === callDigest && Date.now() < state.askedAt + lifetimeMs ? state : undefined
}

function authenticate(body: string, key: Uint8Array): string {
  return createHmac('sha256', key).update(body).digest('base64url')
}

/** Replicas with the same Metronome key agree. */
export function deriveKey(apiKey: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', apiKey, '', 'metronome-customers-mcp confirmation', 32))
}
