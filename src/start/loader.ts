import { join } from 'node:path'
import type { Compile } from './code-cache.ts'

type Require = (id: string) => unknown

/** Loads the program's own files through `compile`; Node's modules come from Node. */
export function createLoader(folder: string, compile: Compile, fromNode: Require): Require {
  const loaded = new Map<string, { exports: unknown }>()
  return function load(id) {
    if (!id.startsWith('./')) return fromNode(id)
    const known = loaded.get(id)
    if (known) return known.exports
    const module: { exports: unknown } = { exports: {} }
    loaded.set(id, module)
    const path = join(folder, id)
    try {
      compile(path).runInThisContext()(module.exports, load, module, path, folder)
    } catch (error) {
      loaded.delete(id)
      throw error
    }
    return module.exports
  }
}
