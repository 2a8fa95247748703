import type { Flags } from '../flags.ts'
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../log.ts'
import { isLoopback } from '../loopback.ts'
import { UsageError } from '../program-error.ts'
import { type HttpSettings, readHttpSettings } from './http-settings.ts'
import { NO_KEY, readKey } from './key.ts'
import { type ProxySettings, readProxy } from './proxy-settings.ts'
import { parseUrl, type Sources, settingsOf } from './sources.ts'

export interface Config {
  readonly key: string | undefined
  /** Which variable or file the key came from. */
  readonly keySource: string | undefined
  readonly baseUrl: string
  /** Budget of one call in milliseconds. */
  readonly timeoutMs: number
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly proxy: ProxySettings | undefined
  /** Only with `--http` or `--rest`. */
  readonly http: HttpSettings | undefined
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
export function readConfig(sources: Sources, flags: Flags): Config {
  const settings = settingsOf(sources)
  const warnings: string[] = []
  // The sandbox takes no key, not even a wrong one.
  const { key, source } = flags.sandbox ? NO_KEY : readKey(sources)
  return {
    key,
    keySource: source,
    baseUrl: readBaseUrl(settings.METRONOME_BASE_URL),
    timeoutMs: readTimeout(settings.METRONOME_TIMEOUT_MS),
    logLevel: readLogLevel(settings.METRONOME_LOG, flags.http ? 'info' : 'warn', warnings),
    logFormat: readLogFormat(flags.logFormat),
    proxy: readProxy([sources.environment, sources.envFile]),
    http: flags.http || flags.rest ? readHttpSettings(flags, sources) : undefined,
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

function readLogFormat(value = 'text'): LogFormat {
  const format = LOG_FORMATS.find((name) => name === value)
  if (!format) throw new UsageError(`--log-format must be ${LOG_FORMATS.join(' or ')}.`)
  return format
}
