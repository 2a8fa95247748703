import type { EventEmitter } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { parseArgs } from 'node:util'
import type { Program } from '../program.ts'
import { findNearest } from '../suggest.ts'
import { isUnexpanded, UNEXPANDED } from './setting-text.ts'
import { attempt, UsageError } from './usage-error.ts'

interface OptionBase {
  readonly description: string
  readonly short?: string
  /** Heading in the help; `Options` where absent. */
  readonly group?: string
  /** Rejected unless at least one of these is given as well. */
  readonly requires?: readonly string[]
}

interface ValueOption extends OptionBase {
  /** Stands for the value in the help. */
  readonly placeholder: string
}

export type OptionSpec =
  | (OptionBase & { readonly type: 'boolean' })
  | (ValueOption & { readonly type: 'string'; readonly default?: string; readonly choices?: readonly string[] })
  | (ValueOption & { readonly type: 'integer'; readonly min?: number; readonly max: number; readonly default?: number })

/** Options by the name that follows the two dashes. */
export type OptionSpecs = Readonly<Record<string, OptionSpec>>

type CamelCase<Name extends string> = Name extends `${infer First}-${infer Rest}`
  ? `${First}${Capitalize<CamelCase<Rest>>}`
  : Name

type ValueOf<Spec extends OptionSpec> = Spec extends { readonly type: 'boolean' }
  ? boolean
  : Spec extends { readonly type: 'integer' }
    ? number
    : Spec extends { readonly choices: readonly (infer Choice)[] }
      ? Choice
      : string

/** The value of each option that was given: `--env-file` is `envFile`. */
export type OptionValues<Specs extends OptionSpecs> = {
  readonly [Name in keyof Specs & string as CamelCase<Name>]?: ValueOf<Specs[Name]> | undefined
}

/** What a command may know of the machine and how it prints. */
export interface CommandContext {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly platform: NodeJS.Platform
  readonly nodeVersion: string
  /** Home directory of the user. */
  readonly home: string
  readonly cwd: string
  readonly program: Program
  /** Whether stdout is a terminal that shows colors. */
  readonly hasColors: boolean
  /** Whether standard error is a terminal. */
  readonly hasErrorTerminal: boolean
  /** Whether standard input and error are terminals, so that a person can be asked. */
  readonly isInteractive: boolean
  readonly stdin: Readable
  /** Standard output itself, for what must not be faster than it is read. */
  readonly output: Writable & { readonly isTTY?: boolean }
  /** Emits SIGTERM, SIGINT and SIGHUP. */
  readonly signals: EventEmitter
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Prints what was asked for. */
  readonly stdout: (text: string) => void
  /** Prints explanations. */
  readonly stderr: (text: string) => void
}

/** Runs to completion and returns the exit code. */
export type Command = (argv: readonly string[], context: CommandContext) => Promise<number>

export interface CommandLine<Specs extends OptionSpecs> {
  readonly options: OptionValues<Specs>
  readonly positionals: readonly string[]
}

/** What a command line says, and everything that is wrong with it. */
export interface ReadCommandLine<Specs extends OptionSpecs> extends CommandLine<Specs> {
  readonly problems: readonly string[]
}

/** Parses a command line. Throws {@link UsageError}. */
export function parseCommandLine<Specs extends OptionSpecs>(
  argv: readonly string[],
  specs: Specs,
  maxPositionals = 0,
): CommandLine<Specs> {
  const { problems, ...commandLine } = readCommandLine(argv, specs, maxPositionals)
  if (problems.length > 0) throw new UsageError(problems)
  return commandLine
}

/** Parses as much of a command line as is right; no problem repeats a value, which might be a secret. */
export function readCommandLine<Specs extends OptionSpecs>(
  argv: readonly string[],
  specs: Specs,
  maxPositionals = 0,
): ReadCommandLine<Specs> {
  const { tokens } = parseArgs({ args: [...argv], options: toParseArgs(specs), strict: false, tokens: true })
  const given = new Map<string, true | number | string | undefined>()
  const positionals: string[] = []
  const problems: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const reading = attempt(() => readOption(token, specs, given))
    given.set(token.name, given.get(token.name) ?? (reading.ok ? reading.part : undefined))
    if (!reading.ok) problems.push(...reading.problems)
  }
  if (positionals.length > maxPositionals)
    problems.push('unexpected argument; see --help. Do not pass API keys on the command line.')
  for (const name of given.keys()) problems.push(...findMissing(name, specs[name]?.requires, given))
  const options = Object.fromEntries(Array.from(given, ([name, value]) => [toCamelCase(name), value]))
  return { options: options as OptionValues<Specs>, positionals, problems } // each value was read by its specification
}

function toParseArgs(specs: OptionSpecs) {
  const options = Object.entries(specs).map(([name, { type, short }]) => {
    const kind: 'boolean' | 'string' = type === 'boolean' ? 'boolean' : 'string'
    return [name, { type: kind, ...(short && { short }) }] as const
  })
  return Object.fromEntries(options)
}

/** Stands in the help for a list. */
const LIST = 'A,B'

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
}

/** The value of an option. Throws {@link UsageError}, also for an option that was given before. */
function readOption(
  { name, rawName, value }: OptionToken,
  specs: OptionSpecs,
  given: ReadonlyMap<string, unknown>,
): true | number | string {
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined
  if (!spec) throw new UsageError(`unknown option ${rawName.slice(0, 40)}; ${suggest(name, Object.keys(specs))}`)
  // None of them would be the obvious one: a list that loses half of its names offers tools that were excluded.
  if (given.has(name))
    throw new UsageError(
      `--${name} is given more than once${spec.type === 'string' && spec.placeholder === LIST ? '; separate its values with commas' : ''}.`,
    )
  return readValue(name, value, spec)
}

function readValue(name: string, value: string | undefined, spec: OptionSpec): true | number | string {
  if (spec.type === 'boolean') {
    if (value !== undefined) throw new UsageError(`--${name} takes no value.`)
    return true
  }
  if (!value || value.startsWith('--')) throw new UsageError(`--${name} requires a value.`)
  if (isUnexpanded(value)) throw new UsageError(`--${name} ${UNEXPANDED}.`)
  if (spec.type === 'integer') {
    const { min = 0, max } = spec
    if (/^\d{1,15}$/.test(value) && Number(value) >= min && Number(value) <= max) return Number(value)
    throw new UsageError(`--${name} must be an integer from ${min} to ${max}.`)
  }
  if (spec.choices && !spec.choices.includes(value))
    throw new UsageError(`--${name} must be ${spec.choices.join(' or ')}.`)
  return value
}

/** What people try in place of the variables; a secret on the command line can be read by every process. */
const SECRET_OPTIONS = /^(api-?key|key|token|bearer|auth)/i

function suggest(name: string, known: string[]): string {
  if (SECRET_OPTIONS.test(name))
    return 'keys and tokens are never given on the command line: set METRONOME_API_KEY or METRONOME_MCP_AUTH_TOKEN.'
  const nearest = findNearest(name, known)
  return nearest ? `did you mean --${nearest}? See --help.` : 'see --help.'
}

function findMissing(
  name: string,
  required: readonly string[] | undefined,
  given: ReadonlyMap<string, unknown>,
): string[] {
  if (!required || required.some((other) => given.has(other))) return []
  return [`--${name} requires ${required.map((other) => `--${other}`).join(' or ')}.`]
}

function toCamelCase(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
