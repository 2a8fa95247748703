import { isLoopback, isPercentEncoded } from '../../http/urls.ts'
import { LOG_LEVELS, type LogFormat, type LogLevel } from '../../log.ts'
import type { ProxySettings } from '../../metronome/proxy.ts'
import { type FaultPlan, parseFaultSpec } from '../../sandbox/fault-spec.ts'
import { type AccessConfig, readAccessConfig, readBoolean, readEnvironmentName } from './access-config.ts'
import { UsageError } from './command-line.ts'
import { type HttpConfig, readHttpConfig } from './http-config.ts'
import { OPTIONS, type Options, VARIABLES } from './options.ts'
import { NO_KEY, readApiKey } from './secrets.ts'
import { mergeVariables, type Sources, type Variables } from './sources.ts'

export { UsageError } from './command-line.ts'
export type { HttpConfig } from './http-config.ts'

/** The whole configuration of a process. */
export interface Config {
  readonly apiKey: string | undefined
  /** The variable or file that the key came from. */
  readonly apiKeySource: string | undefined
  readonly baseUrl: string
  /** Time limit of one call in milliseconds. */
  readonly timeoutMs: number
  readonly proxy: ProxySettings | undefined
  /** Only with `--sandbox`. */
  readonly sandbox: { readonly faults: FaultPlan; readonly seed: number } | undefined
  /** Which tools are offered; all of them where absent. */
  readonly access: AccessConfig | undefined
  /** Whether a person confirms what is archived. */
  readonly confirmArchives: boolean
  /** File that writes are recorded in. */
  readonly auditLog: string | undefined
  /** Label of the Metronome environment. */
  readonly environment: string | undefined
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** Only with `--http` or `--rest`. */
  readonly http: HttpConfig | undefined
  /** Settings that were ignored, for the log. */
  readonly warnings: readonly string[]
}

/** Reads the configuration. Throws {@link UsageError} that names every wrong option or variable and its fix. */
export function readConfig(sources: Sources, options: Options = {}): Config {
  const variables = mergeVariables(sources)
  const warnings: string[] = []
  const problems: string[] = []
  /** Reads a part; when that fails, the others are still read. */
  const attempt = <Part>(read: () => Part): Part => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof UsageError)) throw error
      problems.push(...error.problems)
      return undefined as Part // never used: the problems are thrown below
    }
  }
  const config: Config = {
    // The sandbox takes no key, not even an invalid one.
    ...(options.sandbox ? NO_KEY : attempt(() => readApiKey(sources, warnings))),
    baseUrl: attempt(() => readBaseUrl(variables.METRONOME_BASE_URL)),
    timeoutMs: attempt(() => readTimeout(variables.METRONOME_TIMEOUT_MS)),
    proxy: readProxy([sources.environment, sources.envFile], warnings),
    sandbox: attempt(() => readSandbox(options)),
    access: attempt(() => readAccessConfig(options, variables)),
    confirmArchives: attempt(() => readConfirmArchives(options, variables)),
    auditLog: options.auditLog ?? (variables.METRONOME_AUDIT_LOG?.trim() || undefined),
    environment: attempt(() => readEnvironmentName(options, variables)),
    logLevel: readLogLevel(variables.METRONOME_LOG, options.http ? 'info' : VARIABLES.METRONOME_LOG.default, warnings),
    logFormat: options.logFormat ?? OPTIONS['log-format'].default,
    http:
      options.http || options.rest ? attempt(() => readHttpConfig(options, variables, sources.readFile)) : undefined,
    warnings,
  }
  if (problems.length > 0) throw new UsageError(problems)
  return config
}

/** Checked also when the option is given: a misspelt variable is not ignored. */
function readConfirmArchives({ confirmArchives = false }: Options, variables: Variables): boolean {
  return readBoolean('METRONOME_CONFIRM_ARCHIVES', variables.METRONOME_CONFIRM_ARCHIVES) || confirmArchives
}

function readBaseUrl(value: string | undefined): string {
  const fallback = VARIABLES.METRONOME_BASE_URL.default
  if (!value) return fallback
  const invalid = (problem: string) =>
    new UsageError(`METRONOME_BASE_URL ${problem}; set it to ${fallback} or unset it.`)
  const url = parseUrl(value.trim())
  if (!url) throw invalid('is not a URL')
  if (url.username || url.password) throw invalid('contains credentials, which belong in METRONOME_API_KEY')
  if (url.search || url.hash) throw invalid('has a query or fragment')
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url.hostname)))
    throw invalid('must start with https:// (http:// is for loopback addresses only)')
  return url.origin + url.pathname.replace(/\/+$/, '')
}

function readTimeout(value: string | undefined): number {
  const { min, max, default: fallback } = VARIABLES.METRONOME_TIMEOUT_MS
  if (!value) return fallback
  const milliseconds = /^\d+$/.test(value.trim()) ? Number(value) : Number.NaN
  if (milliseconds >= min && milliseconds <= max) return milliseconds
  throw new UsageError(`METRONOME_TIMEOUT_MS must be an integer from ${min} to ${max}.`)
}

const LEVEL_NAMES: ReadonlyMap<string, LogLevel> = new Map([
  ...LOG_LEVELS.map((level) => [level, level] as const),
  ['trace', 'debug'],
  ['silent', 'off'],
])

function readLogLevel(value: string | undefined, fallback: LogLevel, warnings: string[]): LogLevel {
  if (!value) return fallback
  const level = LEVEL_NAMES.get(value.trim().toLowerCase())
  if (!level) warnings.push(`METRONOME_LOG must be one of ${LOG_LEVELS.join(', ')}; using ${fallback}.`)
  return level ?? fallback
}

function readSandbox({ sandbox, sandboxFaults, sandboxSeed }: Options): Config['sandbox'] {
  if (!sandbox) return undefined
  return { faults: readFaults(sandboxFaults), seed: sandboxSeed ?? OPTIONS['sandbox-seed'].default }
}

/** Reads `--sandbox-faults`. */
export function readFaults(spec = ''): FaultPlan {
  const parsed = parseFaultSpec(spec)
  if (!parsed.ok) throw new UsageError(`--sandbox-faults: ${parsed.message}`)
  return parsed.plan
}

/** Either spelling of a name counts; the first source that has one wins. An address that cannot be used prevents no start. */
function readProxy(sources: readonly Variables[], warnings: string[]): ProxySettings | undefined {
  const unusable: { httpProxy?: string; httpsProxy?: string } = {}
  const readUrl = (name: 'HTTP_PROXY' | 'HTTPS_PROXY', field: 'httpProxy' | 'httpsProxy'): string | undefined => {
    const value = findVariable(sources, name)
    const address = value && readProxyUrl(value)
    if (value && !address) {
      unusable[field] = name
      warnings.push(`${name} is not a usable proxy address such as http://proxy.example:3128; calls that need it fail.`)
    }
    return address
  }
  const httpProxy = readUrl('HTTP_PROXY', 'httpProxy')
  const httpsProxy = readUrl('HTTPS_PROXY', 'httpsProxy')
  const noProxy = findVariable(sources, 'NO_PROXY')
  if (!httpProxy && !httpsProxy && Object.keys(unusable).length === 0) return undefined
  return {
    ...(httpProxy && { httpProxy }),
    ...(httpsProxy && { httpsProxy }),
    ...(noProxy && { noProxy }),
    ...(Object.keys(unusable).length > 0 && { unusable }),
  }
}

function readProxyUrl(value: string): string | undefined {
  const url = parseUrl(value.includes('://') ? value : `http://${value}`)
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return undefined
  return [url.username, url.password].every(isPercentEncoded) ? url.href : undefined
}

function findVariable(sources: readonly Variables[], name: keyof typeof VARIABLES): string | undefined {
  return sources
    .flatMap((variables) => [variables[name.toLowerCase()], variables[name]])
    .map((value) => value?.trim())
    .find(Boolean)
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}
