import { readFlags } from './flag-reader.ts'
import { UsageError } from './program-error.ts'

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  sandbox: { type: 'boolean' },
  'sandbox-faults': { type: 'string' },
  'sandbox-seed': { type: 'string' },
  'env-file': { type: 'string' },
  'log-format': { type: 'string' },
  http: { type: 'boolean' },
  rest: { type: 'boolean' },
  host: { type: 'string' },
  port: { type: 'string' },
  'rest-port': { type: 'string' },
  'allowed-hosts': { type: 'string' },
  passthrough: { type: 'boolean' },
  'rate-limit': { type: 'string' },
  'drain-ms': { type: 'string' },
} as const

type FlagName = keyof typeof FLAGS

const PORTS: readonly FlagName[] = ['http', 'rest']

/** Flags that mean nothing without one of others. */
const NEEDS: Partial<Record<FlagName, readonly FlagName[]>> = {
  'sandbox-faults': ['sandbox'],
  'sandbox-seed': ['sandbox-faults'],
  port: ['http'],
  'rest-port': ['rest'],
  host: PORTS,
  'allowed-hosts': PORTS,
  passthrough: PORTS,
  'rate-limit': PORTS,
  // Beside stdio the process ends as stdio does.
  'drain-ms': ['http'],
}

/** Values of the command line as they were written; `undefined` where a flag is absent. */
export interface Flags {
  readonly help: boolean
  readonly version: boolean
  readonly sandbox: boolean
  readonly sandboxFaults: string | undefined
  readonly sandboxSeed: number | undefined
  readonly envFile: string | undefined
  readonly logFormat: string | undefined
  readonly http: boolean
  readonly rest: boolean
  readonly host: string | undefined
  readonly port: string | undefined
  readonly restPort: string | undefined
  readonly allowedHosts: string | undefined
  readonly passthrough: boolean
  readonly rateLimit: string | undefined
  readonly drainMs: string | undefined
}

/** Reads the command line of the server itself; commands such as `doctor` have their own flags. */
export function parseFlags(argv: readonly string[]): Flags {
  const { names, text } = readFlags(argv, FLAGS)
  for (const [name, needed] of Object.entries(NEEDS)) requireFlag(names, name, needed)
  return {
    help: names.has('help'),
    version: names.has('version'),
    sandbox: names.has('sandbox'),
    sandboxFaults: text('sandbox-faults'),
    sandboxSeed: readSeed(text('sandbox-seed')),
    envFile: text('env-file'),
    logFormat: text('log-format'),
    http: names.has('http'),
    rest: names.has('rest'),
    host: text('host'),
    port: text('port'),
    restPort: text('rest-port'),
    allowedHosts: text('allowed-hosts'),
    passthrough: names.has('passthrough'),
    rateLimit: text('rate-limit'),
    drainMs: text('drain-ms'),
  }
}

function requireFlag(names: ReadonlySet<string>, name: string, needed: readonly string[]): void {
  if (!names.has(name) || needed.some((other) => names.has(other))) return
  const others = needed.map((other) => `--${other}`).join(' or ')
  throw new UsageError(`--${name} works with ${others} only; add it or leave --${name} out.`)
}

function readSeed(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value)) throw new UsageError('--sandbox-seed must be a whole number.')
  return Number(value)
}
