import { existsSync, readFileSync } from 'node:fs'
import { UsageError } from '../usage-error.ts'
import type { Sources, Variables } from './sources.ts'

// The explicit file may set what belongs to this program and nothing else.
const ENV_FILE_NAMES = /^(METRONOME_\w+|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$/

/** Reads `--env-file` and `.env`; everything else comes from the environment. */
export async function loadSources(environment: Variables, envFile: string | undefined): Promise<Sources> {
  return {
    environment,
    envFile: envFile === undefined ? {} : await loadEnvFile(envFile),
    dotEnv: existsSync('.env') ? await loadVariables('.env').catch(() => ({})) : {},
    readFile: (path) => readFileSync(path, 'utf8'),
  }
}

async function loadEnvFile(path: string): Promise<Variables> {
  try {
    const variables = await loadVariables(path)
    return Object.fromEntries(Object.entries(variables).filter(([name]) => ENV_FILE_NAMES.test(name)))
  } catch (error) {
    const { code = 'unreadable' } = error as { code?: string } // errors of node:fs carry a code
    throw new UsageError(`--env-file names a file that cannot be read (${code}); correct the path.`)
  }
}

async function loadVariables(path: string): Promise<Variables> {
  const { parse } = await import('dotenv')
  return parse(readFileSync(path))
}
