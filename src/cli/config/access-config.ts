import { UsageError } from './command-line.ts'
import type { Options } from './options.ts'
import type { Variables } from './sources.ts'

/** One list of tools and groups, with the option or variable that it came from. */
export interface ToolSelection {
  readonly source: string
  readonly names: readonly string[]
}

/** Which tools are offered. Option and variable both count when set: the stricter applies. */
export interface AccessConfig {
  /** The option or variable that hides every tool that writes. */
  readonly readOnly: string | undefined
  /** A tool must be in each of these. */
  readonly allow: readonly ToolSelection[]
  /** A tool must be in none of these. */
  readonly exclude: readonly ToolSelection[]
}

/** `undefined` when every tool is offered. Throws {@link UsageError}. */
export function readAccessConfig(options: Options, variables: Variables): AccessConfig | undefined {
  const isReadOnly = readBoolean('METRONOME_READ_ONLY', variables.METRONOME_READ_ONLY)
  const readOnly = options.readOnly ? '--read-only' : isReadOnly ? 'METRONOME_READ_ONLY' : undefined
  const allow = readSelections([
    ['--tools', options.tools],
    ['METRONOME_TOOLS', variables.METRONOME_TOOLS],
  ])
  const exclude = readSelections([
    ['--exclude-tools', options.excludeTools],
    ['METRONOME_EXCLUDE_TOOLS', variables.METRONOME_EXCLUDE_TOOLS],
  ])
  return readOnly || allow.length > 0 || exclude.length > 0 ? { readOnly, allow, exclude } : undefined
}

export function readBoolean(name: string, value: string | undefined): boolean {
  const text = value?.trim()
  if (!text || text === 'false') return false
  if (text === 'true') return true
  throw new UsageError(`${name} must be true or false.`)
}

function readSelections(
  candidates: readonly (readonly [source: string, value: string | undefined])[],
): ToolSelection[] {
  return candidates.flatMap(([source, value]) => {
    if (!value?.trim()) return []
    const names = value.split(',').map((name) => name.trim())
    if (names.includes('')) throw new UsageError(`${source} must be comma-separated tool names or groups.`)
    return [{ source, names }]
  })
}

// No control, format (bidirectional, zero-width, tag), surrogate or unassigned characters, and no line breaks.
const ENVIRONMENT_NAME = /^[^\p{C}\p{Zl}\p{Zp}]{1,40}$/u

/** The label of the Metronome environment. Throws {@link UsageError} when option and variable differ. */
export function readEnvironmentName({ environment }: Options, variables: Variables): string | undefined {
  const fromVariable = variables.METRONOME_ENVIRONMENT?.trim() || undefined
  const fromOption = environment?.trim() || undefined
  if (fromOption !== undefined && fromVariable !== undefined && fromOption !== fromVariable)
    throw new UsageError('--environment and METRONOME_ENVIRONMENT name different environments; use one of them.')
  const name = fromOption ?? fromVariable
  if (name === undefined || ENVIRONMENT_NAME.test(name)) return name
  throw new UsageError(
    `${fromOption === undefined ? 'METRONOME_ENVIRONMENT' : '--environment'} must have 1 to 40 printable characters.`,
  )
}
