import { createHash, timingSafeEqual } from 'node:crypto'

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The credential of `Authorization: Bearer`; never looked for anywhere else, such as the query. */
export function readBearer(authorization: string | null): string | undefined {
  return /^bearer +(\S+)$/i.exec(authorization?.trim() ?? '')?.[1]
}

/** Compares in constant time; hashed first, so that not even the length can be learnt. */
export function createTokenCheck(token: string): (bearer: string) => boolean {
  const expected = digest(token)
  return (bearer) => timingSafeEqual(digest(bearer), expected)
}

/** Stands for a secret where it must be told apart but not kept. */
export function hashCaller(secret: string): string {
  return digest(secret).toString('base64url')
}
