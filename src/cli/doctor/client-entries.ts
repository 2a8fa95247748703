import { existsSync, readFileSync, statSync } from 'node:fs'
import { parse as parseToml } from 'smol-toml'
import stripJsonComments from 'strip-json-comments'
import { operations } from '../../operations/index.ts'
import { asObject } from '../../operations/operation.ts'
import { NAME } from '../../version.ts'
import type { CommandContext } from '../command-line.ts'
import {
  CLIENT_IDS,
  findClient,
  findConfigFiles,
  findTooLongNames,
  HTTP_URL,
  type McpClient,
  SERVER_KEY,
} from '../print-config/clients.ts'
import { KEY_PLACEHOLDER } from '../secrets.ts'
import { type CheckResult, error, ok, warning } from './report.ts'

/**
 * Finds this server in the configuration of every known client. These files contain the secrets of other servers: only
 * the path of a file, our own key in it and the result are reported.
 */
export function checkClients(context: CommandContext): CheckResult[] {
  const files = CLIENT_IDS.map(findClient).flatMap((client) =>
    findConfigFiles(client, context)
      .filter((path) => existsSync(path))
      .map((path) => ({ client, path, file: readConfigFile(client, path) })),
  )
  const unreadable = files
    .filter(({ file }) => file === undefined)
    .map(({ client, path }) =>
      warning(
        client.title,
        `${path} cannot be parsed`,
        `Correct its ${client.format.toUpperCase()}: ${client.title} may ignore the whole file.`,
      ),
    )
  const entries = files.flatMap(({ client, path, file }) =>
    findEntries(file, client.servers)
      .filter(([, entry]) => isThisServer(entry))
      .map(([key, entry]) => evaluate(client, path, key, entry)),
  )
  if (entries.length > 0) return [...unreadable, ...entries]
  return [...unreadable, warning('clients', 'not configured in any known client', `See ${NAME} print-config --help.`)]
}

const MAX_FILE_BYTES = 10 * 1024 * 1024
/** Deeper than the configuration of any client. */
const MAX_DEPTH = 32

function readConfigFile({ format }: McpClient, path: string): unknown {
  try {
    // A special file would hang, a huge one exhaust memory.
    const stats = statSync(path)
    if (!stats.isFile() || stats.size > MAX_FILE_BYTES) return undefined
    const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '')
    return format === 'toml' ? parseToml(text) : JSON.parse(stripJsonComments(text, { trailingCommas: true }))
  } catch {
    return undefined
  }
}

/** Every server of the file; some clients keep those of a project further down in it. */
function findEntries(value: unknown, servers: string, depth = 0): [key: string, entry: unknown][] {
  if (depth > MAX_DEPTH) return []
  return Object.entries(asObject(value)).flatMap(([field, inner]) =>
    field === servers ? Object.entries(asObject(inner)) : findEntries(inner, servers, depth + 1),
  )
}

function isThisServer(entry: unknown): boolean {
  const { command, args, url, serverUrl } = asObject(entry)
  const words = [command, args].flat().filter((word) => typeof word === 'string')
  return words.some((word) => word.includes(NAME)) || [url, serverUrl].includes(HTTP_URL)
}

function evaluate({ title, toolNames }: McpClient, path: string, key: string, entry: unknown): CheckResult {
  const message = `${path} configures this server as "${key}"`
  const tooLong = toolNames ? findTooLongNames(key, toolNames) : []
  if (tooLong.length > 0)
    return error(
      title,
      `${message}: ${tooLong.length} of ${operations.length} tool names exceed this client's name limit`,
      `Rename it to "${SERVER_KEY}" there.`,
    )
  const { url, serverUrl, env, environment, args, command } = asObject(entry)
  const isRemote = url !== undefined || serverUrl !== undefined
  const isSandbox = [command, args].flat().includes('--sandbox')
  const variables = { ...asObject(env), ...asObject(environment) }
  if (Object.values(variables).includes(KEY_PLACEHOLDER))
    return error(title, `${message}, with the placeholder as API key`, 'Replace it with your Metronome API key.')
  if (!isRemote && !isSandbox && !Object.keys(variables).some((name) => name.startsWith('METRONOME_')))
    return warning(
      title,
      `${message}, without an API key`,
      'Add METRONOME_API_KEY to its "env" block, unless the client inherits it from where it is started.',
    )
  if (key.length > SERVER_KEY.length)
    return warning(title, message, `It is longer than "${SERVER_KEY}": if tools are missing there, rename it.`)
  return ok(title, message)
}
