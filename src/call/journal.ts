import type { BigIntStats } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { decode, readChunks, readLines } from '../file-lines.ts'
import { asObject, type JsonObject, tryParse } from '../operations/json.ts'
import { codeOf } from '../thrown.ts'
import { InputError, MAX_PROBLEMS, type ValidRows } from './input.ts'

/** What a journal belongs to; the key is a digest. */
export interface Target {
  readonly tool: string
  readonly base_url: string
  readonly environment: string | null
  readonly key: string
}

/** `cut_off`: nothing says how it ended. `expired`: its key was too old once, and is not used again. */
export type State = 'not_sent' | 'cut_off' | 'applied' | 'not_applied' | 'unknown' | 'expired'

export interface Journal {
  /** Whether a row was or may have been applied under another key. */
  readonly isOfAnotherKey: boolean
  stateOf(row: number): State
  /** The line about the end of a row that is applied, or about the begin of one that may be. */
  readLine(row: number): Promise<JsonObject>
  /** Whether an earlier run wrote this file. */
  hasWritten(output: BigIntStats): boolean
  /** Makes it the journal of this target. */
  start(): Promise<void>
  begin(row: number, fields: { digest: string; key: string }): Promise<void>
  end(row: number, fields: JsonObject): Promise<void>
  recordOutput(output: BigIntStats): Promise<void>
}

export interface JournalOptions {
  readonly path: string
  /** Open for this process only. */
  readonly file: FileHandle
  /** Appends a line and resolves when it is on disk. */
  readonly append: (line: string) => Promise<void>
  readonly now: () => number
  readonly target: Target
  readonly rows: ValidRows
}

/** How every journal begins. */
const START = '{"type":"journal","of":"metronome-customers-mcp call","v":1,'
/** No response is larger. */
const MAX_LINE_BYTES = 16 * 1024 * 1024
const MAX_ROWS = 10_000_000
const ENDS: readonly unknown[] = ['not_sent', 'applied', 'not_applied', 'unknown', 'expired'] satisfies State[]
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** A row that was or may have been applied: its arguments cannot change any more. */
export const isFixed = (state: State): boolean => state !== 'not_sent' && state !== 'not_applied'

/** Reads a journal, and cuts off an incomplete last line. Throws {@link InputError} for what is of no use to these rows. */
export async function readJournal(options: JournalOptions): Promise<Journal> {
  const { path, file, append, now, target, rows } = options
  const states: (State | undefined)[] = []
  // Where the line is that `readLine` returns.
  const offsets: number[] = []
  const lengths: number[] = []
  const changed = new Set<number>()
  const outputs = new Set<string>()
  let found: JsonObject | undefined
  const stateOf = (row: number): State => states[row] ?? 'not_sent'

  /** Whether the line can follow those before it. */
  function take(line: JsonObject, offset: number, length: number): boolean {
    const { type, row, outcome } = line
    if (type === 'journal') found = line
    if (type === 'output') outputs.add(`${line.dev} ${line.ino}`)
    if (type === 'journal' || type === 'output') return true
    if (typeof row !== 'number' || !Number.isInteger(row) || row < 1 || row > MAX_ROWS) return false
    if (type === 'end' && (!isFixed(stateOf(row)) || !ENDS.includes(outcome))) return false
    if (type === 'begin' && (isFixed(stateOf(row)) || !UUID.test(String(line.key)) || !readTime(line))) return false
    if (type !== 'begin' && type !== 'end') return false
    states[row] = type === 'begin' ? 'cut_off' : (outcome as State) // one of ENDS
    if (type === 'begin') changed[rows.hasDigest(row, String(line.digest)) ? 'delete' : 'add'](row)
    if (type === 'end' && outcome !== 'applied') return true
    offsets[row] = offset
    lengths[row] = length
    return true
  }

  let number = 0
  for await (const { bytes, offset, hasBreak } of readLines(readChunks(file), MAX_LINE_BYTES)) {
    number += 1
    const text = (bytes && decode(bytes)) ?? ''
    const isStart = text.startsWith(START) || (!hasBreak && START.startsWith(text))
    if (number === 1 && !isStart) throw new InputError(`${path} is no journal of this program; it was not changed.`)
    if (!hasBreak) await file.truncate(offset)
    else if (!take(asObject(tryParse(text)), offset, Buffer.byteLength(text)))
      throw new InputError(`Line ${number} of the journal ${path} cannot be read; it was not changed.`)
  }
  const isUsed = states.some((state) => state && isFixed(state))
  const differences = Object.entries(target).flatMap(([name, value]) => (found?.[name] === value ? [] : name))
  checkRows()
  const time = () => new Date(now()).toISOString()
  const write = (line: string) =>
    append(line).catch((cause: unknown) => {
      throw new Error(`The journal ${path} cannot be written (${codeOf(cause) ?? 'failed'}).`, { cause })
    })
  const writeAbout = (type: string, fields: object) => write(JSON.stringify({ type, ...fields }))
  return {
    isOfAnotherKey: isUsed && differences.includes('key'),
    stateOf,
    async readLine(row) {
      const { buffer } = await file.read(Buffer.alloc(lengths[row] ?? 0), 0, lengths[row], offsets[row])
      return asObject(tryParse(buffer.toString('utf8')))
    },
    hasWritten: ({ dev, ino }) => outputs.has(`${dev} ${ino}`),
    async start() {
      // Written by hand: a journal is known by how it begins.
      if (differences.length > 0) await write(START + JSON.stringify({ ...target, at: time() }).slice(1))
    },
    begin: (row, fields) => writeAbout('begin', { row, ...fields, at: time() }),
    end: (row, fields) => writeAbout('end', { row, at: time(), ...fields }),
    recordOutput: ({ dev, ino }) => writeAbout('output', { dev: String(dev), ino: String(ino) }),
  }

  function checkRows(): void {
    const others = differences.filter((name) => name !== 'key')
    if (isUsed && others.length > 0)
      throw new InputError(`The journal ${path} is of another ${others.join(' and ')}; name another --journal.`)
    const fixed = Array.from(changed).filter((row) => isFixed(stateOf(row)))
    if (fixed.length === 0) return
    const lines = fixed.slice(0, MAX_PROBLEMS).map((row) => {
      const what = row > rows.count ? 'is missing' : 'has changed'
      return `row ${row} ${what}; it is ${stateOf(row).replace('_', ' ')} in the journal`
    })
    if (fixed.length > MAX_PROBLEMS) lines.push(`and ${fixed.length - MAX_PROBLEMS} more`)
    throw new InputError([...lines, 'Put these rows back; to run the file anew, name another --journal.'].join('\n'))
  }
}

/** Milliseconds; 0 for what is no time. */
export function readTime({ at }: JsonObject): number {
  return Date.parse(String(at)) || 0
}
