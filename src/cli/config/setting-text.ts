import { createRedactor, escapeInvisible } from '../../sanitize.ts'

/** What clients and shells leave of a variable that they do not know: `$X`, `${X}`, `$(X)`, `%X%`, `{{X}}`, `{env:X}`, `{file:X}`. */
const REFERENCE = String.raw`(?:\$\w+|\$env:\w+|\$\{[^}]*\}+|\$\([^)]*\)|%\w+%|\{\{[^}]*\}\}|\{\w+:[^{}]*\})`
const WHOLE_REFERENCE = new RegExp(`^${REFERENCE}+$`)
const REFERENCE_FIRST = new RegExp(`^${REFERENCE}[\\\\/]`)

export const UNEXPANDED = 'is the name of a variable that was not expanded, not its value'

/** Whether the whole text names a variable that something was to put a value in the place of. */
export function isUnexpanded(text: string): boolean {
  return WHOLE_REFERENCE.test(text)
}

/** Why a text can be no path: only shells expand what it begins with. */
export function findPathProblem(path: string): string | undefined {
  if (isUnexpanded(path)) return UNEXPANDED
  if (REFERENCE_FIRST.test(path)) return 'begins with a variable that was not expanded; write the whole path'
  if (/^~/.test(path)) return 'begins with ~, which only a shell expands; write the whole path'
  if (path === '-') return 'must name a file, and - is none'
  return undefined
}

const MAX_QUOTED = 40
const SECRETS = ['METRONOME_API_KEY', 'METRONOME_BEARER_TOKEN', 'METRONOME_MCP_AUTH_TOKEN'] as const

/** The value of a variable for an error: what was typed is found faster. A secret that landed in it is not shown. */
export function quoteVariable(name: string, variables: Readonly<Record<string, string | undefined>>): string {
  const redact = createRedactor(SECRETS.map((secret) => variables[secret]?.trim()))
  return quoteSetting(redact(variables[name]?.trim() ?? ''))
}

/** With invisible characters escaped, in at most 40 characters. */
export function quoteSetting(value: string): string {
  let shown = ''
  for (const char of value) {
    const next = escapeInvisible(char)
    if (shown.length + next.length > MAX_QUOTED) return `"${shown}…"`
    shown += next
  }
  return `"${shown}"`
}
