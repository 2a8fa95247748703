import { randomUUID } from 'node:crypto'
import type { Call, Caller } from '../calls/call.ts'
import { CallError } from '../calls/errors.ts'
import type { Outcome } from '../calls/outcome.ts'
import type { IdempotencyKey } from '../calls/write.ts'
import type { JsonObject } from '../operations/json.ts'
import { findWrittenCustomers, type Operation } from '../operations/operation.ts'
import type { Row, ValidRows } from './input.ts'
import { isFixed, type Journal, readTime, type State } from './journal.ts'
import { createLimits, type LimitsOptions, type RowPauses } from './limits.ts'
import type { Output } from './output.ts'

/** Rows that wait, for the row before of the same customer or after a 429. */
const MAX_PENDING = 200
/** Metronome keeps a key for 24 hours. */
const MAX_KEY_AGE_MS = 23 * 3_600_000

type RowKey = IdempotencyKey & { readonly madeAt: number; readonly endsAt: number }

export interface Run extends LimitsOptions {
  readonly op: Operation
  readonly rows: ValidRows
  readonly call: Call
  readonly caller: Caller
  /** Only for writes, and not on the sandbox. */
  readonly journal: Journal | undefined
  readonly output: Output
  readonly concurrency: number
  /** 0 is no limit. */
  readonly maxFailures: number
  /** Called once with what stops the run. */
  readonly onProblem: (error: unknown) => void
  readonly now: () => number
  /** Kept up to date while the rows run. */
  readonly counts: Counts
}

export interface Counts {
  /** Applied, or read. */
  done: number
  already: number
  failed: number
  unknown: number
  /** Lines of the output. */
  lines: number
}

/** How a row ended in this run. */
interface Ending {
  readonly outcome: Outcome
  /** Result or error, as they are printed. */
  readonly fields: JsonObject
  /** Absent where nothing was sent. */
  readonly error?: CallError
  /** What the journal keeps, where it is not the outcome. */
  readonly state?: State
}

/** Sends the rows and prints a line about each. Whatever is not counted in the end was not started. */
export async function runRows(run: Run): Promise<void> {
  const { op, rows, journal, output, stop, counts } = run
  const takePending = createSlots(MAX_PENDING)
  // Rows whose begin is on disk when a place becomes free. Few, since what V8 keeps long is collected late.
  const takeAhead = createSlots(4 * run.concurrency)
  const takePlace = createSlots(run.concurrency)
  const turns = new Map<string, Promise<void>>()
  const blocked = new Set<string>()
  const limits = createLimits(run)
  const tasks = new Set<Promise<void>>()
  let failures = 0
  let last = 0

  try {
    for await (const row of rows.read()) {
      const release = await takePending()
      const customers = findWrittenCustomers(op, row.args)
      const before = customers.flatMap((id) => turns.get(id) ?? [])
      const place = before.length > 0 ? undefined : await takeAhead()
      if (stop.signal.aborted) break
      last = row.number
      const task = runRow(row, customers, before, place)
        .catch(fail)
        .finally(() => {
          release()
          tasks.delete(task)
          for (const id of customers) if (turns.get(id) === task) turns.delete(id)
        })
      tasks.add(task)
      for (const id of customers) turns.set(id, task)
    }
  } catch (error) {
    fail(error)
  }
  await Promise.all(tasks)
  for (let row = last + 1; row <= rows.count; row += 1) countUnsent(row)

  function fail(error: unknown): void {
    if (stop.signal.aborted) return
    stop.abort()
    run.onProblem(error)
  }

  async function runRow(row: Row, customers: string[], before: Promise<void>[], place?: () => void): Promise<void> {
    const state = journal?.stateOf(row.number) ?? 'not_sent'
    await Promise.all(before)
    const release = place ?? (await takeAhead())
    try {
      if (state === 'applied') return await printEarlier(row)
      if (stop.signal.aborted || customers.some((id) => blocked.has(id))) return countUnsent(row.number)
      const key = isFixed(state)
        ? await readKey(row)
        : ({ value: randomUUID(), mayHaveBeenUsed: false, givenIn: 'journal', madeAt: 0, endsAt: 0 } as const)
      if (!key.mayHaveBeenUsed) await journal?.begin(row.number, { digest: row.digest, key: key.value })
      const ending = await send(row, key, release)
      if (ending) return await settle(row, customers, ending)
      if (!key.mayHaveBeenUsed) await journal?.end(row.number, { outcome: 'not_sent' })
      countUnsent(row.number)
    } finally {
      release()
    }
  }

  async function settle(row: Row, customers: string[], { outcome, state = outcome, fields, error }: Ending) {
    counts[outcome === 'applied' ? 'done' : outcome === 'unknown' ? 'unknown' : 'failed'] += 1
    if (error || state === 'cut_off') for (const id of customers) blocked.add(id) // a resume would undo later rows
    if (error) {
      failures += 1
      if (failures === run.maxFailures)
        fail(new Error(`${failures} rows failed or are unknown: no further row starts (--max-failures).`))
      if (error.code === 'audit_failed') fail(error)
    }
    if (state !== 'cut_off') await journal?.end(row.number, { ...fields, outcome: state })
    await print(row, { ...(op.kind === 'write' && { outcome }), ...fields })
  }

  async function printEarlier(row: Row): Promise<void> {
    const { result, at } = (await journal?.readLine(row.number)) ?? {}
    counts.already += 1
    await print(row, { outcome: 'applied', result, earlier: String(at).replace(/\.\d+Z$/, 'Z') })
  }

  async function readKey({ number }: Row): Promise<RowKey> {
    const line = (await journal?.readLine(number)) ?? {}
    const madeAt = readTime(line)
    const endsAt = journal?.stateOf(number) === 'expired' ? 0 : madeAt + MAX_KEY_AGE_MS
    return { value: String(line.key), mayHaveBeenUsed: true, givenIn: 'journal', madeAt, endsAt }
  }

  function countUnsent(row: number): void {
    const state = journal?.stateOf(row) ?? 'not_sent'
    if (state === 'applied') counts.already += 1
    else if (isFixed(state)) counts.unknown += 1
  }

  async function print({ number, args, carried }: Row, fields: JsonObject): Promise<void> {
    await output.write({ row: number, arguments: args, carried, ...fields })
    counts.lines += 1
  }

  /** Sends it, again and again where the rate is limited; `undefined` when it was not sent. */
  async function send(row: Row, key: RowKey, onPlace: () => void): Promise<Ending | undefined> {
    let ending: Ending | undefined
    const pauses: RowPauses = {}
    for (;;) {
      const release = await takePlace()
      onPlace()
      try {
        await limits.waitForAll()
        await output.ready()
        if (stop.signal.aborted) return ending
        const now = run.now()
        if (key.mayHaveBeenUsed && (now < key.madeAt || now >= key.endsAt)) return skip(row, key, now < key.madeAt)
        ending = await callOnce(row, key)
      } finally {
        release()
      }
      // With another attempt before the 429, the outcome of a new key is unknown.
      const { outcome, error } = ending
      const isLimited = error?.status === 429 && (outcome !== 'unknown' || key.mayHaveBeenUsed)
      if (!(await limits.waitAfter(isLimited ? error : undefined, pauses))) return ending
    }
  }

  function skip({ args }: Row, { madeAt }: RowKey, isEarly: boolean): Ending {
    const check = op.kind === 'write' ? op.verification.recheckAdvice(args) : ''
    const reason = isEarly ? "later than this machine's clock: correct the clock" : 'which may no longer count'
    const message = `${op.tool}: sent under an Idempotency-Key of ${new Date(madeAt).toISOString()}, ${reason}; it was not sent again. ${check}`
    const error = { code: isEarly ? 'key_early' : 'key_expired', message }
    return { outcome: 'unknown', fields: { error }, state: isEarly ? 'cut_off' : 'expired' }
  }

  async function callOnce({ args }: Row, key: RowKey): Promise<Ending> {
    try {
      const result = await run.call({ tool: op.tool, args, idempotencyKey: key }, run.caller)
      return { outcome: 'applied', fields: { result } }
    } catch (error) {
      if (!(error instanceof CallError)) throw error
      const { code, message, status, outcome = 'not_applied' } = error
      return { outcome, fields: { error: { code, message, ...(status && { status }) } }, error }
    }
  }
}

/** Takes a slot, of which there are so many; others wait in order. Resolves with what gives it back, once. */
function createSlots(count: number): () => Promise<() => void> {
  const waiting: (() => void)[] = []
  let free = count
  return async () => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    let giveBack = () => {
      giveBack = () => {}
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
    return () => giveBack()
  }
}
