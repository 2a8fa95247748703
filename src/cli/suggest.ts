import { closestMatch } from 'leven'

/** The name that a misspelt word means: one that it begins, or one that differs in at most a third of its letters, rounded up. */
export function findNearest(word: string, known: readonly string[]): string | undefined {
  const start = word.slice(0, 64).toLowerCase()
  const longer = start.length > 2 ? known.find((name) => name.startsWith(start)) : undefined
  return longer ?? closestMatch(start, known, { maxDistance: Math.ceil(start.length / 3) })
}
