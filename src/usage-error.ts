/** Wrong usage: one line that names the flag or variable and the fix; the program ends with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
