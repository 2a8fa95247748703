import { statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { type InputIssue, InvalidArgumentsError } from '../calls/errors.ts'
import { digestJson, validateArguments } from '../calls/validate-arguments.ts'
import { decode, readChunks, readLines } from '../file-lines.ts'
import { isObject, type JsonObject, parseExactJson, tryParse } from '../operations/json.ts'
import type { Operation } from '../operations/operation.ts'
import { codeOf } from '../thrown.ts'

export const MAX_ROW_BYTES = 1024 * 1024
/** What is read whole: a JSON array, and standard input. */
const MAX_WHOLE_BYTES = 16 * MAX_ROW_BYTES
const STDIN = 'Standard input'
export const MAX_PROBLEMS = 100
/** The start of a digest, enough to tell rows apart; one byte per character. */
const DIGEST_LENGTH = 20

/** A file that cannot be used; nothing was sent. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

/** The bytes of an input, which is read twice: once to validate it, once to send it. */
export interface Source {
  readonly chunks: () => AsyncGenerator<Buffer>
  /** Throws {@link InputError} when the file is not what it was. */
  readonly check: () => void
  readonly close: () => Promise<void>
}

/** A row as it was read. */
export interface RawRow {
  /** From 1, without a header. */
  readonly number: number
  readonly value?: unknown
  /** What is wrong with it, whatever the operation is; then there is no value. */
  readonly issues?: readonly InputIssue[]
}

export type ReadRows = (source: Source, op: Operation) => AsyncGenerator<RawRow>

/** A row with valid arguments. */
export interface Row {
  readonly number: number
  readonly args: JsonObject
  readonly digest: string
  /** Fields that begin with `_`, which are not sent. */
  readonly carried: JsonObject | undefined
}

export async function openFile(path: string): Promise<Source> {
  const stat = () => statSync(path, { throwIfNoEntry: false })
  const first = stat()
  // Before it is opened, which may block on a pipe.
  if (first && !first.isFile()) throw new InputError(`--input ${path} is not a regular file.`)
  const file = await open(path).catch((error: unknown) => {
    throw new InputError(`--input ${path} cannot be read (${codeOf(error)}).`)
  })
  return {
    chunks: () => skipMark(readChunks(file)),
    check() {
      const now = stat()
      if (now && (['ino', 'dev', 'size', 'mtimeMs'] as const).every((name) => now[name] === first?.[name])) return
      throw changed()
    },
    close: () => file.close(),
  }
}

/** Standard input, read whole. */
export async function openStream(stream: AsyncIterable<Buffer>): Promise<Source> {
  const bytes = await readWhole(stream, STDIN)
  return { chunks: () => skipMark([bytes]), check() {}, async close() {} }
}

/** The text of standard input. Throws {@link InputError} for what is not UTF-8. */
export async function readText(stream: AsyncIterable<Buffer>): Promise<string> {
  const { chunks } = await openStream(stream)
  const text = decode(await readWhole(chunks(), STDIN))
  if (text === undefined) throw new InputError(`${STDIN} ${NOT_UTF8}.`)
  return text
}

async function readWhole(chunks: AsyncIterable<Buffer>, name: string): Promise<Buffer> {
  const all: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    all.push(chunk)
    size += chunk.length
    if (size > MAX_WHOLE_BYTES) throw new InputError(`${name} has more than ${MAX_WHOLE_BYTES / MAX_ROW_BYTES} MiB.`)
  }
  return Buffer.concat(all)
}

/** Without a byte-order mark. */
async function* skipMark(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): AsyncGenerator<Buffer> {
  let start = 3
  for await (const chunk of chunks) {
    yield start > 0 && chunk.subarray(0, 3).equals(Buffer.from('\uFEFF')) ? chunk.subarray(3) : chunk
    start = 0
  }
}

export const issue = (message: string, path = ''): InputIssue => ({ path, message })
export const TOO_LONG = 'has more than 1 MiB'
export const NOT_UTF8 = 'has bytes that are not UTF-8'

export async function* readNdjson(source: Source): AsyncGenerator<RawRow> {
  let number = 0
  for await (const { bytes } of readLines(source.chunks(), MAX_ROW_BYTES)) {
    const text = bytes && decode(bytes)
    if (text?.trim() === '') continue
    number += 1
    const value = text && tryParse(text, parseExactJson)
    const problem = text ? 'is not valid JSON' : bytes ? NOT_UTF8 : TOO_LONG
    yield value === undefined ? { number, issues: [issue(problem)] } : { number, value }
  }
}

export async function* readJson(source: Source): AsyncGenerator<RawRow> {
  const value = tryParse(decode(await readWhole(source.chunks(), 'A JSON array')) ?? '', parseExactJson)
  if (!Array.isArray(value)) throw new InputError('The input is not a JSON array in UTF-8.')
  for (const [index, item] of value.entries()) {
    const isTooLong = Buffer.byteLength(JSON.stringify(item)) > MAX_ROW_BYTES
    yield { number: index + 1, ...(isTooLong ? { issues: [issue(TOO_LONG)] } : { value: item }) }
  }
}

/** Throws `InvalidArgumentsError`. */
function readRow(op: Operation, { number, value, issues }: RawRow): Row {
  if (issues || !isObject(value)) throw new InvalidArgumentsError(op.tool, issues ?? [issue('must be a JSON object')])
  const { idempotency_key: key, ...fields } = value
  const isCarried = ([name]: [string, unknown]) => name.startsWith('_')
  const entries = Object.entries(fields)
  const carried = entries.some(isCarried) ? Object.fromEntries(entries.filter(isCarried)) : undefined
  const sent = Object.fromEntries(entries.filter((entry) => !isCarried(entry)))
  const found = key === undefined ? [] : [issue('is no field of a row; the journal has the keys', 'idempotency_key')]
  const args = validateArguments(op, sent, found)
  return { number, args, digest: digestJson(args).slice(0, DIGEST_LENGTH), carried }
}

/** What is known of all rows after the first reading. */
export interface ValidRows {
  readonly count: number
  /** Whether the arguments of a row have this digest. */
  readonly hasDigest: (row: number, digest: string) => boolean
  /** Reads the rows again. Throws {@link InputError} before what was not validated. */
  readonly read: () => AsyncGenerator<Row>
}

/** Reads all rows, and keeps some bytes of each. Throws {@link InputError} with everything that is wrong. */
export async function validateRows(op: Operation, source: Source, readRows: ReadRows): Promise<ValidRows> {
  const problems: string[] = []
  let digests = Buffer.alloc(1024 * DIGEST_LENGTH)
  let count = 0
  let hidden = 0
  for await (const raw of readRows(source, op)) {
    count = raw.number
    if (count * DIGEST_LENGTH > digests.length) digests = Buffer.concat([digests, Buffer.alloc(digests.length)])
    try {
      digests.write(readRow(op, raw).digest, (count - 1) * DIGEST_LENGTH, 'latin1')
    } catch (error) {
      if (!(error instanceof InvalidArgumentsError)) throw error
      for (const { path, message } of error.issues) {
        if (problems.length < MAX_PROBLEMS) problems.push(`row ${raw.number}: ${path && `${path} `}${message}`)
        else hidden += 1
      }
    }
  }
  if (hidden > 0) problems.push(`and ${hidden} more`)
  if (problems.length > 0) throw new InputError(problems.join('\n'))
  const hasDigest = (row: number, digest: string) =>
    row <= count && digests.toString('latin1', (row - 1) * DIGEST_LENGTH, row * DIGEST_LENGTH) === digest

  async function* read(): AsyncGenerator<Row> {
    let last = 0
    for await (const raw of readRows(source, op)) {
      source.check()
      let row: Row
      try {
        row = readRow(op, raw)
      } catch {
        throw changed()
      }
      if (!hasDigest(row.number, row.digest)) throw changed()
      yield row
      last = row.number
    }
    if (last < count) throw changed()
  }
  return { count, hasDigest, read }
}

const changed = () => new InputError('The input has changed since it was validated: no further row was sent.')
