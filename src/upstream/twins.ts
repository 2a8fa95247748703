const REMEMBERED_MS = 10 * 60_000
const MAX_REMEMBERED = 10_000

/** Remembers the aliases of recent creates, so that a record of one call is not taken for that of another. */
export interface Twins {
  /** Counts the aliases as claimed; says whether one of them was so already. */
  claim(aliases: readonly string[]): boolean
  /** The claim came to nothing. */
  release(aliases: readonly string[]): void
}

export function createTwins(): Twins {
  const claimedAt = new Map<string, number>()
  return {
    claim(aliases) {
      const now = Date.now()
      const isTwin = aliases.some((alias) => now - (claimedAt.get(alias) ?? 0) < REMEMBERED_MS)
      for (const alias of aliases) {
        claimedAt.delete(alias)
        claimedAt.set(alias, now)
      }
      // A Map keeps the order of insertion: the first keys are the oldest.
      for (const alias of claimedAt.keys()) {
        if (claimedAt.size <= MAX_REMEMBERED) break
        claimedAt.delete(alias)
      }
      return isTwin
    },
    release(aliases) {
      for (const alias of aliases) claimedAt.delete(alias)
    },
  }
}
