const MAX_QUOTED = 500
// The patterns below see no more than this, so that no text can make them slow.
const MAX_READ = 2000
// C0 and C1 controls, and the marks that hide or reorder text on a screen.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const HARMFUL = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g
const MARKUP = /<\/?[a-z!][^>]*>/i
const STACK_TRACE = /\s+at\s+\S+.*:\d+:\d+/s

/** Makes every invisible or controlling character visible, so that text cannot act on a terminal or a reader. */
export function escapeControls(text: string): string {
  return text.replace(HARMFUL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A third party's words, fit for one line of an error: no markup, no stack trace, no control characters, not long. */
export function quoteForeign(text: string): string {
  const start = text.slice(0, MAX_READ)
  const plain = MARKUP.test(start) ? '(markup left out)' : start.replace(STACK_TRACE, '')
  const shown = escapeControls(plain.trim())
  return shown.length > MAX_QUOTED ? `${shown.slice(0, MAX_QUOTED)}…` : shown
}
