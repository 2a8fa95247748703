const MASK = '[redacted]'
const MAX_QUOTED = 500
// The patterns below see no more than this, so that no text can make them slow.
const MAX_READ = 2000
// Controls, bidirectional and zero-width marks, tag characters, and what else is drawn as nothing: text that hides or
// reorders what a reader sees.
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029\u2800]/gu
// Pages and pieces of them; a tag may be cut off. A word in angle brackets, such as <region>, is text: what HTML has is
// told by a closing tag, an attribute, or a name that only HTML uses.
const MARKUP =
  /<[!?][a-z]|<\/[a-z]|<[a-z][\w-]*\s+[\w-]+\s*=|<(html|head|body|script|iframe|svg|img|br|hr|div|span|table|meta|link|center|h[1-6])(?![\w-])/i
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

/** A JSON value with every text in it, keys included, replaced; the same value, without a copy, where no text changes. */
export function mapTexts<T>(value: T, replace: (text: string) => string): T
export function mapTexts(value: unknown, replace: (text: string) => string): unknown {
  const changes = (item: unknown): boolean => {
    if (typeof item === 'string') return replace(item) !== item
    if (typeof item !== 'object' || item === null) return false
    if (Array.isArray(item)) return item.some(changes)
    return Object.keys(item).some(changes) || Object.values(item).some(changes)
  }
  const copy = (item: unknown): unknown => {
    if (typeof item === 'string') return replace(item)
    if (typeof item !== 'object' || item === null) return item
    if (Array.isArray(item)) return item.map(copy)
    return Object.fromEntries(Object.entries(item).map(([key, field]) => [replace(key), copy(field)]))
  }
  // Most values change nothing, and a look at them costs a fifth of a copy.
  return changes(value) ? copy(value) : value
}

/** The value with U+FFFD in the place of half characters: models' APIs reject conversations that hold one. */
export const toWellFormed = <T>(value: T): T => mapTexts(value, (text) => text.toWellFormed())

/** The first `max` UTF-16 units, without half a character at the end. */
export const cutText = (text: string, max: number): string =>
  text.length <= max ? text : text.slice(0, max).replace(/[\ud800-\udbff]$/, '')

/** The first items of a list in words, and how many more there are. */
export function listFirst<Item>(
  items: readonly Item[],
  max: number,
  describe: (item: Item) => string,
  separator = ', ',
  last = ' and ',
): string {
  const shown = items.slice(0, max).map(describe).join(separator)
  return items.length > max ? `${shown}${last}${items.length - max} more` : shown
}

/** Whether a text has a character that is drawn as nothing, or that hides or reorders others. */
export const hasInvisible = (text: string): boolean => text.search(INVISIBLE) !== -1

/** Makes every invisible character visible as `\u{202e}`, so that text cannot act on a terminal or mislead a reader. */
export function escapeInvisible(text: string): string {
  return text.toWellFormed().replace(INVISIBLE, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}

/** JSON text with every invisible character as JSON's own escape. */
export function escapeJson(json: string): string {
  return json.replace(INVISIBLE, (char) =>
    Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''),
  )
}

/** Third-party text, fit for one line of an error: no markup, no stack trace, no invisible characters, at most 500 characters. */
export function quoteUntrusted(text: string): string {
  const start = cutText(text, MAX_READ)
  const plain = MARKUP.test(start) ? '(HTML omitted)' : cutStackTrace(start)
  const shown = escapeInvisible(plain.trim())
  return shown.length > MAX_QUOTED ? `${cutText(shown, MAX_QUOTED)}…` : shown
}

/** A value of a record or an argument as JSON, for one line of text. */
export function quoteValue(value: unknown): string {
  return quoteUntrusted(JSON.stringify(toWellFormed(value)) ?? 'nothing')
}

function cutStackTrace(text: string): string {
  const starts = [NAMED_FRAME, BARE_FRAME, TRACEBACK].map((pattern) => text.search(pattern)).filter((at) => at >= 0)
  return text.slice(0, Math.min(text.length, ...starts))
}
