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
  'rate-limit-customer': 1,
  'approval-required': 1,
  'slow-response': 1,
  /** Draws one of the others, or none in half of the cases. */
  random: 3,
} as const

export type FaultName = keyof typeof DEFAULT_ATTEMPTS

export const FAULT_NAMES = Object.keys(DEFAULT_ATTEMPTS) as FaultName[] // Object.keys returns strings

type Target = 'writes' | 'reads' | 'all'

export interface FaultPlan {
  /** Faults of the first, second and further attempts of each call; later attempts have none. */
  readonly writes: readonly FaultName[]
  readonly reads: readonly FaultName[]
  /** Faults of single attempts, whatever their calls; they take precedence. */
  readonly single: readonly SingleFault[]
}

export interface SingleFault {
  readonly fault: FaultName
  readonly target: Target
  /** One attempt by its number, counted from 1, or a share of the attempts. */
  readonly hits: { readonly kind: 'number'; readonly number: number } | { readonly kind: 'rate'; readonly rate: number }
}

export type FaultSpecResult =
  | { readonly ok: true; readonly plan: FaultPlan }
  /** The message completes "--sandbox-faults: ". */
  | { readonly ok: false; readonly message: string }

const MAX_ATTEMPTS = 99
const ENTRY = /^([a-z0-9-]+)(?::(\d{1,9}(?:\.\d{1,9})?)(%|st|nd|rd|th)?)?(?:@(reads|writes|all))?$/

/** Parses a comma-separated list of `NAME[:ATTEMPTS|:RATE%|:NUMBERth][@reads|@writes|@all]`; blank text has no faults. */
export function parseFaultSpec(text: string): FaultSpecResult {
  const plan = { writes: [] as FaultName[], reads: [] as FaultName[], single: [] as SingleFault[] }
  const parts = text.trim() === '' ? [] : text.split(',')
  for (const [index, part] of parts.entries()) {
    const entry = parseEntry(part.trim())
    if (!entry) return { ok: false, message: describeInvalid(index + 1) }
    const { fault, target, hits } = entry
    if (hits.kind !== 'attempts') plan.single.push({ fault, target, hits })
    else
      for (const kind of ['writes', 'reads'] as const)
        if (target === kind || target === 'all') plan[kind].push(...Array<FaultName>(hits.count).fill(fault))
  }
  return { ok: true, plan }
}

type Hits = SingleFault['hits'] | { readonly kind: 'attempts'; readonly count: number }

function parseEntry(text: string): { fault: FaultName; target: Target; hits: Hits } | undefined {
  const [, name, figure, unit, target = 'writes'] = ENTRY.exec(text) ?? []
  const fault = FAULT_NAMES.find((known) => known === name)
  const hits = fault && readHits(figure === undefined ? DEFAULT_ATTEMPTS[fault] : Number(figure), unit)
  return hits && { fault, target: target as Target, hits } // the expression matches no other target
}

function readHits(figure: number, unit: string | undefined): Hits | undefined {
  if (unit === '%') return figure > 0 && figure <= 100 ? { kind: 'rate', rate: figure / 100 } : undefined
  if (!Number.isInteger(figure) || figure < 1) return undefined
  if (unit !== undefined) return { kind: 'number', number: figure }
  return figure <= MAX_ATTEMPTS ? { kind: 'attempts', count: figure } : undefined
}

function describeInvalid(position: number): string {
  return `fault ${position} is invalid; expected NAME[:ATTEMPTS][@reads|@writes|@all], where ATTEMPTS is 1 to ${MAX_ATTEMPTS}, a rate such as 5%, or a number such as 15th. Names: ${FAULT_NAMES.join(', ')}.`
}
