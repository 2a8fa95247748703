import { operations } from '../../operations/index.ts'
import { asObject } from '../../operations/json.ts'
import { NAME } from '../../version.ts'
import type { CommandContext } from '../config/command-line.ts'
import { isUnexpanded } from '../config/setting-text.ts'
import { findTooLongNames, HTTP_URL, SERVER_KEY } from '../print-config/clients.ts'
import { type ClientEntry, readClientFiles } from './client-files.ts'
import { findPackage, isInPath, readProgramName, readWords, startsThisPackage } from './launch.ts'
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
  const results = [...problems, ...(await Promise.all(own.map((found) => checkEntry(found, context, run))))]
  if (results.length > 0) return { results, needsKey: own.some(lacksKey) }
  const advice = `Add it to one: ${context.program.invocation} print-config --help`
  return { results: [warning('clients', 'not configured in any known client', advice)], needsKey: true }
}

/** By its package, also misspelt, or by the name of the entry and an address. */
function isThisServer({ key, entry, url }: ClientEntry): boolean {
  const isNamed = key === SERVER_KEY && url !== undefined
  return isNamed || url === HTTP_URL || readWords(entry).some((word) => findPackage(word) !== undefined)
}

/** Checks what running it cannot show, and runs it unless something forbids that. */
async function checkEntry(found: ClientEntry, context: CommandContext, run: boolean): Promise<CheckResult> {
  const result = findMistake(found, context) ?? (run ? await checkRun(found, context) : checkKey(found))
  return { ...result, message: `${found.path} configures this server as "${found.key}"${result.message}` }
}

function findMistake(found: ClientEntry, context: CommandContext): CheckResult | undefined {
  const { client, servers, key, entry, url, launch } = found
  const { title, references, toolNames } = client
  if (servers !== client.servers)
    return error(title, ` under "${servers}"`, `Rename that field to "${client.servers}".`)
  const tooLong = toolNames ? findTooLongNames(key, toolNames) : []
  if (tooLong.length > 0)
    return error(
      title,
      `: ${tooLong.length} of ${operations.length} tool names exceed this client's name limit`,
      `Rename it to "${SERVER_KEY}" there.`,
    )
  if (entry.disabled === true || entry.enabled === false)
    return warning(title, ', switched off', `Switch it on in ${title}.`)
  const values = [entry.env, entry.environment, entry.headers].flatMap((field) => Object.values(asObject(field)))
  // In a header the name of a scheme may come first.
  const words = values.map((value) => String(value).replace(/^Bearer /, ''))
  if (words.some((word) => isUnexpanded(word) && !references?.test(word)))
    return error(
      title,
      `, with the name of a variable as a value, which ${title} does not replace`,
      'Write the value itself.',
    )
  if (url !== undefined) return undefined
  const misspelt = readWords(entry)
    .map(findPackage)
    .find((name) => name !== undefined && name !== NAME)
  if (misspelt) return error(title, `, but names the package ${misspelt}, which is not this one`, `Write ${NAME}.`)
  if (!launch) return error(title, ` in a form that ${title} does not read`, adviseOnEntry(found, context))
  if (!isInPath(launch.command, context) && !references?.test(launch.command))
    return error(title, ', but its command is not found', adviseOnEntry(found, context))
  return undefined
}

async function checkRun(found: ClientEntry, context: CommandContext): Promise<CheckResult> {
  const { title } = found.client
  const reason = whyNotRun(found, context)
  const { message } = checkKey(found)
  if (reason)
    return warning(title, `${message}; not run, since ${reason}`, 'Look at the status of the server in the client.')
  const result = await runEntry(found, context)
  if (result.ok) return ok(title, `: ${result.summary}`)
  const problem = `, but ${result.problem}`
  // Without a key the server starts, and its calls fail.
  if (lacksKey(found) && result.isConnected) return warning(title, problem, KEY_ADVICE)
  if (result.status === 401)
    return error(title, problem, 'Give its header "Authorization": "Bearer TOKEN" a token of the running server.')
  return error(title, problem, adviseOnEntry(found, context))
}

function adviseOnEntry({ id, url }: ClientEntry, { program: { invocation } }: CommandContext): string {
  if (url !== undefined) return `Start it with ${invocation} --http, or correct the URL; ${HTTP_URL} is the default.`
  return `Correct it, or replace the entry with that of: ${invocation} print-config ${id}`
}

const KEY_ADVICE =
  'Add METRONOME_API_KEY to its "env" block ("environment" in opencode), unless the client inherits it from where it is started.'

/** What is known of a key without a run. */
function checkKey(found: ClientEntry): CheckResult {
  const { title } = found.client
  return lacksKey(found) ? warning(title, ', without an API key', KEY_ADVICE) : ok(title, '')
}

const KEY_VARIABLES = ['METRONOME_API_KEY', 'METRONOME_BEARER_TOKEN', 'METRONOME_API_KEY_FILE']

function lacksKey({ launch }: ClientEntry): boolean {
  if (!launch || launch.args.some((word) => /^--(sandbox$|passthrough$|env-file)/.test(word))) return false
  return !KEY_VARIABLES.some((name) => launch.env[name])
}

/** Files of a project may come from anyone, and an entry may start anything: only this package is run. */
function whyNotRun({ client, isUsers, entry, launch }: ClientEntry, { platform }: CommandContext): string | undefined {
  if (!isUsers) return 'it is in the file of a project'
  if (client.references?.test(JSON.stringify(entry))) return `only ${client.title} knows the values that it refers to`
  if (launch && !startsThisPackage(launch, platform)) return `its command is not npx or node with ${NAME}`
  return undefined
}

async function runEntry({ client, entry, url = '', launch }: ClientEntry, context: CommandContext): Promise<RunResult> {
  if (launch) {
    context.stderr(`Running ${readProgramName(launch.command)} for ${client.title}\n`)
    return runStdioEntry(launch, context)
  }
  if (!URL.canParse(url)) return { ok: false, isConnected: false, problem: 'its URL is invalid' }
  context.stderr(`Connecting to ${new URL(url).origin} for ${client.title}\n`)
  const headers = Object.entries(asObject(entry.headers)).map(([name, value]) => [name, String(value)])
  // Codex keeps the token in a variable that it names.
  const token = context.environment[String(entry.bearer_token_env_var ?? '')]
  const authorization = token && { Authorization: `Bearer ${token}` }
  return runHttpEntry(new URL(url), { ...Object.fromEntries(headers), ...authorization })
}
