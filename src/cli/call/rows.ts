import { rm } from 'node:fs/promises'
import { extname } from 'node:path'
import { readCsv } from '../../call/csv.ts'
import {
  InputError,
  openFile,
  openStream,
  readJson,
  readNdjson,
  type ValidRows,
  validateRows,
} from '../../call/input.ts'
import { type Journal, readJournal, type Target } from '../../call/journal.ts'
import { ClosedError } from '../../call/output.ts'
import { runRows } from '../../call/run-rows.ts'
import { systemClock as clock } from '../../metronome/retry.ts'
import type { JsonObject } from '../../operations/json.ts'
import { codeOf, messageOf } from '../../thrown.ts'
import { createAppendFile } from '../append-file.ts'
import type { CommandContext } from '../config/command-line.ts'
import { UsageError } from '../config/usage-error.ts'
import { digestSecret } from '../digest-secret.ts'
import { openLocked } from '../lock-file.ts'
import { quoteForShell } from '../program.ts'
import { confirmArchives, confirmNumber } from './confirm.ts'
import { OPTIONS } from './options.ts'
import { CLEAR, describeRequest, EXIT, openTarget, type Session } from './session.ts'

const READERS = new Map([
  ['ndjson', readNdjson],
  ['jsonl', readNdjson],
  ['json', readJson],
  ['csv', readCsv],
])

/** One call per row. */
export async function callRows(session: Session, input: string, argv: readonly string[]): Promise<number> {
  const { op, options, config, context } = session
  const format = options.inputFormat ?? (input === '-' ? 'ndjson' : extname(input).slice(1).toLowerCase())
  const readRows = READERS.get(format)
  if (!readRows) throw new UsageError('--input-format is required: the extension of --input does not say the format.')
  const source = input === '-' ? await openStream(context.stdin) : await openFile(input)
  try {
    const rows = await validateRows(op, source, readRows)
    if (options.yes !== undefined && options.yes !== rows.count)
      throw new InputError(`--yes ${options.yes} is not the number of rows, of which the input has ${rows.count}.`)
    if (options.dryRun) return await printRequests(session, rows)
    if (op.kind === 'read' || config.sandbox) return await sendRows(session, rows, argv)
    const path = options.journal ?? `${input}.journal`
    return await withJournal(session, path, rows, (journal) => sendRows(session, rows, argv, journal))
  } finally {
    await source.close()
  }
}

async function printRequests(session: Session, rows: ValidRows): Promise<number> {
  const { output, finish } = await openTarget(session)
  for await (const { number, args } of rows.read()) await output.write(describeRequest(number, session.op, args))
  await finish(true)
  return EXIT.done
}

/** Throws {@link InputError} where the journal is of something else or in use. */
async function withJournal(
  { op, config, context }: Session,
  path: string,
  rows: ValidRows,
  use: (journal: Journal) => Promise<number>,
): Promise<number> {
  const locked = await openLocked(path, context.platform).catch((error: unknown) => {
    throw new InputError(`The journal ${path} cannot be opened (${codeOf(error) ?? 'failed'}).`)
  })
  if (!locked) throw new InputError(`The journal ${path} is used by another run.`)
  const { baseUrl, environment = null, apiKey } = config
  const target: Target = { tool: op.tool, base_url: baseUrl, environment, key: digestSecret(apiKey ?? '') }
  let opened = 0
  const { append, close } = createAppendFile(path, () => {
    // The file was moved, or ends in a torn line that nothing may follow.
    if (opened > 0) throw Object.assign(new Error('the journal was opened before'), { code: 'moved or failed before' })
    opened += 1
  })
  try {
    return await use(await readJournal({ path, target, rows, file: locked.file, append, now: context.now }))
  } finally {
    // A journal of nothing is not left behind.
    if (opened === 0 && (await locked.file.stat()).size === 0) await rm(path)
    await close()
    await locked.release()
  }
}

async function sendRows(
  session: Session,
  rows: ValidRows,
  argv: readonly string[],
  journal?: Journal,
): Promise<number> {
  const { op, options, context, report } = session
  const quoteWord = (word: string) => quoteForShell(word, context.platform === 'win32')
  if (journal?.isOfAnotherKey)
    await confirmNumber(
      session,
      rows.count,
      async () => 'The journal is of another API key. Is it one of the same account?\n',
    )
  await confirmArchives(session, rows.count, () => findUnsent(rows, journal))
  const { output, finish } = await openTarget(session, journal)
  await journal?.start()
  const startedAt = performance.now()
  const counts = { done: 0, already: 0, failed: 0, unknown: 0, lines: 0 }
  const countEnded = () => counts.done + counts.already + counts.failed + counts.unknown
  const progress = showProgress(context, rows.count, () => ({ ...counts, ended: countEnded() }))
  let problem: unknown
  const onProblem = (error: unknown): void => {
    if (problem) return
    problem = error
    if (!(error instanceof ClosedError)) report(messageOf(error))
  }
  const writeOnTerminal = (record: JsonObject) => {
    progress.clear()
    return output.write(record)
  }
  const { concurrency = OPTIONS.concurrency.default, maxFailures = OPTIONS['max-failures'].default } = options
  const { now } = context
  await runRows({
    ...{ ...session, rows, journal, counts, onProblem, concurrency, maxFailures, now, clock },
    output: context.hasErrorTerminal ? { ...output, write: writeOnTerminal } : output,
  })
  await finish(counts.lines === rows.count).catch(onProblem)
  progress.end()

  const { done, already, failed, unknown } = counts
  const notStarted = rows.count - countEnded()
  const isLeft = failed + unknown + notStarted > 0
  const words =
    op.kind === 'read'
      ? `${done} done, ${failed} failed`
      : `${done} applied, ${already} already applied, ${failed} failed, ${unknown} unknown`
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  if (op.kind === 'write' || !(problem instanceof ClosedError))
    context.stderr(`${rows.count} rows: ${words}, ${notStarted} not started, ${seconds} s\n`)
  if (isLeft && journal) context.stderr(`${[context.program.invocation, 'call', ...argv.map(quoteWord)].join(' ')}\n`)
  if (session.isInterrupted()) return EXIT.interrupted
  if (unknown > 0) return EXIT.unknown
  return isLeft || (problem && !(problem instanceof ClosedError)) ? EXIT.failed : EXIT.done
}

/** Arguments of the rows that will be sent, in order. */
async function* findUnsent(rows: ValidRows, journal: Journal | undefined): AsyncGenerator<JsonObject> {
  for await (const { number, args } of rows.read()) if (journal?.stateOf(number) !== 'applied') yield args
}

const TERMINAL_MS = 200
const PIPE_MS = 10_000
const BAR = 20

interface Progress {
  /** Makes room for other lines on the terminal. */
  clear(): void
  end(): void
}

/** One line that changes on a terminal, a line now and then elsewhere. */
function showProgress(
  { stderr, hasErrorTerminal }: CommandContext,
  total: number,
  read: () => { ended: number; failed: number; unknown: number },
): Progress {
  const startedAt = performance.now()
  const show = (): void => {
    const { ended, failed, unknown } = read()
    const rate = (ended * 1000) / (performance.now() - startedAt)
    const left = rate > 0 ? `, ${Math.ceil((total - ended) / rate)} s left` : ''
    const text = `${ended} of ${total} rows, ${failed + unknown} failed, ${rate.toFixed(1)} rows/s${left}`
    const filled = Math.floor((BAR * ended) / Math.max(1, total))
    stderr(hasErrorTerminal ? `${CLEAR}[${'#'.repeat(filled).padEnd(BAR, '.')}] ${text}` : `${text}\n`)
  }
  const timer = setInterval(show, hasErrorTerminal ? TERMINAL_MS : PIPE_MS).unref()
  const clear = () => {
    if (hasErrorTerminal) stderr(CLEAR)
  }
  return {
    clear,
    end() {
      clearInterval(timer)
      clear()
    },
  }
}
