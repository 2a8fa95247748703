import { closestMatch } from 'leven'
import { operations } from '../../operations/index.ts'
import { asObject } from '../../operations/operation.ts'
import { NAME } from '../../version.ts'
import type { CommandContext } from '../config/command-line.ts'
import { VARIABLES } from '../config/options.ts'
import { KEY_PLACEHOLDER, TOKEN_PLACEHOLDER } from '../config/secrets.ts'
import { findTooLongNames, HTTP_URL, type Launch, SERVER_KEY } from '../print-config/clients.ts'
import { type ClientEntry, readClientFiles } from './client-files.ts'
import {
  describeLaunch,
  envField,
  findCommand,
  findPackage,
  readLaunch,
  readWords,
  startsThisPackage,
} from './launch.ts'
import { type CheckResult, error, ok, warning } from './report.ts'
import { type RunResult, runHttpEntry, runStdioEntry } from './run-entry.ts'

/**
 * Checks this server in the configuration of every known client, and runs it as the client would. These files contain
 * the secrets of other servers: only the path of a file, our own key in it and the result are reported.
 */
export async function checkClients(context: CommandContext, run: boolean): Promise<CheckResult[]> {
  const { entries, problems } = readClientFiles(context)
  const results = await Promise.all(entries.filter(isThisServer).map((entry) => checkEntry(entry, context, run)))
  if (results.length > 0) return [...problems, ...results]
  return [...problems, warning('clients', 'not configured in any known client', `See ${NAME} print-config --help.`)]
}

/** By its package, also misspelt, or by the name of the entry and an address. */
function isThisServer({ key, entry }: ClientEntry): boolean {
  const isNamed = key === SERVER_KEY && readUrl(entry) !== undefined
  return isNamed || readUrl(entry) === HTTP_URL || readWords(entry).some((word) => findPackage(word) !== undefined)
}

/** Where a running server is; undefined for an entry that starts one. */
function readUrl({ url, serverUrl, httpUrl }: ClientEntry['entry']): string | undefined {
  return [url, serverUrl, httpUrl].find((value) => typeof value === 'string')
}

async function checkEntry(found: ClientEntry, context: CommandContext, run: boolean): Promise<CheckResult> {
  const { client, path, key, entry } = found
  const message = `${path} configures this server as "${key}"`
  const problem = findProblem(found, message, context)
  if (problem) return problem
  if (!run) return describeGood(found, message)
  const url = readUrl(entry)
  const launch = url === undefined ? readLaunch(client, entry) : undefined
  const reason = whyNotRun(found, launch, context)
  if (reason) return warning(client.title, `${message}; not run, since ${reason}`, CHECK_IN_CLIENT)

  context.stderr(`Running ${launch ? describeLaunch(launch) : url} for ${client.title}\n`)
  const result = launch
    ? await runStdioEntry(launch, context)
    : await runHttpEntry(new URL(url ?? ''), { ...readHeaders(entry), ...readBearer(entry, context) })
  if (!result.ok) return error(client.title, `${message}, but ${result.problem}`, adviseOnRun(found, result))
  return describeGood(found, `${message}: ${result.summary}`)
}

function describeGood({ client, key }: ClientEntry, message: string): CheckResult {
  if (key.length <= SERVER_KEY.length) return ok(client.title, message)
  return warning(client.title, message, `It is longer than "${SERVER_KEY}": if tools are missing there, rename it.`)
}

const CHECK_IN_CLIENT = 'Look at the status of the server in the client.'

/** What running the entry cannot show, or would show less clearly. */
function findProblem(found: ClientEntry, message: string, context: CommandContext): CheckResult | undefined {
  const { client, servers, key, entry } = found
  const { title } = client
  if (servers !== client.servers)
    return error(title, `${message} under "${servers}"`, `Rename that field to "${client.servers}".`)
  const tooLong = client.toolNames ? findTooLongNames(key, client.toolNames) : []
  if (tooLong.length > 0)
    return error(
      title,
      `${message}: ${tooLong.length} of ${operations.length} tool names exceed this client's name limit`,
      `Rename it to "${SERVER_KEY}" there.`,
    )
  if (entry.disabled === true || entry.enabled === false)
    return warning(title, `${message}, switched off`, `Switch it on in ${title}.`)
  const headers = Object.values(readHeaders(entry))
  if (headers.some((value) => value.includes(TOKEN_PLACEHOLDER)))
    return error(title, `${message}, with the placeholder as token`, 'Replace it with a token of the running server.')
  const url = readUrl(entry)
  if (url === undefined) return findStdioProblem(found, message, context)
  return URL.canParse(url) ? undefined : error(title, `${message}, with an invalid URL`, `${HTTP_URL} is the default.`)
}

function findStdioProblem(
  { id, client, entry }: ClientEntry,
  message: string,
  context: CommandContext,
): CheckResult | undefined {
  const { title, references } = client
  const replace = `Replace the entry with that of: ${NAME} print-config ${id}`
  const misspelt = readWords(entry)
    .map(findPackage)
    .find((name) => name !== undefined && name !== NAME)
  if (misspelt)
    return error(title, `${message}, but names the package ${misspelt}, which is not this one`, `Write ${NAME}.`)
  const launch = readLaunch(client, entry)
  if (!launch) return error(title, `${message} in a form that ${title} does not read`, replace)
  const variable = Object.keys(launch.env).find((name) => (findVariable(name) ?? name) !== name)
  if (variable)
    return error(
      title,
      `${message}, with the variable ${variable}, which this server does not read`,
      `Rename it to ${findVariable(variable)}.`,
    )
  const values = Object.values(launch.env)
  if (values.includes(KEY_PLACEHOLDER))
    return error(title, `${message}, with the placeholder as API key`, 'Replace it with your Metronome API key.')
  const literal = values.find((value) => /^\$\{?\w|^\{\w+:|^%\w+%$/.test(value) && !references?.test(value))
  if (literal !== undefined)
    return error(
      title,
      `${message}, with the name of a variable as a value, which ${title} does not replace`,
      'Write the value itself.',
    )
  if (!launch.args.includes('--sandbox') && !Object.keys(launch.env).some((name) => name in KEY_VARIABLES))
    return warning(
      title,
      `${message}, without an API key`,
      `Add METRONOME_API_KEY to its "${envField(client)}" block, unless the client inherits it from where it is started.`,
    )
  // A check of its own reports that npx is missing.
  if (launch.command !== 'npx' && !findCommand(launch.command, context))
    return error(title, `${message}, but the command ${launch.command} is not found`, replace)
  return undefined
}

const KEY_VARIABLES = { METRONOME_API_KEY: true, METRONOME_BEARER_TOKEN: true, METRONOME_API_KEY_FILE: true }

/** The variable that a name means, when it is one of ours, also misspelt. */
function findVariable(name: string): string | undefined {
  if (!/METRONOME/i.test(name)) return undefined
  return closestMatch(name, Object.keys(VARIABLES), { maxDistance: Math.floor(name.length / 3) })
}

function readHeaders({ headers }: ClientEntry['entry']): Record<string, string> {
  return Object.fromEntries(Object.entries(asObject(headers)).map(([name, value]) => [name, String(value)]))
}

/** Codex keeps the token in a variable that it names. */
function readBearer(
  { bearer_token_env_var: name }: ClientEntry['entry'],
  { environment }: CommandContext,
): { Authorization?: string } {
  const token = typeof name === 'string' ? environment[name] : undefined
  return token ? { Authorization: `Bearer ${token}` } : {}
}

/** Files of a project may come from a stranger, and an entry may start anything: only this package is run. */
function whyNotRun(
  { client, isUsers, entry }: ClientEntry,
  launch: Launch | undefined,
  { platform }: CommandContext,
): string | undefined {
  if (!isUsers) return 'it is in the file of a project'
  if (client.references?.test(JSON.stringify(entry))) return `only ${client.title} knows the values that it refers to`
  if (launch && !startsThisPackage(launch, platform)) return `its command is not npx or node with ${NAME}`
  return undefined
}

function adviseOnRun({ id, entry }: ClientEntry, { problem, status }: Extract<RunResult, { ok: false }>): string {
  const isRemote = readUrl(entry) !== undefined
  if (isRemote && status === 401)
    return 'Add the header "Authorization": "Bearer TOKEN" to the entry, with a token of the running server.'
  if (isRemote) return `Start it with ${NAME} --http, or correct the URL; ${HTTP_URL} is the default.`
  if (/npm (error|ERR!) code/.test(problem))
    return `Check the network and npm's registry. In a clone, use the entry of: ${NAME} print-config ${id} --clone`
  return 'Correct what it names in that entry.'
}
