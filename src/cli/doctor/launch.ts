import { statSync } from 'node:fs'
import { basename, delimiter, dirname, isAbsolute, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { closestMatch } from 'leven'
import { asObject, type JsonObject } from '../../operations/json.ts'
import { createRedactor, escapeInvisible, quoteUntrusted } from '../../sanitize.ts'
import { NAME } from '../../version.ts'
import type { CommandContext } from '../config/command-line.ts'
import { quoteSetting } from '../config/setting-text.ts'
import type { Launch, McpClient } from '../print-config/clients.ts'

/** The strings of command and arguments, cut into words. */
export function readWords({ command, args }: JsonObject): string[] {
  const texts = [command, args].flat().filter((word) => typeof word === 'string')
  return texts.flatMap((text) => text.split(/\s+/))
}

/** The name of a package as it is written, when it is ours or nearly so. */
export function findPackage(word: string): string | undefined {
  const [name = ''] = readBase(word).split('@')
  const plain = name.replace(/\.(js|cmd)$/, '')
  return closestMatch(plain, [NAME], { maxDistance: 4 }) === undefined ? undefined : plain
}

const FIELDS = ['command', 'args', 'env', 'environment']

/** What the client starts; `undefined` when the entry is not as the client itself would have it. */
export function readLaunch(client: McpClient, entry: JsonObject): Launch | undefined {
  const words = [entry.command, entry.args ?? []].flat()
  const env = asObject(entry.env ?? entry.environment)
  if (![...words, ...Object.values(env)].every((value) => typeof value === 'string')) return undefined
  const [command = '', ...args] = words as string[] // just checked
  const launch = { command, args, env: env as Record<string, string> } // just checked
  const written = client.stdioEntry(launch)
  return FIELDS.every((field) => isSame(written[field], entry[field])) ? launch : undefined
}

function isSame(one: unknown, other: unknown): boolean {
  const isEmpty = [one, other].every((value) => Object.keys(Object(value)).length === 0)
  return isEmpty || isDeepStrictEqual(one, other)
}

/** Whether a command is npx, node or this program, by its name or whole path, with this package. */
export function startsThisPackage({ command, args }: Launch, platform: NodeJS.Platform): boolean {
  const [program = '', ...rest] =
    platform === 'win32' && /^cmd(\.exe)?$/i.test(command) && args[0] === '/c' ? args.slice(1) : [command, ...args]
  const name = readProgramName(program)
  if (/[\\/]/.test(program) && !isAbsolute(program)) return false
  if (name === NAME) return true
  if (name === 'node') return findPackage(rest[0] ?? '') === NAME && (rest[0] ?? '').endsWith('.js')
  const [first = ''] = rest.filter((word) => !['-y', '--yes', '-q', '--quiet'].includes(word))
  return name === 'npx' && (first === NAME || first.startsWith(`${NAME}@`))
}

export function readProgramName(command: string): string {
  return readBase(command).replace(/\.(exe|cmd)$/i, '')
}

/** Whether there is a file that a command starts. */
export function isInPath(command: string, { environment, platform }: CommandContext): boolean {
  const names = platform === 'win32' ? [`${command}.cmd`, `${command}.exe`, command] : [command]
  const directories = isAbsolute(command) ? [''] : (environment.PATH ?? environment.Path ?? '').split(delimiter)
  return directories.some((directory) => names.some((name) => isFile(join(directory, name))))
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile()
  } catch {
    return false
  }
}

/** Shorter ones are no secret, and would hide parts of words. */
const MIN_HIDDEN = 3

/** Text of a server for the report: every value of its entry is replaced, and of a path the last part is left. */
export function quoteOutput(text: string, { args, env }: Pick<Launch, 'args' | 'env'>): string {
  const file = args.find((word) => findPackage(word)) ?? NAME
  const values = [...args.filter((word) => word !== file).map(readValue), ...Object.values(env)]
  // Messages show a whole value, one of a list, or its beginning, with invisible characters escaped.
  const parts = values.flatMap((value) => [value, ...value.split(/[\s,]+/)])
  const shown = parts.flatMap((part) => [part, escapeInvisible(part), quoteSetting(part).slice(1, -1)])
  const redact = createRedactor(shown.filter((value) => value.length >= MIN_HIDDEN))
  const directory = dirname(file)
  const named = text.replaceAll(file, readBase(file))
  return quoteUntrusted(cutDirectories(redact(directory.length < MIN_HIDDEN ? named : named.replaceAll(directory, ''))))
}

/** An option and its value may be one word; the name of an option is no value. */
function readValue(word: string): string {
  return word.startsWith('-') ? word.replace(/^[^=]*=?/, '') : word
}

function cutDirectories(text: string): string {
  return text.replace(/(file:\/\/|(?<![\w:/])([A-Za-z]:)?)[\\/]([^\s'"`()\\/:]+[\\/])+/g, '')
}

function readBase(path: string): string {
  return basename(path.replaceAll('\\', '/'))
}
