import { lstatSync, readFileSync, type Stats, statSync } from 'node:fs'
import { codeOf } from '../../thrown.ts'
import { findPathProblem } from './setting-text.ts'
import { UsageError } from './usage-error.ts'

export type Variables = Readonly<Record<string, string | undefined>>

/** Where the configuration comes from, besides the command line. */
export interface Sources {
  readonly environment: Variables
  /** Variables of `--env-file`; the environment takes precedence. */
  readonly envFile: Variables
  /** Variables of `.env` in the working directory; only its API key is used. */
  readonly dotEnv: Variables
  readonly readFile: (path: string) => string
}

/** Reads `--env-file` and `.env`. Throws {@link UsageError} when the former cannot be read. */
export async function loadSources(environment: Variables, envFile: string | undefined): Promise<Sources> {
  // Through links: container secrets are links.
  const readFile = (path: string): string => decode(readRegularFile(path, statSync(path)))
  return {
    environment,
    envFile: envFile === undefined ? {} : await parseVariables(readNamedFile('--env-file', envFile, readFile)),
    dotEnv: await loadDotEnv(),
    readFile,
  }
}

/** Whatever the working directory has under this name, a FIFO or a huge file, it never prevents a start. */
async function loadDotEnv(): Promise<Variables> {
  try {
    return await parseVariables(decode(readRegularFile('.env', lstatSync('.env'))))
  } catch {
    return {}
  }
}

/** Larger than any setting. */
const MAX_KIB = 64

/** Throws for what is no file or too large: a device could be read for ever, a pipe waited for. */
export function readRegularFile(path: string, stats: Stats, maxKib = MAX_KIB): Buffer {
  if (!stats.isFile()) throw unreadable('not a regular file')
  if (stats.size > maxKib * 1024) throw unreadable(`larger than ${maxKib} KiB`)
  return readFileSync(path)
}

function unreadable(code: string): Error {
  return Object.assign(new Error(code), { code })
}

/** UTF-8, or UTF-16 by its byte-order mark, which PowerShell writes. */
function decode(bytes: Buffer): string {
  const [first, second] = bytes
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8'
  return new TextDecoder(encoding).decode(bytes)
}

async function parseVariables(text: string): Promise<Variables> {
  // The bundle gives a CommonJS package no other export than its default.
  const { default: dotenv } = await import('dotenv')
  return dotenv.parse(text)
}

/** Reads a file that an option or variable names. Throws {@link UsageError} when that fails. */
export function readNamedFile<Content>(name: string, path: string, readFile: (path: string) => Content): Content {
  const problem = findPathProblem(path)
  if (problem) throw new UsageError(`${name} ${problem}.`)
  try {
    return readFile(path)
  } catch (error) {
    const code = codeOf(error) ?? 'unreadable'
    throw new UsageError(`${name} names a file that cannot be read (${code}); correct the path.`, { cause: error })
  }
}
