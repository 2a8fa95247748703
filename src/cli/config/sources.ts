import { lstatSync, readFileSync } from 'node:fs'
import { UsageError } from './command-line.ts'

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

// The explicit file may set what belongs to this program, and nothing else.
const ENV_FILE_NAMES = /^(METRONOME_\w+|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$/

/** Reads `--env-file` and `.env`. Throws {@link UsageError} when the former cannot be read. */
export async function loadSources(environment: Variables, envFile: string | undefined): Promise<Sources> {
  return {
    environment,
    envFile: envFile === undefined ? {} : await loadEnvFile(envFile),
    dotEnv: await loadDotEnv(),
    readFile: (path) => decode(readFileSync(path)),
  }
}

async function loadEnvFile(path: string): Promise<Variables> {
  const variables = await parseVariables(readNamedFile('--env-file', () => decode(readFileSync(path))))
  return Object.fromEntries(Object.entries(variables).filter(([name]) => ENV_FILE_NAMES.test(name)))
}

async function loadDotEnv(): Promise<Variables> {
  const text = readOptionalFile('.env')
  return text ? await parseVariables(text) : {}
}

const MAX_OPTIONAL_BYTES = 64 * 1024

/** Whatever the working directory has under this name, a FIFO or a huge file, it never prevents a start. */
function readOptionalFile(path: string): string | undefined {
  try {
    const stats = lstatSync(path)
    return stats.isFile() && stats.size <= MAX_OPTIONAL_BYTES ? decode(readFileSync(path)) : undefined
  } catch {
    return undefined
  }
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
export function readNamedFile<Content>(name: string, read: () => Content): Content {
  try {
    return read()
  } catch (error) {
    const { code = 'unreadable' } = error as { code?: string } // errors of node:fs have a code
    throw new UsageError(`${name} names a file that cannot be read (${code}); correct the path.`, { cause: error })
  }
}

/** The variables that count, with those of the environment first. An empty variable counts as absent. */
export function mergeVariables({ environment, envFile }: Sources): Variables {
  const present = Object.entries(environment).filter(([, value]) => value?.trim())
  return { ...envFile, ...Object.fromEntries(present) }
}
