import { findHiddenTools } from '../access.ts'
import { readAccessConfig, readEnvironmentName } from '../config/access-config.ts'
import {
  type Command,
  type OptionSpecs,
  type OptionValues,
  parseCommandLine,
  UsageError,
} from '../config/command-line.ts'
import { buildCommandHelp } from '../help-format.ts'
import { findNearest } from '../suggest.ts'
import { CLIENT_IDS, type ClientId, findClient, findConfigFiles, HTTP_URL } from './clients.ts'
import { buildInstallLink, buildSnippet } from './snippet.ts'

const WITH_LINK = CLIENT_IDS.filter((id) => findClient(id).installLink)

const OPTIONS = {
  help: { type: 'boolean', short: 'h', description: 'print this help' },
  sandbox: { type: 'boolean', description: 'add --sandbox' },
  'read-only': { type: 'boolean', description: 'add --read-only' },
  'confirm-archives': { type: 'boolean', description: 'add --confirm-archives' },
  tools: { type: 'string', placeholder: 'A,B', description: 'add --tools' },
  'exclude-tools': { type: 'string', placeholder: 'A,B', description: 'add --exclude-tools' },
  environment: { type: 'string', placeholder: 'NAME', description: 'add --environment' },
  http: { type: 'boolean', description: 'connect to a running --http server' },
  url: {
    type: 'string',
    placeholder: 'URL',
    requires: ['http'],
    description: `address of that server (default ${HTTP_URL}); any other gets a placeholder for a token`,
  },
  clone: { type: 'boolean', description: 'start this copy of the program with node, instead of npx' },
  windows: { type: 'boolean', description: 'wrap npx in cmd /c (default on Windows)' },
  link: { type: 'boolean', description: `print an install link instead (${WITH_LINK.join(', ')})` },
} as const satisfies OptionSpecs

const DESCRIPTION = `Prints the configuration snippet for an MCP client: ${CLIENT_IDS.join(', ')}.`

export const printConfig: Command = async (argv, { platform, stdout, stderr, ...context }) => {
  const { options, positionals } = parseCommandLine(argv, OPTIONS, 1)
  if (options.help) {
    stdout(buildCommandHelp('print-config CLIENT [options]', DESCRIPTION, OPTIONS))
    return 0
  }
  const client = findClient(readClientId(positionals[0]))
  const { sandbox, http, windows = platform === 'win32' } = options
  const access = readAccessArguments(options)
  if (http && access.length > 0)
    throw new UsageError('--http connects to a running server, which has its own access options; omit them here.')
  if (options.link) {
    const ignored = (['http', 'windows', 'clone'] as const).find((name) => options[name])
    if (ignored) throw new UsageError(`--link and --${ignored} are mutually exclusive; use one of them.`)
    const link = buildInstallLink(client, { sandbox, access })
    if (link === undefined) throw new UsageError(`${client.title} has no install link; omit --link.`)
    stdout(`${link}\n`)
    return 0
  }
  const program = options.clone ? context.program : undefined
  const snippet = buildSnippet(client, {
    sandbox,
    http: http ? readServer(options.url) : undefined,
    windows,
    access,
    program,
  })
  if (snippet === undefined)
    throw new UsageError(`${client.title} cannot connect to a local server over HTTP; omit --http.`)
  stdout(snippet)
  const machine = options.windows && platform !== 'win32' ? ANOTHER_WINDOWS : { platform, ...context }
  stderr(`Merge it into ${findConfigFiles(client, machine)[0]} and restart ${client.title}.\n`)
  return 0
}

const ANOTHER_WINDOWS = {
  platform: 'win32',
  environment: { APPDATA: '%APPDATA%' },
  home: '%USERPROFILE%',
  cwd: '.',
} as const

/** A server on this machine needs no token by default. */
function readServer(url = HTTP_URL): { url: string; needsToken: boolean } {
  if (!URL.canParse(url)) throw new UsageError('--url must be a URL such as https://mcp.example.com/mcp.')
  return { url, needsToken: url !== HTTP_URL }
}

/** The access options for the server, checked as the server does. */
function readAccessArguments(options: OptionValues<typeof OPTIONS>): string[] {
  const { readOnly, confirmArchives, tools, excludeTools } = options
  const config = readAccessConfig({ readOnly, tools, excludeTools }, {})
  if (config) findHiddenTools(config)
  const environment = readEnvironmentName({ environment: options.environment }, {})
  return [
    ...(readOnly ? ['--read-only'] : []),
    ...(confirmArchives ? ['--confirm-archives'] : []),
    ...(tools ? ['--tools', tools] : []),
    ...(excludeTools ? ['--exclude-tools', excludeTools] : []),
    ...(environment ? ['--environment', environment] : []),
  ]
}

function readClientId(text: string | undefined): ClientId {
  const id = CLIENT_IDS.find((known) => known === text)
  if (id) return id
  const nearest = text && findNearest(text, CLIENT_IDS)
  throw new UsageError(
    `print-config requires a client${nearest ? `; did you mean ${nearest}?` : `: ${CLIENT_IDS.join(', ')}.`}`,
  )
}
