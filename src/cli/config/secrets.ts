import { isUnexpanded, UNEXPANDED } from './setting-text.ts'
import { readNamedFile, type Sources, type Variables } from './sources.ts'
import { attempt, takeAll, UsageError } from './usage-error.ts'

/** Stands for the API key in configuration snippets. */
export const KEY_PLACEHOLDER = 'YOUR_METRONOME_API_KEY'
/** Stands for the bearer token in configuration snippets. */
export const TOKEN_PLACEHOLDER = 'YOUR_METRONOME_MCP_AUTH_TOKEN'

const MIN_KEY_CHARACTERS = 8
export const MIN_TOKEN_CHARACTERS = 32
const GENERATE_TOKEN = 'openssl rand -hex 32'

export interface ApiKey {
  readonly apiKey: string | undefined
  /** The variable or file that the key came from. */
  readonly apiKeySource: string | undefined
}

const DOT_ENV = 'METRONOME_API_KEY of .env'

export const NO_KEY: ApiKey = { apiKey: undefined, apiKeySource: undefined }

/** Finds the API key; the first source that has one wins. A missing key is no error: the tools can be listed without. */
export function readApiKey({ environment, envFile, dotEnv, readFile }: Sources, warnings: string[]): ApiKey {
  const candidates: [source: string, read: () => string | undefined][] = [
    ...keyVariables(environment, readFile, ''),
    ...keyVariables(envFile, readFile, ' of --env-file'),
    // A third party may have planted the .env: it can supply a key, but not where a key is sent.
    [DOT_ENV, () => dotEnv.METRONOME_API_KEY],
  ]
  for (const [apiKeySource, read] of candidates) {
    const apiKey = read()?.trim()
    if (!apiKey) continue
    const problem = findKeyProblem(apiKey)
    if (!problem) return { apiKey, apiKeySource }
    const message = `${apiKeySource} ${problem}; copy the API key from Metronome again.`
    // Whatever a working directory has in .env, it does not prevent a start.
    if (apiKeySource !== DOT_ENV) throw new UsageError(message)
    warnings.push(message)
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
      () => (path ? readNamedFile('METRONOME_API_KEY_FILE', path, readFile) : undefined),
    ],
  ]
}

/** Whether the text can be an API key at all. */
export function isKey(text: string): boolean {
  return findKeyProblem(text) === undefined
}

function findKeyProblem(text: string): string | undefined {
  return findSecretProblem(text, MIN_KEY_CHARACTERS)
}

/** Why a text cannot be a secret at all; never repeats any of it. */
function findSecretProblem(text: string, minCharacters: number): string | undefined {
  if (/^(["'`]).*\1$/.test(text)) return 'has quotes around it'
  if (isUnexpanded(text)) return UNEXPANDED
  if (text === KEY_PLACEHOLDER || text === TOKEN_PLACEHOLDER || /^<.*>$/.test(text)) return 'is a placeholder'
  if (/\s/.test(text)) return 'contains white space'
  if (!/^[\x21-\x7e]+$/.test(text)) return 'contains control or non-ASCII characters'
  if (text === 'undefined') return 'is a placeholder'
  return text.length < minCharacters ? `is shorter than ${minCharacters} characters` : undefined
}

/** The bearer tokens that callers may send, of both variables. Throws {@link UsageError} for what cannot be one. */
export function readTokens(variables: Variables, readFile: Sources['readFile']): string[] {
  const token = variables.METRONOME_MCP_AUTH_TOKEN?.trim()
  const path = variables.METRONOME_MCP_AUTH_TOKEN_FILE?.trim()
  const { own, ofFile } = takeAll({
    own: attempt(() => (token ? [checkToken('METRONOME_MCP_AUTH_TOKEN', token)] : [])),
    ofFile: attempt(() => (path ? readTokenFile(path, readFile) : [])),
  })
  return [...own, ...ofFile]
}

/** One token per line: while a token is replaced, the old and the new one are both accepted. */
function readTokenFile(path: string, readFile: Sources['readFile']): string[] {
  const name = 'METRONOME_MCP_AUTH_TOKEN_FILE'
  const lines = readNamedFile(name, path, readFile).split('\n')
  const tokens = lines.flatMap((line, index) => {
    const token = line.trim()
    return token ? checkToken(`Line ${index + 1} of ${name}`, token) : []
  })
  if (tokens.length > 0) return tokens
  throw new UsageError(`${name} names a file without a token; generate one with: ${GENERATE_TOKEN}`)
}

function checkToken(source: string, token: string): string {
  const problem = findSecretProblem(token, MIN_TOKEN_CHARACTERS)
  if (!problem) return token
  throw new UsageError(`${source} ${problem}; generate a token with: ${GENERATE_TOKEN}`)
}
