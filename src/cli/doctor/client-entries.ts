import { operations } from '../../operations/index.ts'
import { asObject } from '../../operations/json.ts'
import { NAME } from '../../version.ts'
import type { CommandContext } from '../config/command-line.ts'
import { findTooLongNames, HTTP_URL, type Launch, SERVER_KEY } from '../print-config/clients.ts'
import { type ClientEntry, readClientFiles } from './client-files.ts'
import { findInPath, findPackage, readLaunch, readProgramName, readWords, startsThisPackage } from './launch.ts'
import { type CheckResult, error, ok, warning } from './report.ts'
import { type RunResult, runHttpEntry, runStdioEntry } from './run-entry.ts'

export interface ClientResults {
  readonly results: readonly CheckResult[]
  /** Whether no client is configured, or one has neither a key nor the sandbox. */
  readonly needsKey: boolean
}

/**
 * Checks this server in the configuration of every known client, and runs it as the client would. These files contain
 * secrets, of other servers too: only the path of a file, our own key in it and the result are reported.
 */
export async function checkClients(context: CommandContext, run: boolean): Promise<ClientResults> {
  const { entries, problems } = readClientFiles(context)
  const own = entries.filter(isThisServer)
  const results = [...problems, ...(await Promise.all(own.map((entry) => checkEntry(entry, context, run))))]
  if (results.length > 0)
    return { results, needsKey: own.some(({ client, entry }) => lacksKey(readLaunch(client, entry))) }
  const advice = `Add it to one: ${context.program.invocation} print-config --help`
  return { results: [warning('clients', 'not configured in any known client', advice)], needsKey: true }
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

/** Checks what running it cannot show, and runs it unless something forbids that. */
async function checkEntry(found: ClientEntry, context: CommandContext, run: boolean): Promise<CheckResult> {
  const { client, path, key, entry } = found
  const url = readUrl(entry)
  const launch = url === undefined ? readLaunch(client, entry) : undefined
  const mistake = findMistake(found) ?? (url === undefined ? findLaunchMistake(found, launch, context) : undefined)
  const result = mistake ?? (await checkRun(found, launch, context, run))
  return { ...result, message: `${path} configures this server as "${key}"${result.message}` }
}

async function checkRun(
  found: ClientEntry,
  launch: Launch | undefined,
  context: CommandContext,
  run: boolean,
): Promise<CheckResult> {
  const { title } = found.client
  const reason = run ? whyNotRun(found, launch, context) : undefined
  const result = run && !reason ? await runEntry(found, launch, context) : undefined
  if (result?.ok) return ok(title, `: ${result.summary}`)
  // Without a key the server starts, and its calls fail.
  if (launch && lacksKey(launch) && result?.isConnected !== false)
    return warning(
      title,
      ', without an API key',
      'Add METRONOME_API_KEY to its "env" block ("environment" in opencode), unless the client inherits it from where it is started.',
    )
  if (result) return error(title, `, but ${result.problem}`, adviseOnRun(found, result, context))
  if (reason) return warning(title, `; not run, since ${reason}`, 'Look at the status of the server in the client.')
  return ok(title, '')
}

function findMistake({ client, servers, key, entry }: ClientEntry): CheckResult | undefined {
  const { title } = client
  if (servers !== client.servers)
    return error(title, ` under "${servers}"`, `Rename that field to "${client.servers}".`)
  const tooLong = client.toolNames ? findTooLongNames(key, client.toolNames) : []
  if (tooLong.length > 0)
    return error(
      title,
      `: ${tooLong.length} of ${operations.length} tool names exceed this client's name limit`,
      `Rename it to "${SERVER_KEY}" there.`,
    )
  if (entry.disabled === true || entry.enabled === false)
    return warning(title, ', switched off', `Switch it on in ${title}.`)
  const values = [entry.env, entry.environment, entry.headers].flatMap((field) => Object.values(asObject(field)))
  if (values.some((value) => isLiteralReference(String(value), client)))
    return error(
      title,
      `, with the name of a variable as a value, which ${title} does not replace`,
      'Write the value itself.',
    )
  return undefined
}

/** A whole value, or what follows its scheme in a header, that another client would replace. */
function isLiteralReference(value: string, { references }: ClientEntry['client']): boolean {
  return /^(Bearer )?(\$\{.*\}|\$\w+|%\w+%|\{\w+:.*\})$/.test(value) && !references?.test(value)
}

function findLaunchMistake(
  { id, client, entry }: ClientEntry,
  launch: Launch | undefined,
  context: CommandContext,
): CheckResult | undefined {
  const { title, references } = client
  const replace = `Replace the entry with that of: ${context.program.invocation} print-config ${id}`
  const packages = readWords(entry).map(findPackage)
  const misspelt = packages.find((name) => name !== undefined && name !== NAME)
  if (misspelt) return error(title, `, but names the package ${misspelt}, which is not this one`, `Write ${NAME}.`)
  if (!launch) return error(title, ` in a form that ${title} does not read`, replace)
  if (!findInPath(launch.command, context) && !references?.test(launch.command))
    return error(title, ', but its command is not found', replace)
  return undefined
}

const KEY_VARIABLES = ['METRONOME_API_KEY', 'METRONOME_BEARER_TOKEN', 'METRONOME_API_KEY_FILE']

function lacksKey(launch: Launch | undefined): boolean {
  if (!launch || launch.args.some((word) => /^--(sandbox$|passthrough$|env-file)/.test(word))) return false
  return !KEY_VARIABLES.some((name) => launch.env[name])
}

/** Files of a project may come from anyone, and an entry may start anything: only this package is run. */
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

async function runEntry(
  { client, entry }: ClientEntry,
  launch: Launch | undefined,
  context: CommandContext,
): Promise<RunResult> {
  if (launch) {
    context.stderr(`Running ${readProgramName(launch.command)} for ${client.title}\n`)
    return runStdioEntry(launch, context)
  }
  const url = readUrl(entry) ?? ''
  if (!URL.canParse(url)) return { ok: false, isConnected: false, problem: 'its URL is invalid' }
  context.stderr(`Connecting to ${new URL(url).origin} for ${client.title}\n`)
  const headers = Object.entries(asObject(entry.headers)).map(([name, value]) => [name, String(value)])
  return runHttpEntry(new URL(url), { ...Object.fromEntries(headers), ...readBearer(entry, context) })
}

/** Codex keeps the token in a variable that it names. */
function readBearer(
  { bearer_token_env_var: name }: ClientEntry['entry'],
  { environment }: CommandContext,
): { Authorization?: string } {
  const token = typeof name === 'string' ? environment[name] : undefined
  return token ? { Authorization: `Bearer ${token}` } : {}
}

function adviseOnRun(
  { id, entry }: ClientEntry,
  { problem, status }: Extract<RunResult, { ok: false }>,
  { program }: CommandContext,
): string {
  if (status === 401) return 'Give its header "Authorization": "Bearer TOKEN" a token of the running server.'
  if (readUrl(entry) !== undefined)
    return `Start it with ${program.invocation} --http, or correct the URL; ${HTTP_URL} is the default.`
  if (/npm (error|ERR!) code/.test(problem))
    return `Check the network and npm's registry, or use the entry of: ${program.invocation} print-config ${id}`
  return 'Correct what it names in that entry.'
}
