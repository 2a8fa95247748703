import { UsageError } from './command-line.ts'
import { readNamedFile, type Sources, type Variables } from './sources.ts'

/** Stands for the API key in configuration snippets. */
export const KEY_PLACEHOLDER = 'YOUR_METRONOME_API_KEY'

const MIN_KEY_CHARACTERS = 8
export const MIN_TOKEN_CHARACTERS = 32

export interface ApiKey {
  readonly apiKey: string | undefined
  /** The variable or file that the key came from. */
  readonly apiKeySource: string | undefined
}

export const NO_KEY: ApiKey = { apiKey: undefined, apiKeySource: undefined }

/** Finds the API key; the first source that has one wins. A missing key is no error: the tools can be listed without. */
export function readApiKey({ environment, envFile, dotEnv, readFile }: Sources): ApiKey {
  const candidates: [source: string, read: () => string | undefined][] = [
    ...keyVariables(environment, readFile, ''),
    ...keyVariables(envFile, readFile, ' of --env-file'),
    // A third party may have planted the .env: it can supply a key, but not where a key is sent.
    ['METRONOME_API_KEY of .env', () => dotEnv.METRONOME_API_KEY],
  ]
  for (const [apiKeySource, read] of candidates) {
    const apiKey = read()?.trim()
    if (!apiKey) continue
    const problem = findKeyProblem(apiKey)
    if (problem) throw new UsageError(`${apiKeySource} ${problem}; copy the API key from Metronome again.`)
    return { apiKey, apiKeySource }
  }
  return NO_KEY
}

function keyVariables(
  variables: Variables,
  readFile: Sources['readFile'],
  suffix: string,
): [string, () => string | undefined][] {
  const path = variables.METRONOME_API_KEY_FILE?.trim()
  return [
    [`METRONOME_API_KEY${suffix}`, () => variables.METRONOME_API_KEY],
    [`METRONOME_BEARER_TOKEN${suffix}`, () => variables.METRONOME_BEARER_TOKEN],
    [
      `METRONOME_API_KEY_FILE${suffix}`,
      () => (path ? readNamedFile('METRONOME_API_KEY_FILE', () => readFile(path)) : undefined),
    ],
  ]
}

/** Whether the text can be an API key at all. */
export function isKey(text: string): boolean {
  return findKeyProblem(text) === undefined
}

/** Never repeats any of the text. */
function findKeyProblem(text: string): string | undefined {
  if (/\s/.test(text)) return 'contains white space'
  if (!/^[\x21-\x7e]+$/.test(text)) return 'contains control or non-ASCII characters'
  return text.length < MIN_KEY_CHARACTERS ? `is shorter than ${MIN_KEY_CHARACTERS} characters` : undefined
}

/** The bearer token that callers must send; `undefined` when none is set. */
export function readToken(value: string | undefined): string | undefined {
  const token = value?.trim()
  if (!token) return undefined
  if (token.length >= MIN_TOKEN_CHARACTERS && /^[\x21-\x7e]+$/.test(token)) return token
  throw new UsageError(
    `METRONOME_MCP_AUTH_TOKEN must have at least ${MIN_TOKEN_CHARACTERS} printable ASCII characters and no spaces; generate one with: openssl rand -hex 32`,
  )
}
