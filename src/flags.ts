import { parseArgs } from 'node:util'
import { closestMatch } from 'leven'
import { UsageError } from './usage-error.ts'

const FLAGS = {
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  sandbox: { type: 'boolean' },
  'env-file': { type: 'string' },
} as const

export interface Flags {
  readonly help: boolean
  readonly version: boolean
  readonly sandbox: boolean
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
  return {
    help: values.help === true,
    version: values.version === true,
    sandbox: values.sandbox === true,
    envFile: typeof values['env-file'] === 'string' ? values['env-file'] : undefined,
  }
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
