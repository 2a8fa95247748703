import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { closestMatch } from 'leven'
import { asObject, type JsonObject } from '../../operations/operation.ts'
import { NAME } from '../../version.ts'
import type { CommandContext } from '../config/command-line.ts'
import type { Launch, McpClient } from '../print-config/clients.ts'

/** The strings of command and arguments, cut into words. */
export function readWords({ command, args }: JsonObject): string[] {
  const texts = [command, args].flat().filter((word) => typeof word === 'string')
  return texts.flatMap((text) => text.split(/\s+/))
}

/** The name of a package as it is written, when it is ours or nearly so. */
export function findPackage(word: string): string | undefined {
  const [name = ''] = (word.split(/[\\/]/).at(-1) ?? '').split('@')
  const plain = name.replace(/\.(js|cmd)$/, '')
  return closestMatch(plain, [NAME], { maxDistance: 4 }) === undefined ? undefined : plain
}

/** What the client starts; `undefined` when the entry does not have the client's form. */
export function readLaunch(client: McpClient, entry: JsonObject): Launch | undefined {
  const [command, ...args] = readCommand(client, entry) ?? []
  const { [envField(client)]: env = {} } = entry
  const texts = Object.values(asObject(env))
  const isMisplaced = ['env', 'environment'].some((field) => field !== envField(client) && field in entry)
  if (command === undefined || isMisplaced || texts.some((value) => typeof value !== 'string')) return undefined
  return { command, args, env: asObject(env) as Record<string, string> } // just checked
}

function readCommand(client: McpClient, { command, args }: JsonObject): string[] | undefined {
  const isOneList = Array.isArray(sampleEntry(client).command)
  const words = isOneList
    ? command
    : [command, ...(Array.isArray(args) ? args : args === undefined ? [] : [args, null])]
  const isForm = Array.isArray(words) && (!isOneList || args === undefined)
  return isForm && words.every((word) => typeof word === 'string') ? words : undefined
}

/** The client's own form, from its record. */
function sampleEntry(client: McpClient): JsonObject {
  return client.stdioEntry({ command: 'npx', args: ['-y'], env: { NAME: 'value' } })
}

/** Where the client keeps the variables of a server. */
export function envField(client: McpClient): string {
  return 'environment' in sampleEntry(client) ? 'environment' : 'env'
}

/** Whether a command is npx, node or this program, with this package. */
export function startsThisPackage({ command, args }: Launch, platform: NodeJS.Platform): boolean {
  const [program = '', ...rest] =
    platform === 'win32' && /^cmd(\.exe)?$/i.test(command) && args[0] === '/c' ? args.slice(1) : [command, ...args]
  const name = program
    .split(/[\\/]/)
    .at(-1)
    ?.replace(/\.(exe|cmd)$/i, '')
  if (name === NAME) return true
  if (name === 'node') return findPackage(rest[0] ?? '') === NAME && (rest[0] ?? '').endsWith('.js')
  const [first = ''] = rest.filter((word) => !['-y', '--yes', '-q', '--quiet'].includes(word))
  return name === 'npx' && (first === NAME || first.startsWith(`${NAME}@`))
}

/** Without the options, which may contain anything. */
export function describeLaunch({ command, args }: Launch): string {
  return [command, ...args.slice(0, args.findIndex((word) => findPackage(word)) + 1)].join(' ')
}

export function findCommand(command: string, { environment, platform }: CommandContext): boolean {
  const names = platform === 'win32' ? [command, `${command}.cmd`, `${command}.exe`] : [command]
  const directories = isAbsolute(command) ? [''] : (environment.PATH ?? environment.Path ?? '').split(delimiter)
  return directories.some((directory) => names.some((name) => isExecutable(join(directory, name))))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
