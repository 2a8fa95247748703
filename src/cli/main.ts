import { homedir } from 'node:os'
import { isatty } from 'node:tty'
import { createByteBudget } from '../http/byte-budget.ts'
import { createLog, type Log } from '../log.ts'
import { describeServer } from '../mcp/server-info.ts'
import { createRedactor, escapeInvisible } from '../sanitize.ts'
import { messageOf } from '../thrown.ts'
import { NAME, VERSION } from '../version.ts'
import { type CommandContext, findCommand } from './command.ts'
import type { Config } from './config/config.ts'
import { readOptions } from './config/options.ts'
import { UsageError } from './config/usage-error.ts'
import { loadOnFirstCall } from './load-runtime.ts'
import { loadSettings } from './load-settings.ts'
import { describeProgram, type Program } from './program.ts'
import type { HttpOptions, HttpService } from './serve-http.ts'
import { serveStdio } from './serve-stdio.ts'

async function main(): Promise<void> {
  const argv = process.argv.slice(2)
  const loadCommand = findCommand(argv[0])
  if (loadCommand) {
    const run = await loadCommand()
    process.exitCode = await run(argv.slice(1), commandContext())
    return
  }
  const commandLine = readOptions(argv)
  const { options, problems } = commandLine
  if (problems.length === 0 && options.help) return writeStdout((await import('./help.ts')).buildHelp(readProgram()))
  if (problems.length === 0 && options.version) return writeStdout(`${VERSION}\n`)
  const { config, hiddenTools, auditLog } = await loadSettings(commandLine, process.env)
  const { http, apiKey, sandbox, environment } = config
  const redact = createRedactor([apiKey, ...(http?.tokens ?? [])])
  const log = createLog(config.logLevel, config.logFormat, (line) => writeStderr(`${escapeInvisible(redact(line))}\n`))
  logConfig(config, log)

  const info = describeServer({ isSandbox: sandbox !== undefined, environment, hiddenTools })
  const audit = auditLog && (await import('./audit-file.ts')).openAuditLog(auditLog, environment, log)
  const lifecycle = { signals: process, exit: (code: number) => process.exit(code) }
  const shared = { config: { ...config, hiddenTools }, info, log, audit, redact }
  if (http?.mcpPort !== undefined) {
    const { serveHttp } = await import('./serve-http.ts')
    return serveHttp({ ...lifecycle, ...shared, http })
  }
  const ports = http && (await openRestPort({ ...shared, http }))
  const { call, interrupt } = ports?.runtime ?? loadOnFirstCall(shared.config, { log, audit })
  if (process.stdin.isTTY)
    writeStderr((await import('./help.ts')).buildGreeting(readProgram(), argv, sandbox !== undefined))
  const streams = { input: process.stdin, output: process.stdout }
  const { drain, byteBudget = createByteBudget() } = ports ?? {}
  const who = audit && (await import('./audit-file.ts')).readOwner()
  const caller = { apiKey, redact, origin: { transport: 'stdio', ...who } as const }
  return serveStdio({ ...lifecycle, ...streams, call, interrupt, info, caller, drainPorts: drain, byteBudget })
}

/** REST beside stdio: a port that is in use, by the same server of another window, leaves the tools on stdio alive. */
async function openRestPort(options: HttpOptions): Promise<HttpService | undefined> {
  const { openPorts } = await import('./serve-http.ts')
  try {
    return await openPorts(options)
  } catch (error) {
    options.log('warn', 'rest-not-served', { reason: messageOf(error) })
    return undefined
  }
}

function readProgram(): Program {
  return describeProgram(process.argv[1] ?? '', process.cwd())
}

function commandContext(): CommandContext {
  return {
    environment: process.env,
    platform: process.platform,
    nodeVersion: process.versions.node,
    home: homedir(),
    cwd: process.cwd(),
    program: readProgram(),
    hasColors: process.stdout.isTTY && !process.env.NO_COLOR,
    hasErrorTerminal: isatty(2),
    isInteractive: isatty(0) && isatty(2),
    get stdin() {
      return process.stdin
    },
    output: process.stdout,
    signals: process,
    now: Date.now,
    stdout: writeStdout,
    stderr: writeStderr,
  }
}

function logConfig({ warnings, sandbox, http, apiKeySource }: Config, log: Log): void {
  for (const warning of warnings) log('warn', 'config-warning', { message: warning })
  if (sandbox) return log('info', 'sandbox-enabled')
  if (http?.passthrough) log('info', 'passthrough-enabled')
  // With MCP over HTTP, nothing uses the key of the process.
  if (http?.passthrough && http.mcpPort !== undefined) return
  if (apiKeySource) return log('info', 'api-key', { source: apiKeySource })
  log('warn', 'api-key-missing', { fix: 'set METRONOME_API_KEY, or start with --sandbox; until then every call fails' })
}

/** For output that was asked for instead of MCP messages. */
function writeStdout(text: string): void {
  writeText(process.stdout, text)
}

function writeStderr(text: string): void {
  writeText(process.stderr, text)
}

function writeText(stream: NodeJS.WriteStream, text: string): void {
  // The reader may leave first; that is no reason to fail.
  if (stream.listenerCount('error') === 0) stream.on('error', () => {})
  stream.write(text)
}

main().catch((error: unknown) => {
  const isUsageError = error instanceof UsageError
  const problems = isUsageError ? error.problems : [messageOf(error)]
  writeStderr(problems.map((problem) => `${NAME}: ${escapeInvisible(problem)}\n`).join(''))
  process.exitCode = isUsageError ? 2 : 1
})
