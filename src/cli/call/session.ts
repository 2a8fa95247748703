import type { BigIntStats } from 'node:fs'
import type { Journal } from '../../call/journal.ts'
import { createCsvOutput, createNdjsonOutput, type Output } from '../../call/output.ts'
import { PAGE_SIZE } from '../../call/pages.ts'
import type { Call, Caller } from '../../calls/call.ts'
import { unknownTool } from '../../calls/errors.ts'
import { createLog } from '../../log.ts'
import { buildRequest } from '../../metronome/request.ts'
import { operations } from '../../operations/index.ts'
import { KEY_ARGUMENT } from '../../operations/input-fields.ts'
import type { JsonObject } from '../../operations/json.ts'
import type { Operation } from '../../operations/operation.ts'
import { createRuntime } from '../../runtime.ts'
import { createRedactor, escapeInvisible, type Redact } from '../../sanitize.ts'
import { NAME } from '../../version.ts'
import { openAuditLog, readOwner } from '../audit-file.ts'
import type { CommandContext } from '../config/command-line.ts'
import type { Config } from '../config/config.ts'
import { UsageError } from '../config/usage-error.ts'
import { loadSettings } from '../load-settings.ts'
import type { CallOptions } from './options.ts'
import { openOutputFile } from './output-file.ts'

/** Removes the line of progress from a terminal. */
export const CLEAR = '\r\u001b[K'

/** One run of the command. */
export interface Session {
  readonly context: CommandContext
  readonly options: CallOptions
  readonly config: Config
  readonly op: Operation
  readonly redact: Redact
  /** Aborts with the first signal. */
  readonly stop: AbortController
  readonly isInterrupted: () => boolean
  /** Explains something on standard error. */
  readonly report: (message: string) => void
  readonly call: Call
  readonly caller: Caller
  readonly close: () => void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Throws `UsageError`, before anything is read or sent. */
export async function openSession(
  tool: string | undefined,
  options: CallOptions,
  context: CommandContext,
): Promise<Session> {
  const commandLine = { options, positionals: [], problems: [] }
  const settings = await loadSettings(commandLine, context.environment)
  const { config, hiddenTools: hidden = new Map(), auditLog } = settings
  const op = findOperation(tool, hidden)
  checkUsage(options, op)
  if (!config.sandbox && !config.apiKey && !options.dryRun)
    throw new UsageError(
      'METRONOME_API_KEY is not set. Set it in the environment, in .env or with --env-file, or use --sandbox.',
    )
  const redact = createRedactor([config.apiKey])
  const start = context.hasErrorTerminal ? CLEAR : ''
  const print = (line: string) => context.stderr(`${start}${escapeInvisible(redact(line))}\n`)
  const log = createLog(config.logLevel, config.logFormat, print)
  for (const message of config.warnings) log('warn', 'config-warning', { message })
  const audit = auditLog && openAuditLog(auditLog, config.environment, log)
  // The terminal asks in place of a form; the tools that read what is archived may be hidden.
  const runtime = await createRuntime({ ...config, confirmArchives: false }, { log, audit })

  const stop = new AbortController()
  let signals = 0
  const interrupt = () => {
    signals += 1
    stop.abort()
    if (signals > 1 || op.kind === 'read') runtime.interrupt()
  }
  for (const name of SIGNALS) context.signals.on(name, interrupt)
  const caller = { apiKey: config.apiKey, redact, origin: { transport: 'call', ...(audit && readOwner()) } as const }
  return {
    context,
    options,
    config,
    op,
    redact,
    stop,
    isInterrupted: () => signals > 0,
    report: (message) => message.split('\n').forEach((line) => void print(`${NAME}: ${line}`)),
    call: runtime.call,
    caller,
    close() {
      for (const name of SIGNALS) context.signals.off(name, interrupt)
    },
  }
}

function findOperation(tool: string | undefined, hidden: ReadonlyMap<string, string>): Operation {
  if (tool === undefined) throw new UsageError('call requires a tool, such as list-customers; see --help.')
  const op = operations.find((each) => each.tool === tool && !hidden.has(tool))
  if (op) return op
  const known = operations.map((each) => each.tool).filter((name) => !hidden.has(name))
  throw new UsageError(unknownTool(tool, known, hidden.get(tool)).message)
}

/** What the table of options cannot say. */
function checkUsage({ all, input, journal, sandbox, yes }: CallOptions, op: Operation): void {
  const wrong = (problem: string) => new UsageError(problem)
  if (all && input !== undefined) throw wrong('--all and --input are mutually exclusive; use one of them.')
  if (all && !(op.kind === 'read' && op.search)) throw wrong(`--all: ${op.tool} has no pages.`)
  if (journal !== undefined && op.kind === 'read') throw wrong(`--journal: ${op.tool} only reads; omit it.`)
  if (journal !== undefined && sandbox)
    throw wrong('--journal: the sandbox has none, since it forgets everything; omit it.')
  if (input === '-' && op.kind === 'write')
    throw wrong(`--input -: ${op.tool} writes, and a resume reads the input again; give it a file.`)
  if (yes !== undefined && input === undefined && yes !== 1) throw wrong('--yes must be 1 for one call.')
}

export const EXIT = { done: 0, failed: 1, usage: 2, unknown: 3, interrupted: 130 } as const

/** Where results go. */
export interface OpenTarget {
  readonly output: Output
  /** Writes what is left; a file gets its name where `isComplete`. */
  finish(isComplete: boolean): Promise<void>
}

export async function openTarget({ options, context, redact }: Session, journal?: Journal): Promise<OpenTarget> {
  const { output: path, format, input, all } = options
  const mayReplace = (file: BigIntStats) => journal?.hasWritten(file) ?? false
  const file = path === undefined ? undefined : await openOutputFile(path, mayReplace)
  const stream = file?.stream ?? context.output
  const isOne = input === undefined && !all
  const indent = isOne && !file && context.output.isTTY ? 2 : 0
  const target = { stream, name: path ?? 'Standard output', redact, indent }
  const output = format === 'csv' ? await createCsvOutput(target) : createNdjsonOutput(target)
  return {
    output,
    async finish(isComplete) {
      await output.end()
      await file?.finish(isComplete, async (stats) => journal?.recordOutput(stats))
    },
  }
}

/** The first request of a call, without the arguments that are for this program. */
export function describeRequest(row: number, op: Operation, args: JsonObject, all = false): JsonObject {
  const ours = [KEY_ARGUMENT, ...((op.kind === 'read' && op.search?.arguments) || [])]
  const readsPages = all || ours.some((name) => name !== KEY_ARGUMENT && name in args)
  const sent = Object.fromEntries(Object.entries(args).filter(([name]) => !ours.includes(name)))
  const { method, target, body } = buildRequest(op, readsPages ? { ...sent, limit: PAGE_SIZE } : sent)
  return { row, method, path: target, body: body === undefined ? null : JSON.parse(body) }
}
