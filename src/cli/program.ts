import { realpathSync } from 'node:fs'
import { basename, isAbsolute, relative } from 'node:path'
import { NAME } from '../version.ts'

/** This program as it was started. */
export interface Program {
  /** Its own file, without links. */
  readonly file: string
  /** Whether that is in a clone of the repository, and not in an installed package. */
  readonly isClone: boolean
  /** What starts it again in the same way, for texts that say what to run. */
  readonly invocation: string
}

/** `argument` is the second one of the process: the file, or a link to it that npm made. */
export function describeProgram(argument: string, cwd: string): Program {
  const file = realpathSync(argument)
  const isClone = !hasDirectory(file, 'node_modules')
  return { file, isClone, invocation: describeInvocation(argument, file, isClone, cwd) }
}

function describeInvocation(argument: string, file: string, isClone: boolean, cwd: string): string {
  const isOfNpx = hasDirectory(argument, '_npx') || hasDirectory(argument, '.bin')
  if (basename(argument) === NAME && !isOfNpx) return NAME
  if (!isClone) return isOfNpx ? `npx -y ${NAME}` : NAME
  const path = relative(cwd, file)
  return `node ${quote(path.startsWith('..') || isAbsolute(path) ? file : path)}`
}

function hasDirectory(path: string, name: string): boolean {
  return path.split(/[\\/]/).includes(name)
}

function quote(path: string): string {
  return /\s/.test(path) ? `"${path}"` : path
}

/** A word of a command line, for `cmd` or for a POSIX shell. */
export function quoteForShell(word: string, isWindows: boolean): string {
  // A backslash at the end would escape the quotation mark.
  if (isWindows)
    return /^[\w@+=:,./\\-]+$/.test(word) ? word : `"${word.replaceAll('"', '""').replace(/\\+$/, '$&$&')}"`
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

export interface StartCommand {
  readonly command: string
  readonly args: readonly string[]
}

/** With this a client starts the program: the file of a clone, or the package by npx. */
export function buildStartCommand({ file, isClone }: Omit<Program, 'invocation'>, isWindows = false): StartCommand {
  if (isClone) return { command: 'node', args: [file] }
  const args = ['-y', NAME]
  // On Windows, npx is a batch file, which only cmd starts.
  return isWindows ? { command: 'cmd', args: ['/c', 'npx', ...args] } : { command: 'npx', args }
}
