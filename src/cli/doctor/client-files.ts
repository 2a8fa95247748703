import { existsSync, statSync } from 'node:fs'
import { type ParseError, parse as parseJson, printParseErrorCode } from 'jsonc-parser'
import { parse as parseToml, TomlError } from 'smol-toml'
import { asObject, isObject, type JsonObject } from '../../operations/json.ts'
import { codeOf } from '../../thrown.ts'
import type { CommandContext } from '../config/command-line.ts'
import { readRegularFile } from '../config/sources.ts'
import {
  CLIENT_IDS,
  type ClientId,
  findClient,
  findConfigFiles,
  type Launch,
  type McpClient,
  pathsOf,
} from '../print-config/clients.ts'
import { readLaunch } from './launch.ts'
import { type CheckResult, error } from './report.ts'

/** One server in the configuration of a client. */
export interface ClientEntry {
  readonly id: ClientId
  readonly client: McpClient
  readonly path: string
  /** Whether the file is the user's own, and not part of a project that may come from a stranger. */
  readonly isUsers: boolean
  /** The name of the field that holds the servers; not always the one that the client reads. */
  readonly servers: string
  readonly key: string
  readonly entry: JsonObject
  /** Where a running server is; absent where the entry starts one. */
  readonly url: string | undefined
  /** What the client starts; absent for a running server, and for an entry that the client does not read. */
  readonly launch: Launch | undefined
}

/** Every server in the files of known clients, and what is wrong with the files themselves. */
export function readClientFiles(context: CommandContext): { entries: ClientEntry[]; problems: CheckResult[] } {
  const entries: ClientEntry[] = []
  const problems: CheckResult[] = []
  const { isAbsolute } = pathsOf(context)
  for (const id of CLIENT_IDS) {
    const client = findClient(id)
    // A relative HOME would make a project's files the user's own.
    const own = findConfigFiles({ files: { ...client.files, project: [] } }, context).filter((path) => isAbsolute(path))
    for (const path of findConfigFiles(client, context).filter((path) => existsSync(path))) {
      const file = readClientFile(client, path)
      if (file.ok)
        for (const found of findServers(file.value)) {
          const url = readUrl(found.entry)
          const launch = url === undefined ? readLaunch(client, found.entry) : undefined
          entries.push({ ...found, id, client, path, isUsers: own.includes(path), url, launch })
        }
      else problems.push(error(client.title, `${path} ${file.problem}`, file.fix))
    }
  }
  return { entries, problems }
}

function readUrl({ url, serverUrl, httpUrl }: JsonObject): string | undefined {
  return [url, serverUrl, httpUrl].find((value) => typeof value === 'string')
}

const MAX_KIB = 10_240

type ClientFile =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly problem: string; readonly fix: string }

/** Parses a file as strictly as its client does. No message repeats any of it, since it contains secrets of others. */
function readClientFile({ title, format, allowsComments = false }: McpClient, path: string): ClientFile {
  const ignored = `${title} ignores the whole file.`
  let text: string
  try {
    text = readRegularFile(path, statSync(path), MAX_KIB).toString()
  } catch (error) {
    return { ok: false, problem: `cannot be read (${codeOf(error)})`, fix: `Correct that: ${ignored}` }
  }
  if (text.startsWith('\ufeff') && !allowsComments)
    return {
      ok: false,
      problem: 'starts with a byte-order mark',
      fix: `Save it as UTF-8 without BOM before you start ${title}, which ignores the whole file otherwise.`,
    }
  const invalid = (format: string, what: string, line: number, column: number): ClientFile => ({
    ok: false,
    problem: `is not valid ${format}: ${what} in line ${line}, column ${column}`,
    fix: `Correct that line: ${ignored}`,
  })
  try {
    if (format === 'toml') return { ok: true, value: parseToml(text) }
    const errors: ParseError[] = []
    const options = { disallowComments: !allowsComments, allowTrailingComma: allowsComments }
    const value: unknown = parseJson(text.replace(/^\ufeff/, ''), errors, options)
    const [first] = errors
    if (!first) return { ok: true, value }
    const before = text.slice(0, first.offset).split('\n')
    const what = printParseErrorCode(first.error)
      .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
      .toLowerCase()
    return invalid('JSON', what, before.length, (before.at(-1)?.length ?? 0) + 1)
  } catch (problem) {
    if (problem instanceof TomlError) return invalid('TOML', 'syntax error', problem.line, problem.column)
    if (problem instanceof RangeError)
      return { ok: false, problem: 'is nested too deep', fix: `Replace it: ${ignored}` }
    throw problem
  }
}

/** Every name that a client has for its servers. */
const SERVER_FIELDS = new Set(CLIENT_IDS.map((id) => findClient(id).servers))
/** Deeper than the configuration of any client. */
const MAX_DEPTH = 32

/** Every server of the file; some clients keep those of a project further down in it. */
function findServers(value: unknown, depth = 0): Pick<ClientEntry, 'servers' | 'key' | 'entry'>[] {
  if (depth > MAX_DEPTH || !isObject(value)) return []
  return Object.entries(value).flatMap(([field, inner]) =>
    SERVER_FIELDS.has(field)
      ? Object.entries(asObject(inner)).map(([key, entry]) => ({ servers: field, key, entry: asObject(entry) }))
      : findServers(inner, depth + 1),
  )
}
