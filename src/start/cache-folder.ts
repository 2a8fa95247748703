import { lstatSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { NAME } from '../version.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** Where this user's cached code lies; `undefined` when there is no such place, or nothing shall be cached. */
export function locateCacheFolder(platform: NodeJS.Platform, environment: Variables): string | undefined {
  // Node's own variable for its own cache of the same kind.
  if (environment.NODE_DISABLE_COMPILE_CACHE) return undefined
  const { XDG_CACHE_HOME, LOCALAPPDATA, HOME } = environment
  const underHome = HOME && join(HOME, platform === 'darwin' ? 'Library/Caches' : '.cache')
  const parent = platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME || underHome
  return parent && isAbsolute(parent) ? join(parent, NAME) : undefined
}

/** Cached code is executed: a folder that others may write to is not used. Windows keeps others out by itself. */
export function isPrivate(folder: string, userId: number | undefined): boolean {
  try {
    const stats = lstatSync(folder)
    return stats.isDirectory() && (userId === undefined || (stats.uid === userId && (stats.mode & 0o077) === 0))
  } catch {
    return false
  }
}
