/** One argument that failed its check. */
export interface InputIssue {
  /** Where: `ingest_aliases[3]`, `data[0].customer_id`; empty for the arguments as a whole. */
  readonly path: string
  /** What is wrong, to be read after the path. */
  readonly message: string
}

const MAX_SHOWN = 10

/** The caller can fix it: nothing was sent. */
export class InputError extends Error {
  override readonly name = 'InputError'

  constructor(
    tool: string,
    readonly issues: readonly InputIssue[],
  ) {
    super(`${tool}: invalid arguments, nothing was sent. ${describeIssues(issues)}`)
  }
}

function describeIssues(issues: readonly InputIssue[]): string {
  const shown = issues
    .slice(0, MAX_SHOWN)
    .map(({ path, message }) => `${path.slice(0, 120) || 'arguments'} ${message}.`)
  const hidden = issues.length - shown.length
  return hidden > 0 ? `${shown.join(' ')} And ${hidden} more.` : shown.join(' ')
}
