import type { Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'

const OWNER_ONLY = 0o600
const MAX_BATCH_BYTES = 1024 * 1024
/** A write of another process, seen when half of it is in the file, is complete by then. */
const SECOND_LOOK_MS = 20
const LINE_BREAK = 0x0a

/** A file that grows by whole lines. Several processes may append to it on a local file system. */
export interface AppendFile {
  /** Opens the file, to learn before the first line whether that works. */
  open(): Promise<void>
  /** Resolves when the line is on disk. Lines that are appended while others are written share their next sync. */
  append(line: string): Promise<void>
  /** Closes the file once every line is on disk or has failed; a later line opens it again. */
  close(): Promise<void>
}

interface QueuedLine {
  readonly bytes: Buffer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The file is created for its owner only, and opened again when it was moved away, as logrotate does. */
export function createAppendFile(path: string, onOpened: (stats: Stats) => void = () => {}): AppendFile {
  const queue: QueuedLine[] = []
  let file: FileHandle | undefined
  let draining: Promise<void> | undefined

  async function openFile(): Promise<{ file: FileHandle; size: number }> {
    if (file) {
      const [own, there] = await Promise.all([file.stat(), stat(path).catch(() => undefined)])
      if (there && isSameFile(own, there)) return { file, size: own.size }
      await closeFile()
    }
    const there = await stat(path).catch(() => undefined)
    // Before it is opened: to open a pipe may block, and to write to a device syncs nothing.
    if (there && !there.isFile()) throw notRegular(there)
    file = await open(path, 'a+', OWNER_ONLY)
    const stats = await file.stat()
    onOpened(stats)
    return { file, size: stats.size }
  }

  async function closeFile(): Promise<void> {
    const closing = file
    file = undefined
    await closing?.close()
  }

  /** Settles every line of the batch. */
  async function writeBatch(batch: readonly QueuedLine[]): Promise<void> {
    try {
      const bytesWritten = await appendLines(await openFile(), Buffer.concat(batch.map(({ bytes }) => bytes)))
      let end = 0
      for (const { bytes, resolve, reject } of batch) {
        end += bytes.length
        // A full disk takes part of a write: the lines before the torn one are on disk.
        if (end <= bytesWritten) resolve()
        else reject(diskFull())
      }
      // What follows a torn line looks at the file anew.
      if (bytesWritten < end) await closeFile()
    } catch (error) {
      await closeFile().catch(() => {})
      for (const { reject } of batch) reject(error)
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) await writeBatch(takeBatch(queue))
    draining = undefined
  }

  return {
    async open() {
      await openFile()
    },
    append: (line) =>
      new Promise((resolve, reject) => {
        queue.push({ bytes: Buffer.from(`${line}\n`), resolve, reject })
        draining ??= drain()
      }),
    async close() {
      await draining
      await closeFile()
    },
  }
}

export function isSameFile(one: Stats, other: Stats): boolean {
  return one.ino === other.ino && one.dev === other.dev
}

function notRegular(stats: Stats): Error {
  const kinds = { 'a directory': stats.isDirectory(), 'a pipe': stats.isFIFO(), 'a socket': stats.isSocket() }
  const kind = Object.entries(kinds).find(([, isKind]) => isKind)?.[0] ?? 'a device'
  return Object.assign(new Error(`it is ${kind}, not a regular file`), { code: 'not a regular file' })
}

/** At least one line, and as many more as fit. */
function takeBatch(queue: QueuedLine[]): QueuedLine[] {
  let total = 0
  const tooMany = queue.findIndex(({ bytes }, index) => {
    total += bytes.length
    return index > 0 && total > MAX_BATCH_BYTES
  })
  return queue.splice(0, tooMany === -1 ? queue.length : tooMany)
}

/** Appends lines to an open file of this size, and syncs. Resolves with how many of their bytes the disk took. */
async function appendLines({ file, size }: { file: FileHandle; size: number }, lines: Buffer): Promise<number> {
  const end = await findEnd(file, size)
  const bytesWritten = await write(file, lines, end.isTorn)
  if (!end.isTorn && (await hasJoined(file, lines.subarray(0, bytesWritten), end.size))) {
    // Only the first line can have joined what another process left after the look at the end.
    const first = lines.subarray(0, lines.indexOf(LINE_BREAK) + 1)
    if ((await write(file, first, true)) < first.length) throw diskFull()
  }
  await file.datasync()
  return bytesWritten
}

/** In one write: a line that brings its own line break joins nothing, whatever another process appends meanwhile. */
async function write(file: FileHandle, lines: Buffer, afterBreak: boolean): Promise<number> {
  const bytes = afterBreak ? Buffer.concat([Buffer.of(LINE_BREAK), lines]) : lines
  const { bytesWritten } = await file.write(bytes)
  return bytesWritten - (bytes.length - lines.length)
}

/** The file may end in part of a line, or in the first half of a write that goes on: two looks at one size tell them apart. */
async function findEnd(file: FileHandle, firstSize: number): Promise<{ size: number; isTorn: boolean }> {
  let size = firstSize
  while (size > 0 && (await readBytes(file, size - 1, size))[0] !== LINE_BREAK) {
    await delay(SECOND_LOOK_MS)
    const later = await file.stat()
    if (later.size === size) return { size, isTorn: true }
    size = later.size
  }
  return { size, isTorn: false }
}

/** Whether these lines, which were appended to a file of this size, begin within the line of another process. */
async function hasJoined(file: FileHandle, lines: Buffer, sizeBefore: number): Promise<boolean> {
  const { size } = await file.stat()
  if (size === sizeBefore + lines.length) return false
  // What is smaller now was truncated in between.
  const start = size < sizeBefore ? 0 : Math.max(0, sizeBefore - 1)
  const appended = await readBytes(file, start, size)
  const at = appended.indexOf(lines)
  return at > 0 && appended[at - 1] !== LINE_BREAK
}

async function readBytes(file: FileHandle, start: number, end: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(end - start), 0, end - start, start)
  return buffer.subarray(0, bytesRead)
}

function diskFull(): Error {
  return Object.assign(new Error('only part was written'), { code: 'ENOSPC' })
}
