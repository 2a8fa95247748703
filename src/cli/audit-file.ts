import { createAppendFile } from './append-file.ts'

const OTHERS_MAY_READ = 0o044

/** Appends lines to the audit log; each is on disk when the promise resolves. */
export function createAuditFile(path: string, onWarning: (message: string) => void): (line: string) => Promise<void> {
  const { append } = createAppendFile(path, ({ mode }) => {
    if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0)
      onWarning(`${path} may be read by others; its mode is kept.`)
  })
  return append
}
