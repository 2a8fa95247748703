import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Writable } from 'node:stream'
import { readChunks, readLines } from '../file-lines.ts'
import type { JsonObject } from '../operations/json.ts'
import type { Redact } from '../sanitize.ts'
import { buildCsvLine, flatten } from './csv.ts'

/** The reader left before the end, as `head` does. */
export class ClosedError extends Error {
  override readonly name = 'ClosedError'
}

export interface Output {
  /** Resolves when it takes a further record. Throws when it cannot be written, {@link ClosedError} when its reader has left. */
  write(record: JsonObject): Promise<void>
  /** Resolves when most of what was written is read. Throws as `write`. */
  ready(): Promise<void>
  /** Resolves when everything is written. Throws as `write`. */
  end(): Promise<void>
}

export interface OutputStream {
  readonly stream: Writable
  readonly name: string
  readonly redact: Redact
  /** Spaces, for a person. */
  readonly indent?: number
}

/** One record per line, as they come. */
export function createNdjsonOutput({ stream, name, redact, indent }: OutputStream): Output {
  const writer = createWriter(stream, name)
  return { ...writer, write: (record) => writer.write(`${redact(JSON.stringify(record, null, indent))}\n`) }
}

/** Records are kept in a file without a name until all columns are known. */
export async function createCsvOutput(target: OutputStream): Promise<Output> {
  const folder = await mkdtemp(join(tmpdir(), 'metronome-'))
  const file = await open(join(folder, 'records'), 'wx+', 0o600)
  await rm(folder, { recursive: true }).catch(() => {}) // Windows keeps files that are open
  const stream = file.createWriteStream({ autoClose: false })
  const records = createNdjsonOutput({ ...target, stream, name: tmpdir() })
  const { ready, write, end } = createWriter(target.stream, target.name)
  const columns = new Set<string>()
  return {
    async write(record) {
      for (const column of flatten(record).keys()) columns.add(column)
      await records.write(record)
    },
    ready,
    async end() {
      await records.end()
      const names = Array.from(columns)
      if (names.length > 0) await write(target.redact(buildCsvLine(names)))
      for await (const { bytes } of readLines(readChunks(file), Number.POSITIVE_INFINITY)) {
        const cells = flatten(JSON.parse(String(bytes)))
        await write(buildCsvLine(names.map((name) => cells.get(name) ?? '')))
      }
      await file.close()
      await end()
    },
  }
}

/** Writes text no faster than it is read. */
function createWriter(stream: Writable, name: string) {
  let failure: Error | undefined
  const waiting = new Set<() => void>()
  const notify = () => {
    for (const wake of waiting) wake()
    waiting.clear()
  }
  stream.on('error', (error: NodeJS.ErrnoException) => {
    const isClosed = error.code === 'EPIPE'
    failure ??= isClosed ? new ClosedError() : new Error(`${name} cannot be written (${error.code}).`)
    notify()
  })
  stream.on('drain', notify)
  const ready = async (): Promise<void> => {
    while (!failure && stream.writableNeedDrain) await new Promise<void>((resolve) => waiting.add(resolve))
    if (failure) throw failure
  }
  return {
    ready,
    async write(text: string): Promise<void> {
      if (!failure) stream.write(text)
      await ready()
    },
    async end(): Promise<void> {
      // The callback comes after everything before it, also when that failed.
      if (!failure) await new Promise<unknown>((resolve) => stream.write('', resolve))
      if (failure) throw failure
    },
  }
}
