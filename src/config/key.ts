import { UsageError } from '../program-error.ts'
import type { Sources, Variables } from './sources.ts'

const MIN_KEY_CHARACTERS = 8

export interface FoundKey {
  readonly key: string | undefined
  readonly source: string | undefined
}

export const NO_KEY: FoundKey = { key: undefined, source: undefined }

/** Finds the API key; the first place that holds one wins. No key is no error: the tools can be listed without. */
export function readKey({ environment, envFile, dotEnv, readFile }: Sources): FoundKey {
  const places: [source: string, find: () => string | undefined][] = [
    ...keyVariables(environment, readFile, ''),
    ...keyVariables(envFile, readFile, ' of --env-file'),
    // A stranger's folder may hold a planted .env: it can give a key, but never say where a key goes.
    ['METRONOME_API_KEY of .env', () => dotEnv.METRONOME_API_KEY],
  ]
  for (const [source, find] of places) {
    const key = find()?.trim()
    if (key) return { key: checkKey(key, source), source }
  }
  return NO_KEY
}

function keyVariables(
  variables: Variables,
  readFile: Sources['readFile'],
  suffix: string,
): [string, () => string | undefined][] {
  return [
    [`METRONOME_API_KEY${suffix}`, () => variables.METRONOME_API_KEY],
    [`METRONOME_BEARER_TOKEN${suffix}`, () => variables.METRONOME_BEARER_TOKEN],
    [`METRONOME_API_KEY_FILE${suffix}`, () => readKeyFile(variables.METRONOME_API_KEY_FILE?.trim(), readFile)],
  ]
}

function readKeyFile(path: string | undefined, readFile: Sources['readFile']): string | undefined {
  if (!path) return undefined
  try {
    return readFile(path)
  } catch (error) {
    const { code = 'unreadable' } = error as { code?: string } // errors of node:fs carry a code
    throw new UsageError(
      `METRONOME_API_KEY_FILE names a file that cannot be read (${code}); correct the path or unset it.`,
    )
  }
}

/** Throws when the text cannot be a key; never repeats any of it. */
function checkKey(key: string, source: string): string {
  const fault = findFault(key)
  if (fault) throw new UsageError(`${source} ${fault}; copy the API key from Metronome again.`)
  return key
}

/** Whether the text can be a key at all. */
export function canBeKey(text: string): boolean {
  return findFault(text) === undefined
}

function findFault(key: string): string | undefined {
  if (/\s/.test(key)) return 'has white space inside'
  if (!/^[\x21-\x7e]+$/.test(key)) return 'has control or non-ASCII characters'
  return key.length < MIN_KEY_CHARACTERS ? `is shorter than ${MIN_KEY_CHARACTERS} characters` : undefined
}
