import { type BigIntStats, constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'

export interface LockedFile {
  readonly file: FileHandle
  release(): Promise<void>
}

const OWNER_ONLY = 0o600
// Only BSDs can lock a file when they open it; Node has no name for their flag.
const O_EXLOCK = 0x20

/**
 * Opens a file for this process only, under whatever name: `undefined` where another has it. The operating system ends
 * the lock with the process, so that one that was killed leaves none behind.
 */
export async function openLocked(path: string, platform: NodeJS.Platform): Promise<LockedFile | undefined> {
  const hasSockets = platform === 'linux' || platform === 'win32'
  const lockFlags = hasSockets ? 0 : O_EXLOCK | constants.O_NONBLOCK
  const file = await open(path, constants.O_RDWR | constants.O_CREAT | lockFlags, OWNER_ONLY).catch((error) => {
    if (error.code === 'EAGAIN') return undefined
    throw error
  })
  if (!file) return undefined
  const unlock = hasSockets ? await listen(nameOf(await file.stat({ bigint: true }), platform)) : () => {}
  if (unlock) {
    await syncFolder(path)
    return {
      file,
      async release() {
        unlock()
        await file.close()
      },
    }
  }
  await file.close()
  return undefined
}

/** A new file is on disk once its entry in the folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path)).catch(() => undefined) // Windows opens no folder
  await folder?.sync().catch(() => {})
  await folder?.close()
}

/** A name outside of the file system, which is gone with its listener. */
function nameOf({ dev, ino }: BigIntStats, platform: NodeJS.Platform): string {
  return `${platform === 'win32' ? '\\\\.\\pipe\\' : '\0'}metronome-customers-mcp-${dev}-${ino}`
}

/** `undefined` where another process listens. */
async function listen(name: string): Promise<(() => void) | undefined> {
  const server = createServer((socket) => socket.destroy()).unref()
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' || error.code === 'EACCES' ? resolve(undefined) : reject(error),
    )
    server.listen(name, () => resolve(() => void server.close()))
  })
}
