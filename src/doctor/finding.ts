/** One line of the report. */
export interface Finding {
  readonly check: string
  /** Only `fail` means that something has to be done. */
  readonly verdict: 'ok' | 'note' | 'fail'
  /** What was found; never any character of the key. */
  readonly saw: string
  /** What to do. */
  readonly fix?: string
}

export const ok = (check: string, saw: string): Finding => ({ check, verdict: 'ok', saw })
export const note = (check: string, saw: string, fix: string): Finding => ({ check, verdict: 'note', saw, fix })
export const fail = (check: string, saw: string, fix: string): Finding => ({ check, verdict: 'fail', saw, fix })
