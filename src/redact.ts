const MASK = '[redacted]'

/** Replaces every spelling of a secret that JSON text or a URL may hold. */
export type Redact = (text: string) => string

export function createRedactor(secrets: readonly (string | undefined)[]): Redact {
  const spellings = new Set(secrets.flatMap((secret) => (secret ? spell(secret) : [])))
  // The longest first: a spelling may contain a shorter one.
  const ordered = Array.from(spellings).sort((a, b) => b.length - a.length)
  return (text) => ordered.reduce((kept, secret) => kept.replaceAll(secret, MASK), text)
}

/** As it is, as inside JSON, as inside JSON that stands in JSON (a tool's text block), and percent-encoded. */
function spell(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1)
  return [secret, inJson, JSON.stringify(inJson).slice(1, -1), encodeURIComponent(secret)]
}
