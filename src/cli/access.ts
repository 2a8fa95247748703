import { operations } from '../operations/index.ts'
import type { Operation } from '../operations/operation.ts'
import type { AccessConfig, ToolSelection } from './config/access-config.ts'
import { quoteSetting } from './config/setting-text.ts'
import { UsageError } from './config/usage-error.ts'
import { findNearest } from './suggest.ts'

const GROUPS: Readonly<Record<string, (op: Operation) => boolean>> = {
  reads: ({ kind }) => kind === 'read',
  writes: ({ kind }) => kind === 'write',
  irreversible: (op) => op.kind === 'write' && op.irreversible !== undefined,
}

/** The tools that are not offered, each with the reason. Throws {@link UsageError} for unknown names and when none is left. */
export function findHiddenTools({ readOnly, allow, exclude }: AccessConfig): ReadonlyMap<string, string> {
  const unknown = [...allow, ...exclude].flatMap(describeUnknown)
  if (unknown.length > 0) throw new UsageError(unknown)
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

const KNOWN = [...Object.keys(GROUPS), ...operations.map(({ tool }) => tool)]

function describeUnknown({ source, names }: ToolSelection): string[] {
  const unknown = names.filter((name) => !KNOWN.includes(name))
  return unknown.map((name) => {
    const nearest = findNearest(name, KNOWN)
    const advice = nearest ? `did you mean ${nearest}?` : `the groups are ${Object.keys(GROUPS).join(', ')}.`
    return `${source} has an unknown tool or group, ${quoteSetting(name)}; ${advice}`
  })
}

function createMatcher({ names }: ToolSelection): (op: Operation) => boolean {
  return (op) => names.some((name) => GROUPS[name]?.(op) ?? name === op.tool)
}
