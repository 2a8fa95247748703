import type { CommandContext } from '../config/command-line.ts'

const TERMINAL_MS = 200
const PIPE_MS = 10_000
const BAR = 20
/** Removes the line of progress from a terminal. */
export const CLEAR = '\r\u001b[K'

export interface Progress {
  /** Makes room for other lines on the terminal. */
  clear(): void
  end(): void
}

/** One line that changes on a terminal, a line now and then elsewhere. */
export function showProgress(
  { stderr, hasErrorTerminal }: CommandContext,
  total: number,
  read: () => { ended: number; failed: number; unknown: number },
): Progress {
  const startedAt = performance.now()
  const show = (): void => {
    const { ended, failed, unknown } = read()
    const rate = (ended * 1000) / (performance.now() - startedAt)
    const left = rate > 0 ? `, ${Math.ceil((total - ended) / rate)} s left` : ''
    const text = `${ended} of ${total} rows, ${failed + unknown} failed, ${rate.toFixed(1)} rows/s${left}`
    const filled = Math.floor((BAR * ended) / Math.max(1, total))
    stderr(hasErrorTerminal ? `${CLEAR}[${'#'.repeat(filled).padEnd(BAR, '.')}] ${text}` : `${text}\n`)
  }
  const timer = setInterval(show, hasErrorTerminal ? TERMINAL_MS : PIPE_MS).unref()
  const clear = () => {
    if (hasErrorTerminal) stderr(CLEAR)
  }
  return {
    clear,
    end() {
      clearInterval(timer)
      clear()
    },
  }
}
