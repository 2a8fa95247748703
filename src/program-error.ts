/** Wrong usage: one line that names the flag or variable and the fix; the program ends with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A file of the program is not there any more, or cannot be read: nothing was sent. */
export class LoadError extends Error {
  override readonly name = 'LoadError'

  constructor(cause: unknown) {
    const { code = 'broken' } = cause as { code?: string } // errors of the file system carry a code
    super(
      `A file of this server cannot be loaded (${code}), nothing was sent. The server was probably updated or removed while it ran: restart it.`,
      { cause },
    )
  }
}
