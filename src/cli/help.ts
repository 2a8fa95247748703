import { HOMEPAGE, NAME, VERSION } from '../version.ts'
import { COMMANDS } from './command.ts'
import { OPTIONS, VARIABLES, type VariableSpec } from './config/options.ts'
import { describeDefault, formatEntries, type HelpEntry, listOptions } from './help-format.ts'
import { buildStartCommand, type Program } from './program.ts'

const EXAMPLES = [
  '--sandbox',
  '--read-only --environment production',
  '--http --audit-log audit.jsonl',
  'print-config cursor --sandbox',
  'call list-customers --all --output all.ndjson',
  'call create-customer --input customers.csv',
  'doctor',
]

export function buildHelp({ invocation }: Program): string {
  const commands = Object.values(COMMANDS).map(({ usage, summary }) => ({
    group: 'Commands',
    label: usage,
    description: summary,
  }))
  return `${NAME} ${VERSION}
MCP server for Metronome customers, over stdio or HTTP, and as a REST API.
Community project, not affiliated with Metronome.

Usage: ${invocation} [options]
       ${invocation} COMMAND [--help]

${formatEntries([...commands, ...listOptions(OPTIONS), ...listVariables()])}
Examples:
${EXAMPLES.map((words) => `  ${invocation} ${words}\n`).join('')}
${HOMEPAGE}
`
}

function listVariables(): HelpEntry[] {
  return Object.entries<VariableSpec>(VARIABLES).map(([name, spec]) => ({
    group: 'Environment variables',
    label: name,
    description: describeVariable(spec),
  }))
}

/** The description of a variable with its range and default. */
export function describeVariable({ description, min, max, default: fallback }: VariableSpec): string {
  const range = min === undefined || max === undefined ? '' : `, ${min} to ${max}`
  return description + range + describeDefault(fallback)
}

/** For a person who starts the program in a terminal and waits for something to happen; `argv` are its options. */
export function buildGreeting(program: Program, argv: readonly string[], isSandbox: boolean): string {
  const { command, args } = buildStartCommand(program)
  const entry = { command, args: [...args, ...argv], ...(!isSandbox && { env: { METRONOME_API_KEY: '...' } }) }
  const account = isSandbox ? 'It runs on the sandbox.' : 'Try it without an account: add "--sandbox" to args.'
  return `${NAME} ${VERSION} speaks MCP on stdin and stdout. It is meant to be started by an MCP client.
Add it to the client's configuration: "metronome": ${JSON.stringify(entry)}
${account} See --help. Press Ctrl-C to stop.
`
}
