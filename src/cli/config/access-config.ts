import type { Options } from './options.ts'
import { findPathProblem, quoteSetting, quoteVariable } from './setting-text.ts'
import type { Variables } from './sources.ts'
import { attempt, takeAll, UsageError } from './usage-error.ts'

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
  const { readOnly, allow, exclude } = takeAll({
    readOnly: attempt(() => readReadOnly(options, variables)),
    allow: attempt(() => [
      ...readSelection('--tools', options.tools, ''),
      ...readSelectionVariable('METRONOME_TOOLS', variables),
    ]),
    exclude: attempt(() => [
      ...readSelection('--exclude-tools', options.excludeTools, ''),
      ...readSelectionVariable('METRONOME_EXCLUDE_TOOLS', variables),
    ]),
  })
  return readOnly || allow.length > 0 || exclude.length > 0 ? { readOnly, allow, exclude } : undefined
}

/** The variable is checked also when the option is given: a misspelt value is not ignored. */
function readReadOnly({ readOnly }: Options, variables: Variables): string | undefined {
  const isReadOnly = readBoolean('METRONOME_READ_ONLY', variables)
  return readOnly ? '--read-only' : isReadOnly ? 'METRONOME_READ_ONLY' : undefined
}

/** In any case: Python and YAML write True. */
export function readBoolean(name: 'METRONOME_READ_ONLY' | 'METRONOME_CONFIRM_ARCHIVES', variables: Variables): boolean {
  const text = variables[name]?.trim().toLowerCase()
  if (!text || text === 'false') return false
  if (text === 'true') return true
  throw new UsageError(`${name} must be true or false, not ${quoteVariable(name, variables)}.`)
}

function readSelectionVariable(name: 'METRONOME_TOOLS' | 'METRONOME_EXCLUDE_TOOLS', variables: Variables) {
  return readSelection(name, variables[name], `, not ${quoteVariable(name, variables)}`)
}

/** `shown` follows the rule in the message. */
function readSelection(source: string, value: string | undefined, shown: string): ToolSelection[] {
  if (!value?.trim()) return []
  const names = value.split(',').map((name) => name.trim())
  if (names.includes('')) throw new UsageError(`${source} must be comma-separated tool names or groups${shown}.`)
  return [{ source, names }]
}

// No control, format (bidirectional, zero-width, tag), surrogate or unassigned characters, and no line breaks.
const ENVIRONMENT_NAME = /^[^\p{C}\p{Zl}\p{Zp}]{1,40}$/u

/** The label of the Metronome environment. Throws {@link UsageError} when option and variable differ. */
export function readEnvironmentName({ environment }: Options, variables: Variables): string | undefined {
  const fromVariable = variables.METRONOME_ENVIRONMENT?.trim() || undefined
  const fromOption = environment?.trim() || undefined
  if (fromOption !== undefined && fromVariable !== undefined && fromOption !== fromVariable)
    throw new UsageError(
      `--environment and METRONOME_ENVIRONMENT, ${quoteVariable('METRONOME_ENVIRONMENT', variables)}, name different environments; use one of them.`,
    )
  const name = fromOption ?? fromVariable
  if (name === undefined || ENVIRONMENT_NAME.test(name)) return name
  const rule = 'must have 1 to 40 printable characters'
  if (fromOption !== undefined) throw new UsageError(`--environment ${rule}.`)
  throw new UsageError(`METRONOME_ENVIRONMENT ${rule}, not ${quoteVariable('METRONOME_ENVIRONMENT', variables)}.`)
}

/** A file, and the option or variable that named it. */
export interface AuditFile {
  readonly path: string
  readonly source: string
}

/** Throws {@link UsageError} when option and variable differ, and for a path that only a shell understands. */
export function readAuditLog({ auditLog }: Options, variables: Variables): AuditFile | undefined {
  const fromVariable = variables.METRONOME_AUDIT_LOG?.trim() || undefined
  const path = auditLog ?? fromVariable
  if (path === undefined) return undefined
  if (fromVariable !== undefined && fromVariable !== path)
    throw new UsageError(
      `--audit-log and METRONOME_AUDIT_LOG, ${quoteSetting(fromVariable)}, name different files; use one of them.`,
    )
  const source = auditLog === undefined ? 'METRONOME_AUDIT_LOG' : '--audit-log'
  const problem = findPathProblem(path)
  if (problem) throw new UsageError(`${source} ${problem}: ${quoteSetting(path)}.`)
  return { path, source }
}
