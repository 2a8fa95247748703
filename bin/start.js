import { chmodSync, existsSync, lstatSync, mkdirSync } from 'node:fs'
import module from 'node:module'
import { isAbsolute, join } from 'node:path'

const main = new URL('../dist/main.js', import.meta.url)

// Cached code is executed, so only its user may write to the directory. Node 20 has no compile cache.
const { LOCALAPPDATA, XDG_CACHE_HOME, HOME } = process.env
const parent = [LOCALAPPDATA, XDG_CACHE_HOME, HOME && join(HOME, '.cache')].find((path) => path && isAbsolute(path))
if (module.enableCompileCache && parent) {
  const directory = join(parent, 'metronome-customers-mcp')
  if (isPrivate(directory)) module.enableCompileCache(directory)
}

if (existsSync(main)) import(main)
else {
  console.error('metronome-customers-mcp: not built yet: npm ci && npm run build')
  process.exitCode = 1
}

/** Makes the directory; false when it is somebody else's, writable by others, or cannot be made. */
function isPrivate(directory) {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    const stats = lstatSync(directory)
    if (process.platform === 'win32') return stats.isDirectory()
    if (!stats.isDirectory() || stats.uid !== process.getuid() || (stats.mode & 0o022) !== 0) return false
    chmodSync(directory, 0o700)
    return true
  } catch {
    return false
  }
}
