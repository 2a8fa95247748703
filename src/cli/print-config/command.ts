import { findHiddenTools } from '../access.ts'
import { readAccessConfig, readEnvironmentName } from '../config/access-config.ts'
import {
  type Command,
  type CommandContext,
  type OptionSpecs,
  type OptionValues,
  parseCommandLine,
} from '../config/command-line.ts'
import { UsageError } from '../config/usage-error.ts'
import { buildCommandHelp } from '../help-format.ts'
import { buildStartCommand, type Program } from '../program.ts'
import { findNearest } from '../suggest.ts'
import { CLIENT_IDS, type ClientId, findClient, findConfigFiles, HTTP_URL } from './clients.ts'
import { buildAddCommand, buildInstallLink, buildSnippet, type HttpServer } from './snippet.ts'

const WITH_COMMAND = CLIENT_IDS.filter((id) => findClient(id).addCommand)
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
  npx: { type: 'boolean', description: 'start the published package with npx, also when run from a clone' },
  windows: { type: 'boolean', description: 'for a Windows machine (default on Windows)' },
  file: {
    type: 'boolean',
    description: `print what belongs in the client's file, not its command (${WITH_COMMAND.join(', ')})`,
  },
  link: { type: 'boolean', description: `print an install link instead (${WITH_LINK.join(', ')})` },
} as const satisfies OptionSpecs

type Options = OptionValues<typeof OPTIONS>

const DESCRIPTION = `Prints the configuration for an MCP client: ${CLIENT_IDS.join(', ')}. For ${WITH_COMMAND.join(', ')} it is the client's own command. From a clone, the entry starts that clone.`

export const printConfig: Command = async (argv, { stdout, stderr, ...machine }) => {
  const { options, positionals } = parseCommandLine(argv, OPTIONS, 1)
  if (options.help) {
    stdout(buildCommandHelp(machine.program, 'print-config CLIENT [options]', DESCRIPTION, OPTIONS))
    return 0
  }
  const client = findClient(readClientId(positionals[0]))
  const isWindows = machine.platform === 'win32'
  const start = buildStartCommand(choosePackage(options, machine), options.windows ?? isWindows)
  const access = readAccessArguments(options)
  rejectMisfits(options, access, start.command === 'node' && !isWindows)
  const stdio = { kind: 'stdio', start, sandbox: options.sandbox, access } as const
  if (options.link) {
    const link = buildInstallLink(client, stdio)
    if (link === undefined) throw new UsageError(`${client.title} has no install link; omit --link.`)
    stdout(`${link}\n`)
    return 0
  }
  const server = options.http ? readServer(options.url) : stdio
  const snippet = buildSnippet(client, server)
  if (snippet === undefined)
    throw new UsageError(`${client.title} cannot connect to a local server over HTTP; omit --http.`)
  const command = options.file ? undefined : buildAddCommand(client, server, options.windows ?? isWindows)
  stdout(command ?? snippet)
  const [path] = findConfigFiles(client, options.windows && !isWindows ? OTHER_WINDOWS_MACHINE : machine)
  stderr(
    command
      ? `Run this command, then restart ${client.title}; --file prints what belongs in ${path} instead.\n`
      : `Merge it into ${path} and restart ${client.title}.\n`,
  )
  return 0
}

function choosePackage({ npx }: Options, { program }: Pick<CommandContext, 'program'>): Program {
  return npx ? { ...program, isClone: false } : program
}

/** Nothing that was given is ignored. */
function rejectMisfits(options: Options, access: readonly string[], isCloneElsewhere: boolean): void {
  const { http, link, windows, sandbox } = options
  if (http && (access.length > 0 || sandbox))
    throw new UsageError(
      '--http connects to a running server, which has its own sandbox and access options; omit them here.',
    )
  const misfit = (['http', 'file'] as const).find((name) => link && options[name]) ?? (http && options.npx && 'npx')
  if (misfit)
    throw new UsageError(`--${link ? 'link' : 'http'} and --${misfit} are mutually exclusive; use one of them.`)
  if (windows && isCloneElsewhere && !http)
    throw new UsageError('--windows is for another machine, which does not have this clone; add --npx.')
}

const OTHER_WINDOWS_MACHINE = { platform: 'win32', environment: {}, home: '%USERPROFILE%', cwd: '.' } as const

/** A server on this machine needs no token by default. */
function readServer(url = HTTP_URL): HttpServer {
  if (!URL.canParse(url)) throw new UsageError('--url must be a URL such as https://mcp.example.com/mcp.')
  return { kind: 'http', url, needsToken: url !== HTTP_URL }
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
  // One name may begin several.
  const longer = CLIENT_IDS.filter((known) => text && known.startsWith(`${text}-`))
  const nearest = longer.length > 0 ? longer.join(' or ') : text && findNearest(text, CLIENT_IDS)
  throw new UsageError(
    `print-config requires a client${nearest ? `; did you mean ${nearest}?` : `: ${CLIENT_IDS.join(', ')}.`}`,
  )
}
