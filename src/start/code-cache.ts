import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { crc32 } from 'node:zlib'
import { isPrivate } from './cache-folder.ts'

export interface CodeCacheOptions {
  /** Absent: nothing is cached. */
  readonly folder: string | undefined
  /** Of this process; absent on Windows. */
  readonly userId: number | undefined
  /** Name of the runtime that the code is compiled for. */
  readonly runtime: string
  /** Runs a task when nobody waits for an answer. */
  readonly later: (task: () => void) => void
}

/** Compiles a CommonJS file into a function expression. */
export type Compile = (path: string) => Script

interface Compiled {
  readonly path: string
  readonly checksum: number
  readonly script: Script
}

const HEADER_BYTES = 8

/**
 * Compiles with V8's cached code where some fits, and stores it where none did. Nothing here may fail a start:
 * without a cache the source is compiled, as ever.
 */
export function createCodeCache({ folder, userId, runtime, later }: CodeCacheOptions): Compile {
  const trusted = folder !== undefined && isPrivate(folder, userId)
  const uncached: Compiled[] = []
  const nameFor = (path: string) => `${runtime}-${basename(path)}.bin`

  function store(): void {
    if (folder === undefined) return
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      if (!isPrivate(folder, userId)) return
      for (const { path, checksum, script } of uncached.splice(0)) {
        writeCode(join(folder, nameFor(path)), checksum, script.createCachedData())
        removeStale(folder, `${runtime}-`, new Set(readdirSync(dirname(path)).map(nameFor)))
      }
    } catch {
      // A full or read-only disk: the next start compiles again.
    }
  }

  return (path) => {
    const source = readFileSync(path)
    const checksum = crc32(source)
    const cachedData = trusted ? readCode(join(folder, nameFor(path)), checksum) : undefined
    const script = new Script(wrap(source.toString('utf8')), { filename: path, ...(cachedData && { cachedData }) })
    if (cachedData && !script.cachedDataRejected) return script
    if (uncached.push({ path, checksum, script }) === 1) later(store)
    return script
  }
}

// The parameters that Node gives every CommonJS module.
function wrap(source: string): string {
  return `(function (exports, require, module, __filename, __dirname) {${source}\n})`
}

/** V8 checks its version and flags, but neither source nor content: damaged code would crash the process. */
function readCode(path: string, sourceChecksum: number): Buffer | undefined {
  try {
    const stored = readFileSync(path)
    const code = stored.subarray(HEADER_BYTES)
    const fits = stored.readUInt32LE(0) === sourceChecksum && stored.readUInt32LE(4) === crc32(code)
    return fits ? code : undefined
  } catch {
    return undefined
  }
}

/** Written aside and renamed: another start sees all of it or nothing. */
function writeCode(path: string, sourceChecksum: number, code: Buffer): void {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(sourceChecksum, 0)
  header.writeUInt32LE(crc32(code), 4)
  const aside = `${path}.${process.pid}`
  writeFileSync(aside, Buffer.concat([header, code]), { mode: 0o600, flag: 'wx' })
  renameSync(aside, path)
}

/** An older build's files have other names and would stay for ever. */
function removeStale(folder: string, prefix: string, current: ReadonlySet<string>): void {
  const stale = readdirSync(folder).filter((name) => name.startsWith(prefix) && !current.has(name))
  for (const name of stale) rmSync(join(folder, name), { force: true })
}
