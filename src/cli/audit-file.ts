import { fstatSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { hostname, userInfo } from 'node:os'
import { resolve } from 'node:path'
import { type AuditLog, createAuditLog } from '../calls/guards/audit.ts'
import type { Log } from '../log.ts'
import { codeOf, messageOf } from '../thrown.ts'
import { VERSION } from '../version.ts'
import { createAppendFile, isSameFile } from './append-file.ts'
import type { AuditFile } from './config/access-config.ts'
import { UsageError } from './config/usage-error.ts'

const OTHERS_MAY_READ = 0o044

/** Appends lines to the audit log; each is on disk when the promise resolves. */
export function createAuditFile(path: string, onWarning: (message: string) => void): (line: string) => Promise<void> {
  const { append } = createAppendFile(path, ({ mode }) => {
    if (process.platform !== 'win32' && (mode & OTHERS_MAY_READ) !== 0)
      onWarning(`${path} may be read by others; its mode is kept.`)
  })
  return append
}

const CAUSES: Readonly<Record<string, string>> = {
  ENOENT: 'its directory does not exist; create it',
  ENOTDIR: 'part of the path is a file',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
}

/** Throws {@link UsageError} that names the option or variable when the path cannot be appended to. Creates the file. */
export async function checkAuditFile({ path, source }: AuditFile, isStdio: boolean): Promise<void> {
  // A line between MCP messages, or between results, would break them.
  if (isStdio && (await isStdout(path)))
    throw new UsageError(
      `${source} names ${resolve(path)}, which is stdout and carries messages or results; name another file.`,
    )
  const file = createAppendFile(path)
  try {
    await file.open()
    await file.close()
  } catch (error) {
    const reason = CAUSES[codeOf(error) ?? ''] ?? messageOf(error)
    throw new UsageError(`${source} names ${resolve(path)}, which cannot be appended to: ${reason}.`, { cause: error })
  }
}

async function isStdout(path: string): Promise<boolean> {
  try {
    return isSameFile(fstatSync(1), await stat(path))
  } catch {
    return false
  }
}

/** The audit log of `--audit-log`. */
export function openAuditLog({ path }: AuditFile, environment: string | undefined, log: Log): AuditLog {
  return createAuditLog({
    append: createAuditFile(path, (message) => log('warn', 'audit-log', { message })),
    context: { environment: environment ?? null, server: VERSION },
    onError: (tool, error) => log('error', 'audit-log-failed', { tool, error: String(error) }),
  })
}

/** Who uses the process: the caller, where it is no server for others. */
export function readOwner() {
  return { user: readUserName(), host: hostname() }
}

/** A container may run under a user id without a name. */
function readUserName(): string | null {
  try {
    return userInfo().username
  } catch {
    return null
  }
}
