import { readFileSync } from 'node:fs'
import { UsageError } from '../program-error.ts'
import type { Sources, Variables } from './sources.ts'

// The explicit file may set what belongs to this program and nothing else.
const ENV_FILE_NAMES = /^(METRONOME_\w+|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$/

/** Reads `--env-file` and `.env`; everything else comes from the environment. */
export async function loadSources(environment: Variables, envFile: string | undefined): Promise<Sources> {
  return {
    environment,
    envFile: envFile === undefined ? {} : await loadEnvFile(envFile),
    dotEnv: await loadDotEnv(),
    readFile: (path) => readFileSync(path, 'utf8'),
  }
}

/** Whatever a folder holds under this name, it is no reason not to start. */
async function loadDotEnv(): Promise<Variables> {
  try {
    return await parseVariables(readFileSync('.env'))
  } catch (error) {
    if ((error as { code?: string }).code) return {} // errors of node:fs carry a code
    throw error
  }
}

async function loadEnvFile(path: string): Promise<Variables> {
  const variables = await parseVariables(readEnvFile(path))
  return Object.fromEntries(Object.entries(variables).filter(([name]) => ENV_FILE_NAMES.test(name)))
}

function readEnvFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    const { code = 'unreadable' } = error as { code?: string } // errors of node:fs carry a code
    throw new UsageError(`--env-file names a file that cannot be read (${code}); correct the path.`)
  }
}

async function parseVariables(text: Buffer): Promise<Variables> {
  // The bundle gives a CommonJS package no other export than its default.
  const { default: dotenv } = await import('dotenv')
  return dotenv.parse(text)
}
