import { createHash } from 'node:crypto'

/** Stands for a key or token in a file: they can be distinguished, but not recovered. */
export function digestSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('hex').slice(0, 8)
}
