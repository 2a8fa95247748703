import { isLoopback, isPercentEncoded } from '../../http/urls.ts'
import { LOG_LEVELS, type LogFormat, type LogLevel } from '../../log.ts'
import type { ProxySettings } from '../../metronome/proxy.ts'
import { type FaultPlan, parseFaultSpec } from '../../sandbox/fault-spec.ts'
import { readBoolean, readEnvironmentName } from './access-config.ts'
import { type HttpConfig, readHttpConfig } from './http-config.ts'
import { OPTIONS, type Options, VARIABLES } from './options.ts'
import { NO_KEY, readApiKey } from './secrets.ts'
import { isUnexpanded, quoteVariable, UNEXPANDED } from './setting-text.ts'
import type { Sources, Variables } from './sources.ts'
import { attempt, takeAll, UsageError } from './usage-error.ts'
import { checkVariables, findIneffective, readVariables } from './variables.ts'

/** The configuration of a process, less what files and operations decide. */
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
  /** Whether a person confirms what is archived. */
  readonly confirmArchives: boolean
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
  const variables = readVariables(sources)
  const ineffective = findIneffective(sources.dotEnv)
  const warnings: string[] = ineffective ? [ineffective] : []
  const { checked, key, http, ...parts } = takeAll({
    checked: attempt(() => checkVariables(sources)),
    // The sandbox takes no key, not even an invalid one.
    key: attempt(() => (options.sandbox ? NO_KEY : readApiKey(sources, warnings))),
    baseUrl: attempt(() => readBaseUrl(variables.METRONOME_BASE_URL)),
    timeoutMs: attempt(() => readTimeout(variables)),
    sandbox: attempt(() => readSandbox(options)),
    confirmArchives: attempt(() => readConfirmArchives(options, variables)),
    environment: attempt(() => readEnvironmentName(options, variables)),
    http: attempt(() =>
      options.http || options.rest ? readHttpConfig(options, variables, sources.readFile) : undefined,
    ),
  })
  return {
    ...parts,
    ...key,
    proxy: readProxy([sources.environment, sources.envFile], warnings),
    logLevel: readLogLevel(variables, options.http ? 'info' : VARIABLES.METRONOME_LOG.default, warnings),
    logFormat: options.logFormat ?? OPTIONS['log-format'].default,
    http,
    warnings,
  }
}

/** Checked also when the option is given: a misspelt variable is not ignored. */
function readConfirmArchives({ confirmArchives = false }: Options, variables: Variables): boolean {
  return readBoolean('METRONOME_CONFIRM_ARCHIVES', variables) || confirmArchives
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
  const address = url.origin + url.pathname.replace(/\/+$/, '')
  // Every request adds it. A gateway may have a version of its own.
  if (address === `${fallback}/v1`) throw invalid('ends in /v1')
  return address
}

function readTimeout(variables: Variables): number {
  const { min, max, default: fallback } = VARIABLES.METRONOME_TIMEOUT_MS
  const value = variables.METRONOME_TIMEOUT_MS?.trim()
  if (!value) return fallback
  const milliseconds = /^\d+$/.test(value) ? Number(value) : Number.NaN
  if (milliseconds >= min && milliseconds <= max) return milliseconds
  const shown = quoteVariable('METRONOME_TIMEOUT_MS', variables)
  throw new UsageError(`METRONOME_TIMEOUT_MS must be an integer from ${min} to ${max}, not ${shown}.`)
}

const LEVEL_NAMES: ReadonlyMap<string, LogLevel> = new Map([
  ...LOG_LEVELS.map((level) => [level, level] as const),
  ['trace', 'debug'],
  ['silent', 'off'],
])

function readLogLevel(variables: Variables, fallback: LogLevel, warnings: string[]): LogLevel {
  const value = variables.METRONOME_LOG?.trim()
  if (!value) return fallback
  const level = LEVEL_NAMES.get(value.toLowerCase())
  if (level) return level
  const shown = quoteVariable('METRONOME_LOG', variables)
  warnings.push(`METRONOME_LOG must be one of ${LOG_LEVELS.join(', ')}, not ${shown}; using ${fallback}.`)
  return fallback
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
      const problem = isUnexpanded(value)
        ? UNEXPANDED
        : 'is not a usable proxy address such as http://proxy.example:3128'
      warnings.push(`${name} ${problem}; calls that need it fail.`)
    }
    return address
  }
  const httpProxy = readUrl('HTTP_PROXY', 'httpProxy')
  const httpsProxy = readUrl('HTTPS_PROXY', 'httpsProxy')
  const noProxy = findVariable(sources, 'NO_PROXY')
  if (noProxy && isUnexpanded(noProxy)) warnings.push(`NO_PROXY ${UNEXPANDED}; it names no host.`)
  if (!httpProxy && !httpsProxy && Object.keys(unusable).length === 0) return undefined
  return {
    ...(httpProxy && { httpProxy }),
    ...(httpsProxy && { httpsProxy }),
    ...(noProxy && { noProxy }),
    ...(Object.keys(unusable).length > 0 && { unusable }),
  }
}

function readProxyUrl(value: string): string | undefined {
  const url = isUnexpanded(value) ? undefined : parseUrl(value.includes('://') ? value : `http://${value}`)
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
