import { VARIABLES } from './options.ts'
import { isUnexpanded, quoteVariable, UNEXPANDED } from './setting-text.ts'
import type { Sources, Variables } from './sources.ts'
import { UsageError } from './usage-error.ts'

const KNOWN = Object.keys(VARIABLES)
const OURS = KNOWN.filter((name) => name.startsWith('METRONOME_'))
const LETTERS_OF_OURS = OURS.map(toLetters)

/** The values of these are checked where they are used, and are not shown. */
const SECRET = /^METRONOME_(API_KEY|BEARER_TOKEN|MCP_AUTH_TOKEN|API_KEY_FILE|MCP_AUTH_TOKEN_FILE)$/

/** The variables that count, with those of the environment first. An empty variable counts as absent. */
export function readVariables(sources: Sources): Variables {
  const variables = mergeVariables(sources)
  const unexpanded = findUnexpanded(variables)
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !unexpanded.includes(name)))
}

function mergeVariables({ environment, envFile }: Sources): Variables {
  const present = listPresent(environment).map((name) => [name, environment[name]])
  return { ...envFile, ...Object.fromEntries(present) }
}

/** Throws {@link UsageError} for variables that are nearly ours, and for values that a client did not put in. */
export function checkVariables(sources: Sources): void {
  const variables = mergeVariables(sources)
  const problems = [
    ...findMisspelt(sources.environment, ''),
    ...findMisspelt(sources.envFile, ' of --env-file'),
    ...findUnexpanded(variables).map((name) => `${name} ${UNEXPANDED}: ${quoteVariable(name, variables)}.`),
  ]
  if (problems.length > 0) throw new UsageError(problems)
}

function findUnexpanded(variables: Variables): string[] {
  return OURS.filter((name) => !SECRET.test(name) && isUnexpanded(variables[name]?.trim() ?? ''))
}

function findMisspelt(variables: Variables, source: string): string[] {
  return listPresent(variables).flatMap((name) => {
    const meant = findMeant(name)
    // Other programs have variables of Metronome's, too; these are nearly ours.
    return meant ? `${name}${source} is not a variable of this program; did you mean ${meant}?` : []
  })
}

/** A warning for variables that would count anywhere else: who wrote them believes that they hold. */
export function findIneffective(dotEnv: Variables): string | undefined {
  const names = listPresent(dotEnv).filter(
    (name) => name !== 'METRONOME_API_KEY' && (KNOWN.includes(name.toUpperCase()) || findMeant(name)),
  )
  if (names.length === 0) return undefined
  return `.env supplies METRONOME_API_KEY only; not read from it: ${names.join(', ')}. Use the environment or --env-file.`
}

/** The names of variables that are not empty. */
function listPresent(variables: Variables): string[] {
  return Object.keys(variables).filter((name) => variables[name]?.trim())
}

/** The variable of ours that differs from this name in case, underscores or one letter only. */
function findMeant(name: string): string | undefined {
  if (KNOWN.includes(name)) return undefined
  const letters = toLetters(name)
  return OURS[LETTERS_OF_OURS.findIndex((known) => isNear(letters, known))]
}

function toLetters(name: string): string {
  return name.toUpperCase().replaceAll('_', '')
}

/** Whether one letter was left out, added, replaced, or swapped with its neighbour. */
function isNear(one: string, other: string): boolean {
  if (Math.abs(one.length - other.length) > 1) return false
  let start = 0
  while (start < one.length && one[start] === other[start]) start++
  let end = 0
  while (end < Math.min(one.length, other.length) - start && one.at(-1 - end) === other.at(-1 - end)) end++
  const [left, right] = [one.slice(start, one.length - end), other.slice(start, other.length - end)]
  return Math.max(left.length, right.length) <= 1 || (left.length === 2 && left === right.split('').reverse().join(''))
}
