import { LOG_FORMATS } from '../../log.ts'
import { type OptionSpecs, type OptionValues, type ReadCommandLine, readCommandLine } from './command-line.ts'
import { MIN_TOKEN_CHARACTERS } from './secrets.ts'

export const MAX_PORT = 65_535

/** The options of the server. Parsing, help and documentation follow from this table. */
export const OPTIONS = {
  help: { type: 'boolean', short: 'h', description: 'print this help' },
  version: { type: 'boolean', short: 'v', description: 'print the version' },
  'env-file': {
    type: 'string',
    placeholder: 'PATH',
    description: 'read METRONOME_* and proxy variables from a file; the environment takes precedence',
  },
  'log-format': {
    type: 'string',
    placeholder: 'FORMAT',
    choices: LOG_FORMATS,
    default: 'text',
    description: 'log format on stderr: text or json',
  },
  'read-only': { type: 'boolean', group: 'Access', description: 'offer only the tools that read' },
  tools: {
    type: 'string',
    group: 'Access',
    placeholder: 'A,B',
    description: 'offer only these tools: names, or the groups reads, writes, irreversible',
  },
  'exclude-tools': {
    type: 'string',
    group: 'Access',
    placeholder: 'A,B',
    description: 'offer all but these tools; takes precedence over --tools',
  },
  environment: {
    type: 'string',
    group: 'Access',
    placeholder: 'NAME',
    description: 'label of the Metronome environment, such as production, for clients and models',
  },
  'confirm-archives': {
    type: 'boolean',
    group: 'Access',
    description: 'ask in a form of the client before anything is archived; see docs/safety.md',
  },
  'audit-log': {
    type: 'string',
    group: 'Access',
    placeholder: 'FILE',
    description: 'append a line before and after every write, and one for each dashboard link; see docs/audit-log.md',
  },
  sandbox: {
    type: 'boolean',
    group: 'Sandbox',
    description: 'use an in-memory Metronome: no account, no API key, no network',
  },
  'sandbox-faults': {
    type: 'string',
    group: 'Sandbox',
    placeholder: 'SPEC',
    requires: ['sandbox'],
    description:
      'inject faults: comma-separated NAME[:ATTEMPTS][@reads|@writes|@all], ATTEMPTS such as 2, 5% or 15th; see docs/sandbox.md',
  },
  'sandbox-seed': {
    type: 'integer',
    group: 'Sandbox',
    placeholder: 'N',
    max: 999_999_999_999_999,
    default: 1,
    requires: ['sandbox-faults'],
    description: 'seed for rates and the random fault',
  },
  http: {
    type: 'boolean',
    group: 'HTTP and REST',
    description: 'serve MCP over HTTP at /mcp instead of stdio',
  },
  rest: {
    type: 'boolean',
    group: 'HTTP and REST',
    description: 'serve the operations as a REST API, described at /openapi.json; beside stdio or --http',
  },
  host: {
    type: 'string',
    group: 'HTTP and REST',
    placeholder: 'ADDRESS',
    default: '127.0.0.1',
    requires: ['http', 'rest'],
    description: 'address to bind; any address but loopback requires a token or --passthrough',
  },
  port: {
    type: 'integer',
    group: 'HTTP and REST',
    placeholder: 'N',
    max: MAX_PORT,
    default: 9090,
    requires: ['http'],
    description: 'port of --http',
  },
  'rest-port': {
    type: 'integer',
    group: 'HTTP and REST',
    placeholder: 'N',
    max: MAX_PORT,
    default: 8080,
    requires: ['rest'],
    description: 'port of --rest',
  },
  'allowed-hosts': {
    type: 'string',
    group: 'HTTP and REST',
    placeholder: 'A,B',
    requires: ['http', 'rest'],
    description: 'additional allowed Host names, such as that of a reverse proxy',
  },
  passthrough: {
    type: 'boolean',
    group: 'HTTP and REST',
    requires: ['http', 'rest'],
    description: "forward each caller's bearer token as its Metronome API key",
  },
  'keep-alive-seconds': {
    type: 'integer',
    group: 'HTTP and REST',
    placeholder: 'N',
    // Node takes 0 for no limit.
    min: 1,
    max: 3_600,
    default: 65,
    requires: ['http', 'rest'],
    description: 'how long an idle connection stays open; longer than the load balancer keeps it',
  },
  'drain-ms': {
    type: 'integer',
    group: 'HTTP and REST',
    placeholder: 'N',
    max: 600_000,
    default: 5_000,
    // Beside stdio, the process ends as stdio does.
    requires: ['http'],
    description: 'shutdown grace period in ms',
  },
} as const satisfies OptionSpecs

/** What was given on the command line of the server. */
export type Options = OptionValues<typeof OPTIONS>

export function readOptions(argv: readonly string[]): ReadCommandLine<typeof OPTIONS> {
  return readCommandLine(argv, OPTIONS)
}

export interface VariableSpec {
  readonly description: string
  readonly default?: string | number
  readonly min?: number
  readonly max?: number
}

/** The environment variables. Proxy variables are read in lower case too. */
export const VARIABLES = {
  METRONOME_API_KEY: { description: 'Metronome API key' },
  METRONOME_BEARER_TOKEN: { description: "the same; the name that Metronome's SDKs use" },
  METRONOME_API_KEY_FILE: { description: 'path of a file that contains the API key' },
  METRONOME_BASE_URL: {
    description: 'https, or http on loopback; without credentials',
    default: 'https://api.metronome.com',
  },
  METRONOME_TIMEOUT_MS: {
    description: 'time limit of a call in ms, including retries and verification',
    min: 1_000,
    max: 600_000,
    default: 45_000,
  },
  METRONOME_READ_ONLY: { description: 'true or false; as --read-only' },
  METRONOME_TOOLS: { description: 'as --tools; with both, a tool must be in both' },
  METRONOME_EXCLUDE_TOOLS: { description: 'as --exclude-tools; with both, either excludes' },
  METRONOME_ENVIRONMENT: { description: 'as --environment; two different names are an error' },
  METRONOME_CONFIRM_ARCHIVES: { description: 'true or false; as --confirm-archives' },
  METRONOME_AUDIT_LOG: { description: 'as --audit-log' },
  METRONOME_LOG: {
    description: 'log level: debug, info (default with --http), warn, error or off',
    default: 'warn',
  },
  METRONOME_MCP_AUTH_TOKEN: {
    description: `bearer token that callers over HTTP and REST must send, at least ${MIN_TOKEN_CHARACTERS} characters`,
  },
  METRONOME_MCP_AUTH_TOKEN_FILE: {
    description: 'path of a file of such tokens, one per line; accepted besides METRONOME_MCP_AUTH_TOKEN',
  },
  HTTPS_PROXY: { description: 'proxy for requests to Metronome; loopback is never proxied' },
  HTTP_PROXY: { description: 'the same for http addresses' },
  NO_PROXY: { description: 'hosts that are reached without the proxy' },
} as const satisfies Readonly<Record<string, VariableSpec>>
