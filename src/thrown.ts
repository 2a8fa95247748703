/** The message of whatever was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The code that errors of Node's own modules carry, such as `ENOENT`; `undefined` where there is none. */
export function codeOf(error: unknown): string | undefined {
  const { code } = Object(error) as { code?: string } // where there is one, it is text
  return code
}
