import { existsSync, readFileSync } from 'node:fs'
import { parse as parseToml } from 'smol-toml'
import stripJsonComments from 'strip-json-comments'
import type { Surroundings } from '../commands.ts'
import { asObject } from '../operation/json.ts'
import { operations } from '../operations/index.ts'
import { clientFiles } from '../setup/client-files.ts'
import { CLIENT_IDS, type ClientForm, findClient } from '../setup/clients.ts'
import { HTTP_URL, KEY_PLACEHOLDER, SERVER_KEY } from '../setup/launch.ts'
import { isSafeKey, tooLongTools } from '../setup/tool-names.ts'
import { NAME } from '../version.ts'
import { type Finding, fail, note, ok } from './finding.ts'

/**
 * Looks for this server in the configuration of every known client. These files hold the secrets of other servers: of a
 * file only its path, our own key in it and the verdict are told.
 */
export function checkClients(surroundings: Surroundings): Finding[] {
  const files = CLIENT_IDS.flatMap((id) => {
    const client = findClient(id)
    const paths = clientFiles(id, surroundings).filter((path) => existsSync(path))
    return paths.map((path) => ({ client, path, file: readConfiguration(client, path) }))
  })
  const unreadable = files
    .filter(({ file }) => file === undefined)
    .map(({ client, path }) =>
      note(
        client.title,
        `${path} cannot be parsed`,
        `Correct its ${client.format.toUpperCase()}: ${client.title} may ignore the whole file.`,
      ),
    )
  const entries = files.flatMap(({ client, path, file }) =>
    findEntries(file, client.servers)
      .filter(([, entry]) => isOurs(entry))
      .map(([key, entry]) => judge(client, path, key, entry)),
  )
  if (entries.length > 0) return [...unreadable, ...entries]
  const none = note('clients', 'no configuration of a known client has this server', `See ${NAME} print-config --help.`)
  return [...unreadable, none]
}

function readConfiguration({ format }: ClientForm, path: string): unknown {
  try {
    const text = readFileSync(path, 'utf8').replace(/^\ufeff/, '')
    return format === 'toml' ? parseToml(text) : JSON.parse(stripJsonComments(text, { trailingCommas: true }))
  } catch {
    return undefined
  }
}

/** Every server of the file; some clients keep those of a project further down in it. */
function findEntries(value: unknown, servers: string): [key: string, entry: unknown][] {
  return Object.entries(asObject(value)).flatMap(([field, inner]) =>
    field === servers ? Object.entries(asObject(inner)) : findEntries(inner, servers),
  )
}

function isOurs(entry: unknown): boolean {
  const { command, args, url, serverUrl } = asObject(entry)
  const words = [command, args].flat().filter((word) => typeof word === 'string')
  return words.some((word) => word.includes(NAME)) || [url, serverUrl].includes(HTTP_URL)
}

function judge(client: ClientForm, path: string, key: string, entry: unknown): Finding {
  const saw = `${path} has this server as "${key}"`
  const tooLong = client.names ? tooLongTools(key, client.names) : []
  if (tooLong.length > 0)
    return fail(
      client.title,
      `${saw}: ${tooLong.length} of ${operations.length} tool names become too long for this client`,
      `Rename it to "${SERVER_KEY}" there.`,
    )
  const { url, serverUrl, env, environment, args, command } = asObject(entry)
  const isRemote = url !== undefined || serverUrl !== undefined
  const onSandbox = [command, args].flat().includes('--sandbox')
  const variables = { ...asObject(env), ...asObject(environment) }
  if (Object.values(variables).includes(KEY_PLACEHOLDER))
    return fail(client.title, `${saw}, with the placeholder as API key`, 'Put your API key of Metronome in its place.')
  if (!isRemote && !onSandbox && !Object.keys(variables).some((name) => name.startsWith('METRONOME_')))
    return note(
      client.title,
      `${saw}, without an API key`,
      'Put METRONOME_API_KEY into its "env" block, unless the client inherits it from where it is started.',
    )
  if (!isSafeKey(key))
    return note(client.title, saw, `It is longer than "${SERVER_KEY}": should tools be missing there, rename it.`)
  return ok(client.title, saw)
}
