import type { BigIntStats } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { codeOf } from '../../thrown.ts'
import { UsageError } from '../config/usage-error.ts'

/** A file that has its name only when it is complete. */
export interface OutputFile {
  readonly stream: Writable
  /** Closes it, and gives it its name where `isComplete`; `onComplete` comes before. */
  finish(isComplete: boolean, onComplete: (file: BigIntStats) => Promise<void>): Promise<void>
}

/** Throws {@link UsageError} where there is a file already, unless `mayReplace`. */
export async function openOutputFile(path: string, mayReplace: (file: BigIntStats) => boolean): Promise<OutputFile> {
  const find = (name: string) => stat(name, { bigint: true }).catch(() => undefined)
  const isFree = async () => {
    const there = await find(path)
    return there === undefined || mayReplace(there)
  }
  if (!(await isFree())) throw new UsageError(`--output ${path} exists; name another file, or delete it.`)
  const partial = `${path}.partial`
  // Never through a link that lies there.
  await rm(partial, { force: true }).catch(() => {})
  const file = await open(partial, 'wx').catch((error: unknown) => {
    throw new UsageError(`--output ${path} cannot be written (${codeOf(error)}).`)
  })
  const own = await file.stat({ bigint: true })
  const stream = file.createWriteStream({ flush: true } as object) // not yet in the types
  return {
    stream,
    async finish(isComplete, onComplete) {
      await new Promise<void>((resolve) => stream.once('close', resolve).end())
      if (!isComplete) return
      const there = await find(partial)
      if (there?.ino !== own.ino || !(await isFree())) throw new Error(`${path} or ${partial} is another file by now.`)
      await onComplete(there)
      await rename(partial, path)
    },
  }
}
