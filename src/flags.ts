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
} as const

export interface Flags {
  readonly help: boolean
  readonly version: boolean
  readonly sandbox: boolean
  /** What the sandbox is told to fail at. */
  readonly sandboxFaults: string | undefined
  readonly sandboxSeed: number | undefined
  readonly envFile: string | undefined
}

/** Reads the command line. Throws {@link UsageError}; no message repeats a value, which might be a secret. */
export function parseFlags(argv: readonly string[]): Flags {
  const { tokens } = parseArgs({ args: [...argv], options: FLAGS, strict: false, tokens: true })
  const values: Record<string, string | true> = {}
  for (const token of tokens) {
    if (token.kind === 'positional')
      throw new UsageError('unexpected argument; see --help. An API key is never given on the command line.')
    if (token.kind === 'option') values[token.name] = readOption(token)
  }
  requireFlag(values, 'sandbox-faults', 'sandbox')
  requireFlag(values, 'sandbox-seed', 'sandbox-faults')
  return {
    help: values.help === true,
    version: values.version === true,
    sandbox: values.sandbox === true,
    sandboxFaults: readText(values['sandbox-faults']),
    sandboxSeed: readSeed(readText(values['sandbox-seed'])),
    envFile: readText(values['env-file']),
  }
}

function requireFlag(values: Readonly<Record<string, string | true>>, name: string, needed: string): void {
  if (values[name] !== undefined && values[needed] === undefined)
    throw new UsageError(`--${name} works with --${needed} only; add it or leave --${name} out.`)
}

function readText(value: string | true | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function readSeed(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value)) throw new UsageError('--sandbox-seed must be a whole number.')
  return Number(value)
}

function readOption({
  name,
  rawName,
  value,
}: {
  name: string
  rawName: string
  value?: string | undefined
}): string | true {
  if (!isFlag(name)) throw new UsageError(`${rawName.slice(0, 40)} is not a known flag; ${suggestFlag(name)}`)
  if (FLAGS[name].type === 'boolean') {
    if (value !== undefined) throw new UsageError(`--${name} takes no value.`)
    return true
  }
  if (!value || value.startsWith('--')) throw new UsageError(`--${name} needs a value.`)
  return value
}

function isFlag(name: string): name is keyof typeof FLAGS {
  return Object.hasOwn(FLAGS, name)
}

function suggestFlag(name: string): string {
  const nearest = closestMatch(name.slice(0, 40), Object.keys(FLAGS), { maxDistance: 8 })
  return nearest ? `did you mean --${nearest}? See --help.` : 'see --help.'
}
