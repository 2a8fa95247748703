import { parseArgs } from 'node:util'
import { closestMatch } from 'leven'
import { UsageError } from './program-error.ts'

type FlagKinds = Readonly<Record<string, { readonly type: 'boolean' | 'string'; readonly short?: string }>>

export interface GivenFlags<Name extends string> {
  readonly names: ReadonlySet<Name>
  /** The value as it was written; `undefined` when the flag is absent or takes none. */
  readonly text: (name: Name) => string | undefined
  /** What stands there without dashes. */
  readonly words: readonly string[]
}

/** Reads a command line. Throws {@link UsageError}; no message repeats a value, which might be a secret. */
export function readFlags<const Kinds extends FlagKinds>(
  argv: readonly string[],
  kinds: Kinds,
  maxWords = 0,
): GivenFlags<keyof Kinds & string> {
  const { tokens } = parseArgs({ args: [...argv], options: { ...kinds }, strict: false, tokens: true })
  const given = new Map<string, string | true>()
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind === 'option') given.set(token.name, readValue(token, kinds))
  }
  if (words.length > maxWords)
    throw new UsageError('unexpected argument; see --help. An API key is never given on the command line.')
  return {
    names: new Set(given.keys()),
    text: (name) => {
      const value = given.get(name)
      return typeof value === 'string' ? value : undefined
    },
    words,
  }
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
}

function readValue({ name, rawName, value }: OptionToken, kinds: FlagKinds): string | true {
  const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
  if (!kind)
    throw new UsageError(`${rawName.slice(0, 40)} is not a known flag; ${suggestFlag(name, Object.keys(kinds))}`)
  if (kind.type === 'boolean') {
    if (value !== undefined) throw new UsageError(`--${name} takes no value.`)
    return true
  }
  if (!value || value.startsWith('--')) throw new UsageError(`--${name} needs a value.`)
  return value
}

function suggestFlag(name: string, known: string[]): string {
  const nearest = closestMatch(name.slice(0, 40), known, { maxDistance: 8 })
  return nearest ? `did you mean --${nearest}? See --help.` : 'see --help.'
}
