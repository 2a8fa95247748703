import { isIP, isIPv6 } from 'node:net'
import type { Flags } from '../flags.ts'
import { isLoopback } from '../loopback.ts'
import { UsageError } from '../program-error.ts'
import { type Sources, settingsOf } from './sources.ts'

/** How the ports of the process are served. */
export interface HttpSettings {
  /** As `node:net` wants it. */
  readonly host: string
  /** Of MCP; absent when MCP is spoken on stdio. */
  readonly port: number | undefined
  /** Absent when REST is not served. */
  readonly restPort: number | undefined
  /** Host names, as `URL` spells them, that requests may be made for, beside those of this machine. */
  readonly allowedHosts: readonly string[]
  /** What callers must present. */
  readonly token: string | undefined
  /** Callers bring their own Metronome keys, and the process's own is used for nobody. */
  readonly passthrough: boolean
  /** Requests a minute and caller; 0 when there is no limit. */
  readonly rateLimit: number
  /** Milliseconds that calls have to end in when the process stops. */
  readonly drainMs: number
}

const DEFAULT_HOST = '127.0.0.1'
const DEFAULT_PORT = 9090
const DEFAULT_REST_PORT = 8080
const MAX_PORT = 65_535
const DEFAULT_RATE_LIMIT = 600
const DEFAULT_DRAIN_MS = 5_000
const MIN_TOKEN_CHARACTERS = 32

/** Reads what `--http` and `--rest` need to know. Throws {@link UsageError}, also when the port would be open to everybody. */
export function readHttpSettings(flags: Flags, sources: Sources): HttpSettings {
  const host = readHost(flags.host)
  const token = readToken(settingsOf(sources).METRONOME_MCP_AUTH_TOKEN)
  const { passthrough } = flags
  if (token && passthrough)
    throw new UsageError('METRONOME_MCP_AUTH_TOKEN and --passthrough exclude each other; use one of them.')
  const names = flags.allowedHosts?.split(',').map(readAllowedHost) ?? []
  const name = nameOf(host)
  if (!isLoopback(name) && !token && !passthrough)
    throw new UsageError(
      `--host ${host} lets others in: set METRONOME_MCP_AUTH_TOKEN to ${MIN_TOKEN_CHARACTERS} or more characters, or use --passthrough.`,
    )
  if (isWildcard(host) && names.length === 0)
    throw new UsageError(`--host ${host} needs --allowed-hosts with the names under which callers reach this server.`)
  return {
    host,
    port: flags.http ? readNumber('--port', flags.port, DEFAULT_PORT, MAX_PORT) : undefined,
    restPort: flags.rest ? readNumber('--rest-port', flags.restPort, DEFAULT_REST_PORT, MAX_PORT) : undefined,
    allowedHosts: [name, ...names],
    token,
    passthrough,
    rateLimit: readNumber('--rate-limit', flags.rateLimit, token || passthrough ? DEFAULT_RATE_LIMIT : 0, 1_000_000),
    drainMs: readNumber('--drain-ms', flags.drainMs, DEFAULT_DRAIN_MS, 600_000),
  }
}

function readHost(value: string | undefined): string {
  const host = (value ?? DEFAULT_HOST).replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) === 0 && !isHostName(host))
    throw new UsageError('--host must be an IP address or a host name, without scheme and port.')
  return host
}

function readAllowedHost(text: string): string {
  const host = text.trim().replace(/^\[(.*)\]$/, '$1')
  if (isIP(host) !== 0 || isHostName(host)) return nameOf(host)
  throw new UsageError('--allowed-hosts must be host names with commas between them, without scheme and port.')
}

function isHostName(text: string): boolean {
  return /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i.test(text)
}

/** As `URL` spells it: lower case, IPv6 shortened and in brackets. */
function nameOf(host: string): string {
  const authority = isIPv6(host) ? `[${host}]` : host
  // A name such as 1.2.3.4.5 looks like one but is no address that a URL can hold.
  if (!URL.canParse(`http://${authority}`))
    throw new UsageError('--host and --allowed-hosts must be names or addresses.')
  return new URL(`http://${authority}`).hostname
}

function isWildcard(host: string): boolean {
  return nameOf(host) === '0.0.0.0' || nameOf(host) === '[::]'
}

function readToken(value: string | undefined): string | undefined {
  const token = value?.trim()
  if (!token) return undefined
  if (token.length >= MIN_TOKEN_CHARACTERS && /^[\x21-\x7e]+$/.test(token)) return token
  throw new UsageError(
    `METRONOME_MCP_AUTH_TOKEN must have ${MIN_TOKEN_CHARACTERS} or more printable ASCII characters and no space; make one with: openssl rand -hex 32`,
  )
}

function readNumber(flag: string, value: string | undefined, fallback: number, max: number): number {
  if (value === undefined) return fallback
  if (/^\d{1,9}$/.test(value) && Number(value) <= max) return Number(value)
  throw new UsageError(`${flag} must be a whole number from 0 to ${max}.`)
}
