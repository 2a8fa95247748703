/** Names of the faults, each with the number of attempts that it hits when the specification gives none. */
const DEFAULT_ATTEMPTS = {
  'lost-response': 1,
  reset: 1,
  pending: 2,
  unavailable: 2,
  'gateway-timeout': 1,
  'error-500': 1,
  'error-500-applied': 1,
  hang: 1,
  'hang-applied': 1,
  'rate-limit': 1,
  'approval-required': 1,
  'slow-response': 1,
  /** Draws one of the others, or none in half of the cases. */
  random: 3,
} as const

export type FaultName = keyof typeof DEFAULT_ATTEMPTS

export const FAULT_NAMES = Object.keys(DEFAULT_ATTEMPTS) as FaultName[] // Object.keys returns strings

/** The faults of the first, second and further attempts of each call; later attempts have none. */
export interface FaultPlan {
  readonly writes: readonly FaultName[]
  readonly reads: readonly FaultName[]
}

export type FaultSpecResult =
  | { readonly ok: true; readonly plan: FaultPlan }
  /** The message completes "--sandbox-faults: ". */
  | { readonly ok: false; readonly message: string }

const MAX_ATTEMPTS = 99
const ENTRY = /^([a-z0-9-]+)(?::(\d+))?(?:@(reads|writes|all))?$/

/** Parses a comma-separated list of `NAME[:ATTEMPTS][@reads|@writes|@all]`. */
export function parseFaultSpec(text: string): FaultSpecResult {
  const reads: FaultName[] = []
  const writes: FaultName[] = []
  for (const [index, part] of text.split(',').entries()) {
    const entry = parseEntry(part.trim())
    if (!entry) return { ok: false, message: describeInvalid(index + 1) }
    if (entry.target !== 'writes') reads.push(...entry.faults)
    if (entry.target !== 'reads') writes.push(...entry.faults)
  }
  return { ok: true, plan: { writes, reads } }
}

function parseEntry(text: string): { faults: FaultName[]; target: string } | undefined {
  const [, name, attempts, target = 'writes'] = ENTRY.exec(text) ?? []
  const fault = FAULT_NAMES.find((known) => known === name)
  if (!fault) return undefined
  const count = attempts === undefined ? DEFAULT_ATTEMPTS[fault] : Number(attempts)
  if (count < 1 || count > MAX_ATTEMPTS) return undefined
  return { faults: Array<FaultName>(count).fill(fault), target }
}

function describeInvalid(position: number): string {
  return `fault ${position} is invalid; expected NAME[:ATTEMPTS][@reads|@writes|@all] with 1 to ${MAX_ATTEMPTS} attempts. Names: ${FAULT_NAMES.join(', ')}.`
}
