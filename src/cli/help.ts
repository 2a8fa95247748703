import { HOMEPAGE, NAME, VERSION } from '../version.ts'
import { COMMANDS } from './command.ts'
import { OPTIONS, VARIABLES, type VariableSpec } from './config/options.ts'
import { describeDefault, formatEntries, type HelpEntry, listOptions } from './help-format.ts'

const EXAMPLES = [
  `${NAME} --sandbox`,
  `${NAME} --read-only --environment production`,
  `${NAME} --http --audit-log audit.jsonl`,
  `${NAME} print-config cursor --sandbox`,
  `${NAME} doctor`,
]
  .map((line) => `  ${line}\n`)
  .join('')

export function buildHelp(): string {
  const commands = Object.values(COMMANDS).map(({ usage, summary }) => ({
    group: 'Commands',
    label: usage,
    description: summary,
  }))
  return `${NAME} ${VERSION}
MCP server for Metronome customers, over stdio or HTTP, and as a REST API.
Community project, not affiliated with Metronome.

Usage: ${NAME} [options]
       ${NAME} COMMAND [--help]

${formatEntries([...commands, ...listOptions(OPTIONS), ...listVariables()])}
Examples:
${EXAMPLES}
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

/** For a person who starts the program in a terminal and waits for something to happen. */
export function buildGreeting(): string {
  const entry = { command: 'npx', args: ['-y', NAME], env: { METRONOME_API_KEY: '...' } }
  return `${NAME} ${VERSION} speaks MCP on stdin and stdout. It is meant to be started by an MCP client.
Add it to the client's configuration: "metronome": ${JSON.stringify(entry)}
Try it without an account: add "--sandbox" to args. See --help. Press Ctrl-C to stop.
`
}
