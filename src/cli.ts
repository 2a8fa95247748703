import { homedir } from 'node:os'
import { createOwnCallers, createPassthroughCallers } from './callers.ts'
import { findCommand, type Surroundings } from './commands.ts'
import { type Config, readConfig } from './config/config.ts'
import { loadSources } from './config/load.ts'
import { parseFlags } from './flags.ts'
import { createLog, type Log } from './log.ts'
import { titleOf } from './mcp/identity.ts'
import { openUpstream } from './open-upstream.ts'
import type { Ports, PortsOptions } from './ports.ts'
import { UsageError } from './program-error.ts'
import { createRedactor } from './redact.ts'
import { serveStdio } from './serve-stdio.ts'
import { escapeControls } from './text.ts'
import type { Client, ClientOptions } from './upstream/client.ts'
import { createLazyClient } from './upstream/lazy-client.ts'
import { NAME, VERSION } from './version.ts'

async function main(): Promise<void> {
  const argv = process.argv.slice(2)
  const loadCommand = findCommand(argv[0])
  if (loadCommand) {
    const run = await loadCommand()
    process.exitCode = await run(argv.slice(1), readSurroundings())
    return
  }
  const flags = parseFlags(argv)
  if (flags.help) return writeStdout((await loadHelp()).buildHelp(PROGRAM))
  if (flags.version) return writeStdout(`${VERSION}\n`)
  const config = readConfig(await loadSources(process.env, flags.envFile), flags)
  const { http, key, timeoutMs } = config
  const redact = createRedactor([key, http?.token])
  const callers = http?.passthrough ? createPassthroughCallers(redact) : createOwnCallers(key, redact)
  const log = createLog(config.logLevel, config.logFormat, (line) =>
    writeStderr(`${escapeControls(callers.redact(line))}\n`),
  )
  reportSettings(config, flags.sandbox, log)

  const upstream = await openUpstream(config, flags)
  const title = titleOf(flags.sandbox)
  const life = { signals: process, exit: (code: number) => process.exit(code) }
  const served = { upstream, timeoutMs, title, log }
  const hasKey = key !== undefined
  if (http && flags.http) {
    const { serveHttp } = await import('./serve-http.ts')
    return serveHttp({ ...served, ...life, settings: http, hasKey, callers })
  }
  const ports = http && (await openPorts({ ...served, settings: http, hasKey, callers }))
  const client = ports?.client ?? createLazyClient(() => loadClient(served))
  if (process.stdin.isTTY) writeStderr((await loadHelp()).buildGreeting(PROGRAM))
  const streams = { input: process.stdin, output: process.stdout }
  return serveStdio({ ...life, ...streams, client, ports, title, log, key, redact })
}

const PROGRAM = { name: NAME, version: VERSION }

/** Most starts have no use for it. */
const loadHelp = () => import('./help.ts')

async function openPorts(options: PortsOptions): Promise<Ports> {
  const { createPorts } = await import('./ports.ts')
  const ports = createPorts(options)
  await ports.open()
  return ports
}

async function loadClient(options: ClientOptions): Promise<Client> {
  const { createClient } = await import('./upstream/client.ts')
  return createClient(options)
}

function readSurroundings(): Surroundings {
  return {
    environment: process.env,
    platform: process.platform,
    nodeVersion: process.versions.node,
    home: homedir(),
    folder: process.cwd(),
    print: writeStdout,
    explain: writeStderr,
  }
}

function reportSettings(config: Config, sandbox: boolean, log: Log): void {
  for (const warning of config.warnings) log('warn', 'setting', { message: warning })
  if (sandbox) return log('info', 'sandbox', {})
  if (config.http?.passthrough) log('info', 'passthrough', {})
  // With a port for MCP nobody is left for the key of the process to serve.
  if (config.http?.passthrough && config.http.port !== undefined) return
  if (config.keySource) return log('info', 'api-key', { source: config.keySource })
  log('warn', 'api-key-missing', {
    fix: 'set METRONOME_API_KEY, or start with --sandbox; until then every call fails',
  })
}

/** For what was asked for and is no MCP. */
function writeStdout(text: string): void {
  writeText(process.stdout, text)
}

/** Opens stderr with the first line only: most starts have nothing to say. */
function writeStderr(text: string): void {
  writeText(process.stderr, text)
}

function writeText(stream: NodeJS.WriteStream, text: string): void {
  // Its reader may leave before us; that is no reason to fail.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {})
  stream.write(text)
}

main().catch((error: unknown) => {
  const wrongUsage = error instanceof UsageError
  const message = wrongUsage || error instanceof Error ? error.message : String(error)
  writeStderr(`${NAME}: ${escapeControls(message)}\n`)
  process.exitCode = wrongUsage ? 2 : 1
})
