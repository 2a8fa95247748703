import { type FileHandle, open, stat } from 'node:fs/promises'

const OWNER_ONLY = 0o600
const OTHERS_MAY_READ = 0o044

/**
 * Appends lines to a file of a local file system, each as one write that is on disk when the promise resolves. The file is
 * opened again when it was moved away, as logrotate does.
 */
export function createAuditFile(path: string, onWarning: (message: string) => void): (line: string) => Promise<void> {
  let handle: FileHandle | undefined
  /** The file may end in part of a line, which the next one must not join. */
  let endsInPart = false
  let last: Promise<void> = Promise.resolve()

  async function openFile(): Promise<FileHandle> {
    const opened = await open(path, 'a+', OWNER_ONLY)
    const { size, mode } = await opened.stat()
    if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0)
      onWarning(`${path} may be read by others; its mode is kept.`)
    if (size > 0) {
      const { buffer } = await opened.read(Buffer.alloc(1), 0, 1, size - 1)
      endsInPart = buffer[0] !== 0x0a
    }
    return opened
  }

  async function wasMoved(opened: FileHandle): Promise<boolean> {
    const own = await opened.stat()
    const there = await stat(path).catch(() => undefined)
    return there === undefined || there.ino !== own.ino || there.dev !== own.dev
  }

  async function append(line: string): Promise<void> {
    try {
      if (handle && (await wasMoved(handle))) {
        await handle.close()
        handle = undefined
      }
      handle ??= await openFile()
      const bytes = Buffer.from(`${endsInPart ? '\n' : ''}${line}\n`)
      endsInPart = true
      const { bytesWritten } = await handle.write(bytes)
      if (bytesWritten < bytes.length) throw Object.assign(new Error('only part was written'), { code: 'ENOSPC' })
      await handle.datasync()
      endsInPart = false
    } catch (error) {
      await handle?.close().catch(() => {})
      handle = undefined
      throw error
    }
  }

  // One after the other, so that a failed line is followed by a line break.
  return (line) => {
    const appended = last.then(() => append(line))
    last = appended.catch(() => {})
    return appended
  }
}
