import { LOG_LEVELS, type LogLevel } from '../log.ts'
import { UsageError } from '../usage-error.ts'
import { readKey } from './key.ts'
import { type ProxySettings, readProxy } from './proxy-settings.ts'
import { parseUrl, type Sources, withoutEmpty } from './sources.ts'

export interface Config {
  readonly key: string | undefined
  /** Which variable or file the key came from. */
  readonly keySource: string | undefined
  readonly baseUrl: string
  /** Budget of one call in milliseconds. */
  readonly timeoutMs: number
  readonly logLevel: LogLevel
  readonly proxy: ProxySettings | undefined
  /** Lines for stderr about settings that were passed over. */
  readonly warnings: readonly string[]
}

const DEFAULT_BASE_URL = 'https://api.metronome.com'
const DEFAULT_TIMEOUT_MS = 45_000
const MIN_TIMEOUT_MS = 1_000
const MAX_TIMEOUT_MS = 600_000
const LEVEL_NAMES: ReadonlyMap<string, LogLevel> = new Map([
  ...LOG_LEVELS.map((level) => [level, level] as const),
  ['trace', 'debug'],
  ['silent', 'off'],
])

/** Reads every setting. Throws {@link UsageError} that names the variable and the fix. */
export function readConfig(sources: Sources, defaultLogLevel: LogLevel): Config {
  const settings = { ...sources.envFile, ...withoutEmpty(sources.environment) }
  const warnings: string[] = []
  const { key, source } = readKey(sources)
  return {
    key,
    keySource: source,
    baseUrl: readBaseUrl(settings.METRONOME_BASE_URL),
    timeoutMs: readTimeout(settings.METRONOME_TIMEOUT_MS),
    logLevel: readLogLevel(settings.METRONOME_LOG, defaultLogLevel, warnings),
    proxy: readProxy([sources.environment, sources.envFile]),
    warnings,
  }
}

function readBaseUrl(value: string | undefined): string {
  if (!value) return DEFAULT_BASE_URL
  const wrong = (what: string) =>
    new UsageError(`METRONOME_BASE_URL ${what}; set it to ${DEFAULT_BASE_URL} or unset it.`)
  const url = parseUrl(value.trim())
  if (!url) throw wrong('is not a URL')
  if (url.username || url.password) throw wrong('holds credentials, which belong into METRONOME_API_KEY')
  if (url.search || url.hash) throw wrong('has a query or fragment')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw wrong('must start with https:// (http:// is for loopback addresses only)')
  return url.origin + url.pathname.replace(/\/+$/, '')
}

/** Whether a host name, as `URL` spells it, is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname)
}

function readTimeout(value: string | undefined): number {
  if (!value) return DEFAULT_TIMEOUT_MS
  const milliseconds = /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN
  if (milliseconds >= MIN_TIMEOUT_MS && milliseconds <= MAX_TIMEOUT_MS) return milliseconds
  throw new UsageError(
    `METRONOME_TIMEOUT_MS must be a whole number of milliseconds from ${MIN_TIMEOUT_MS} to ${MAX_TIMEOUT_MS}.`,
  )
}

function readLogLevel(value: string | undefined, fallback: LogLevel, warnings: string[]): LogLevel {
  if (!value) return fallback
  const level = LEVEL_NAMES.get(value.trim().toLowerCase())
  if (!level) warnings.push(`METRONOME_LOG must be one of ${LOG_LEVELS.join(', ')}; using ${fallback}.`)
  return level ?? fallback
}
