const MAX_QUOTED = 500
// The patterns below see no more than this, so that no text can make them slow.
const MAX_READ = 2000
// C0 and C1 controls, and the marks that hide or reorder text on a screen.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g
// A tag may be cut off.
const MARKUP = /<\/?[a-z!][^>]*(>|$)/i
// `at run (/srv/app.js:1:2)`, `at file:///srv/app.js:1:2`, Java's without a column, the head of Python's. In JSON that is
// quoted as text, `\n` or `\t` stand before a frame as letters.
const NAMED_FRAME = /(\b|\\[nt])at [^\n()]{1,200}\([^\s()\d][^\s()]*:\d+\)/
const BARE_FRAME = /(\b|\\[nt])at (file:|node:|\/|[a-z]:\\)\S*:\d+/i
const TRACEBACK = /Traceback \(most recent call last\)/

/** Makes every invisible or controlling character visible, so that text cannot act on a terminal or a reader. */
export function escapeControls(text: string): string {
  return text.replace(HARMFUL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function cutStackTrace(text: string): string {
  const starts = [NAMED_FRAME, BARE_FRAME, TRACEBACK].map((pattern) => text.search(pattern)).filter((at) => at >= 0)
  return text.slice(0, Math.min(text.length, ...starts))
}

/** A third party's words, fit for one line of an error: no markup, no stack trace, no control characters, not long. */
export function quoteForeign(text: string): string {
  const start = text.slice(0, MAX_READ)
  const plain = MARKUP.test(start) ? '(markup left out)' : cutStackTrace(start)
  const shown = escapeControls(plain.trim())
  return shown.length > MAX_QUOTED ? `${shown.slice(0, MAX_QUOTED)}…` : shown
}

/** Whether every % in a piece of a URL stands for a byte of UTF-8. */
export function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
