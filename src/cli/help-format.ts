import type { OptionSpec, OptionSpecs } from './config/command-line.ts'
import type { Program } from './program.ts'

const WIDTH = 80

/** One line of a help text, under the heading of its group. */
export interface HelpEntry {
  readonly group: string
  readonly label: string
  readonly description: string
}

/** The help of a command. */
export function buildCommandHelp(
  { invocation }: Program,
  usage: string,
  description: string,
  specs: OptionSpecs,
): string {
  return [`Usage: ${invocation} ${usage}`, wrap(description), formatEntries(listOptions(specs))].join('\n\n')
}

export function listOptions(specs: OptionSpecs): HelpEntry[] {
  return Object.entries(specs).map(([name, spec]) => ({
    group: spec.group ?? 'Options',
    label: labelOf(name, spec),
    description: spec.description + describeDefault(spec.type === 'boolean' ? undefined : spec.default),
  }))
}

function labelOf(name: string, spec: OptionSpec): string {
  const value = spec.type === 'boolean' ? '' : ` ${spec.placeholder}`
  return `--${name}${value}${spec.short ? `, -${spec.short}` : ''}`
}

export function describeDefault(value: string | number | undefined): string {
  return value === undefined ? '' : ` (default ${value})`
}

/** Two columns at most 80 characters wide, with a heading above each group. */
export function formatEntries(entries: readonly HelpEntry[]): string {
  const indent = Math.max(...entries.map(({ label }) => label.length)) + 4
  const groups = new Set(entries.map(({ group }) => group))
  return Array.from(groups, (group) => {
    const lines = entries
      .filter((entry) => entry.group === group)
      .map(({ label, description }) => `  ${label}`.padEnd(indent) + wrap(description, indent))
    return `${group}:\n${lines.join('\n')}\n`
  }).join('\n')
}

/** Breaks lines between words; all but the first are indented. */
export function wrap(text: string, indent = 0): string {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    const longer = line ? `${line} ${word}` : word
    if (longer.length > WIDTH - indent) lines.push(line)
    line = longer.length > WIDTH - indent ? word : longer
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`)
}
