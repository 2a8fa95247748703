import type { FileHandle } from 'node:fs/promises'

const CHUNK_BYTES = 64 * 1024

/** The bytes of a file that stays open. */
export async function* readChunks(file: FileHandle): AsyncGenerator<Buffer> {
  for (let position = 0; ; ) {
    const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, position)
    if (bytesRead === 0) return
    yield buffer.subarray(0, bytesRead)
    position += bytesRead
  }
}

/** A line without its line break. */
export interface Line {
  /** `undefined` when it is too long. */
  readonly bytes: Buffer | undefined
  /** Where it begins. */
  readonly offset: number
  /** Only the last line may lack its line break. */
  readonly hasBreak: boolean
}

/** The lines of a file as they come. */
export async function* readLines(chunks: AsyncIterable<Buffer>, maxBytes: number): AsyncGenerator<Line> {
  let parts: Buffer[] = []
  let offset = 0
  let size = 0
  const add = (part: Buffer): void => {
    size += part.length
    if (size <= maxBytes) parts.push(part)
  }
  const take = (hasBreak: boolean): Line => {
    const line = { bytes: size > maxBytes ? undefined : Buffer.concat(parts), offset, hasBreak }
    offset += size + 1
    parts = []
    size = 0
    return line
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      add(chunk.subarray(start, end))
      yield take(true)
      start = end + 1
    }
    add(chunk.subarray(start))
  }
  if (size > 0) yield take(false)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of UTF-8 bytes; `undefined` for other bytes. */
export function decode(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes)
  } catch {
    return undefined
  }
}
