/** Wrong usage: each problem names the option or variable and the fix. The program exits with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
  /** Everything that is wrong, each on its own. */
  readonly problems: readonly string[]

  constructor(problems: string | readonly string[], options?: ErrorOptions) {
    const all = Array.from(new Set([problems].flat()))
    super(all.join('\n'), options)
    this.problems = all
  }
}

/** A part of the configuration, or why it cannot be read. */
export type Reading<Part> =
  | { readonly ok: true; readonly part: Part }
  | { readonly ok: false; readonly problems: readonly string[] }

/** Reads a part so that the others are still read when it is wrong. Any error but wrong usage is thrown. */
export function attempt<Part>(read: () => Part): Reading<Part> {
  try {
    return { ok: true, part: read() }
  } catch (error) {
    return toReading(error)
  }
}

export async function attemptAsync<Part>(read: () => Promise<Part>): Promise<Reading<Part>> {
  try {
    return { ok: true, part: await read() }
  } catch (error) {
    return toReading(error)
  }
}

function toReading(error: unknown): Reading<never> {
  if (error instanceof UsageError) return { ok: false, problems: error.problems }
  throw error
}

/** All parts. Throws one {@link UsageError} with the problems of those that are wrong. */
export function takeAll<Parts extends object>(
  readings: {
    readonly [Name in keyof Parts]: Reading<Parts[Name]>
  },
): Parts {
  const entries = Object.entries<Reading<unknown>>(readings)
  const problems = entries.flatMap(([, reading]) => (reading.ok ? [] : reading.problems))
  if (problems.length > 0) throw new UsageError(problems)
  return Object.fromEntries(entries.map(([name, reading]) => [name, reading.ok && reading.part])) as Parts // all are ok
}
