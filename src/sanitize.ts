const MASK = '[redacted]'
const MAX_QUOTED = 500
// The patterns below see no more than this, so that no text can make them slow.
const MAX_READ = 2000
// Controls, bidirectional and zero-width marks, and tag characters: text that hides or reorders what a reader sees.
const INVISIBLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu
// A tag may be cut off.
const MARKUP = /<\/?[a-z!][^>]*(>|$)/i
// Frames of JavaScript (`at run (/srv/app.js:1:2)`, `at file:///srv/app.js:1:2`), Java (no column) and Python. In JSON
// that is quoted as text, the letters `\n` or `\t` stand before a frame.
const NAMED_FRAME = /(\b|\\[nt])at [^\n()]{1,200}\([^\s()\d][^\s()]*:\d+\)/
const BARE_FRAME = /(\b|\\[nt])at (file:|node:|\/|[a-z]:\\)\S*:\d+/i
const TRACEBACK = /Traceback \(most recent call last\)/

/** Replaces secrets in a text. */
export type Redact = (text: string) => string

/** Replaces every encoding of the secrets that JSON text or a URL may hold. */
export function createRedactor(secrets: readonly (string | undefined)[]): Redact {
  const encodings = new Set(secrets.flatMap((secret) => (secret ? encode(secret) : [])))
  // The longest first: an encoding may contain a shorter one.
  const ordered = Array.from(encodings).sort((a, b) => b.length - a.length)
  return (text) => ordered.reduce((kept, secret) => kept.replaceAll(secret, MASK), text)
}

/** Plain, inside JSON, inside JSON within JSON (a tool's text block), and percent-encoded. */
function encode(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1)
  return [secret, inJson, JSON.stringify(inJson).slice(1, -1), encodeURIComponent(secret)]
}

/** Makes every invisible character visible as `\u{202e}`, so that text cannot act on a terminal or mislead a reader. */
export function escapeInvisible(text: string): string {
  return text.replace(INVISIBLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}

/** Third-party text, fit for one line of an error: no markup, no stack trace, no invisible characters, at most 500 characters. */
export function quoteUntrusted(text: string): string {
  const start = text.slice(0, MAX_READ)
  const plain = MARKUP.test(start) ? '(HTML omitted)' : cutStackTrace(start)
  const shown = escapeInvisible(plain.trim())
  return shown.length > MAX_QUOTED ? `${shown.slice(0, MAX_QUOTED)}…` : shown
}

/** A value of a record or an argument as JSON, for one line of text. */
export function quoteValue(value: unknown): string {
  return quoteUntrusted(JSON.stringify(value) ?? 'nothing')
}

function cutStackTrace(text: string): string {
  const starts = [NAMED_FRAME, BARE_FRAME, TRACEBACK].map((pattern) => text.search(pattern)).filter((at) => at >= 0)
  return text.slice(0, Math.min(text.length, ...starts))
}
