import { parseArgs } from 'node:util'
import { closestMatch } from 'leven'
import { UsageError } from './usage-error.ts'

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  sandbox: { type: 'boolean' },
  'sandbox-faults': { type: 'string' },
  'sandbox-seed': { type: 'string' },
  'env-file': { type: 'string' },
  'log-format': { type: 'string' },
  http: { type: 'boolean' },
  host: { type: 'string' },
  port: { type: 'string' },
  'allowed-hosts': { type: 'string' },
  passthrough: { type: 'boolean' },
  'rate-limit': { type: 'string' },
  'drain-ms': { type: 'string' },
} as const

type FlagName = keyof typeof FLAGS

/** A flag that means nothing without another one. */
const NEEDS: Partial<Record<FlagName, FlagName>> = {
  'sandbox-faults': 'sandbox',
  'sandbox-seed': 'sandbox-faults',
  host: 'http',
  port: 'http',
  'allowed-hosts': 'http',
  passthrough: 'http',
  'rate-limit': 'http',
  'drain-ms': 'http',
}

/** Values of the command line as they were written; `undefined` where a flag is absent. */
export interface Flags {
  readonly help: boolean
  readonly version: boolean
  readonly sandbox: boolean
  /** What the sandbox is told to fail at. */
  readonly sandboxFaults: string | undefined
  readonly sandboxSeed: number | undefined
  readonly envFile: string | undefined
  readonly logFormat: string | undefined
  readonly http: boolean
  readonly host: string | undefined
  readonly port: string | undefined
  readonly allowedHosts: string | undefined
  readonly passthrough: boolean
  readonly rateLimit: string | undefined
  readonly drainMs: string | undefined
}

/** Reads the command line. Throws {@link UsageError}; no message repeats a value, which might be a secret. */
export function parseFlags(argv: readonly string[]): Flags {
  const { tokens } = parseArgs({ args: [...argv], options: FLAGS, strict: false, tokens: true })
  const given = new Map<FlagName, string | true>()
  for (const token of tokens) {
    if (token.kind === 'positional')
      throw new UsageError('unexpected argument; see --help. An API key is never given on the command line.')
    if (token.kind === 'option') given.set(...readOption(token))
  }
  const text = (name: FlagName): string | undefined => {
    const value = given.get(name)
    return typeof value === 'string' ? value : undefined
  }
  for (const name of given.keys()) {
    const needed = NEEDS[name]
    if (needed && !given.has(needed))
      throw new UsageError(`--${name} works with --${needed} only; add it or leave --${name} out.`)
  }
  return {
    help: given.has('help'),
    version: given.has('version'),
    sandbox: given.has('sandbox'),
    sandboxFaults: text('sandbox-faults'),
    sandboxSeed: readSeed(text('sandbox-seed')),
    envFile: text('env-file'),
    logFormat: text('log-format'),
    http: given.has('http'),
    host: text('host'),
    port: text('port'),
    allowedHosts: text('allowed-hosts'),
    passthrough: given.has('passthrough'),
    rateLimit: text('rate-limit'),
    drainMs: text('drain-ms'),
  }
}

function readSeed(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value)) throw new UsageError('--sandbox-seed must be a whole number.')
  return Number(value)
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
}

function readOption({ name, rawName, value }: OptionToken): [FlagName, string | true] {
  if (!isFlag(name)) throw new UsageError(`${rawName.slice(0, 40)} is not a known flag; ${suggestFlag(name)}`)
  if (FLAGS[name].type === 'boolean') {
    if (value !== undefined) throw new UsageError(`--${name} takes no value.`)
    return [name, true]
  }
  if (!value || value.startsWith('--')) throw new UsageError(`--${name} needs a value.`)
  return [name, value]
}

function isFlag(name: string): name is FlagName {
  return Object.hasOwn(FLAGS, name)
}

function suggestFlag(name: string): string {
  const nearest = closestMatch(name.slice(0, 40), Object.keys(FLAGS), { maxDistance: 8 })
  return nearest ? `did you mean --${nearest}? See --help.` : 'see --help.'
}
