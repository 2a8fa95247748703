import { LoadError } from './program-error.ts'

/**
 * Loads what only some runs need with its first use, once. Throws {@link LoadError}; what could not be loaded is tried
 * again with the next use.
 */
export function lazy<Loaded>(load: () => Promise<Loaded>): () => Promise<Loaded> {
  let loading: Promise<Loaded> | undefined
  return () => {
    loading ??= load().catch((error) => {
      loading = undefined
      throw new LoadError(error)
    })
    return loading
  }
}
