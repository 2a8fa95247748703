import { operations } from '../operations/index.ts'
import type { Operation } from '../operations/operation.ts'
import type { AccessConfig, ToolSelection } from './config/access-config.ts'
import { UsageError } from './config/command-line.ts'
import { findNearest } from './suggest.ts'

const GROUPS: Readonly<Record<string, (op: Operation) => boolean>> = {
  reads: ({ kind }) => kind === 'read',
  writes: ({ kind }) => kind === 'write',
  irreversible: (op) => op.kind === 'write' && op.irreversible !== undefined,
}

/** The tools that are not offered, each with the reason. Throws {@link UsageError} for an unknown name and when none is left. */
export function findHiddenTools({ readOnly, allow, exclude }: AccessConfig): ReadonlyMap<string, string> {
  const allowed = allow.map((selection) => ({ ...selection, matches: createMatcher(selection) }))
  const excluded = exclude.map((selection) => ({ ...selection, matches: createMatcher(selection) }))
  const hidden = new Map<string, string>()
  for (const op of operations) {
    const source =
      (readOnly && op.kind === 'write' ? readOnly : undefined) ??
      excluded.find(({ matches }) => matches(op))?.source ??
      allowed.find(({ matches }) => !matches(op))?.source
    if (source) hidden.set(op.tool, `this server runs with ${source}`)
  }
  if (hidden.size < operations.length) return hidden
  const sources = [...(readOnly ? [readOnly] : []), ...allow, ...exclude].map((each) =>
    typeof each === 'string' ? each : each.source,
  )
  throw new UsageError(`${sources.join(' and ')}: no tool is left.`)
}

function createMatcher({ source, names }: ToolSelection): (op: Operation) => boolean {
  const known = [...Object.keys(GROUPS), ...operations.map(({ tool }) => tool)]
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const nearest = findNearest(unknown, known)
    throw new UsageError(
      `${source} has an unknown tool or group; ${nearest ? `did you mean ${nearest}?` : `the groups are ${Object.keys(GROUPS).join(', ')}.`}`,
    )
  }
  return (op) => names.some((name) => GROUPS[name]?.(op) ?? name === op.tool)
}
