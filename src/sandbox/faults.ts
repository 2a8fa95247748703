import { createHash } from 'node:crypto'
import { UsageError } from '../program-error.ts'
import { type Answer, fingerprint, type SandboxRequest } from './exchange.ts'
import { FAULTS, type FaultName } from './fault-acts.ts'
import { answer, findRoute } from './server.ts'
import type { Store } from './store.ts'

/** `random` draws one of the others, or as often none. */
type Entry = FaultName | 'random'

/** What hits the first, second and further attempts of each call; the attempts after that are answered. */
export interface FaultPlan {
  readonly writes: readonly Entry[]
  readonly reads: readonly Entry[]
}

export const NO_FAULTS: FaultPlan = { writes: [], reads: [] }

const DRAWN = Object.keys(FAULTS) as FaultName[] // Object.keys forgets the names
export const FAULT_NAMES: readonly Entry[] = [...DRAWN, 'random']
const RANDOM_ATTEMPTS = 3
const MAX_ATTEMPTS = 99

/** Reads `NAME[:ATTEMPTS][@writes|@reads|@all]`, comma-separated. Throws {@link UsageError}. */
export function parseFaults(spec: string): FaultPlan {
  const parts = spec.split(',').map((part, index) => parseEntry(part.trim(), index + 1))
  const select = (target: string) =>
    parts.flatMap((part) => (part.target === target || part.target === 'all' ? part.entries : []))
  return { writes: select('writes'), reads: select('reads') }
}

function parseEntry(text: string, position: number): { entries: Entry[]; target: string } {
  const [, name, attempts, target = 'writes'] = /^([a-z0-9-]+)(?::(\d+))?(?:@(writes|reads|all))?$/.exec(text) ?? []
  const entry = FAULT_NAMES.find((known) => known === name)
  const count = attempts === undefined ? entry && defaultAttempts(entry) : Number(attempts)
  if (!entry || !count || count > MAX_ATTEMPTS)
    throw new UsageError(
      `--sandbox-faults: fault ${position} is not NAME[:ATTEMPTS][@writes|@reads|@all] with 1 to ${MAX_ATTEMPTS} attempts; names: ${FAULT_NAMES.join(', ')}.`,
    )
  return { entries: Array<Entry>(count).fill(entry), target }
}

function defaultAttempts(entry: Entry): number {
  return entry === 'random' ? RANDOM_ATTEMPTS : FAULTS[entry].attempts
}

/** The sandbox's answers, with faults in front of them. */
export function createFaultyServer(store: Store, plan: FaultPlan, seed: number) {
  const attempts = new Map<string, number>()
  const draw = createDraw(seed)

  /** The fault that hits this request, the next attempt of its call. */
  function nextFault(request: SandboxRequest): FaultName | undefined {
    const entries = findRoute(request)?.op.hints.readOnly === false ? plan.writes : plan.reads
    const call = request.idempotencyKey ?? fingerprint(request)
    const past = attempts.get(call) ?? 0
    const entry = entries[past]
    const fault = entry === 'random' ? draw() : entry
    // Nothing tells a read from the next equal one: what was answered ends a call.
    if (fault || request.idempotencyKey !== undefined) attempts.set(call, past + 1)
    else attempts.delete(call)
    return fault
  }

  return async (request: SandboxRequest, signal: AbortSignal | undefined): Promise<Answer> => {
    const name = nextFault(request)
    if (name !== 'slow' && request.idempotencyKey !== undefined) store.underWay.get(request.idempotencyKey)?.()
    const act = () => answer(store, request)
    return name ? FAULTS[name].act({ store, request, signal, answer: act }) : act()
  }
}

/** The same seed draws the same faults in the same order. */
function createDraw(seed: number): () => FaultName | undefined {
  let drawn = 0
  return () => {
    const hash = createHash('sha256').update(`${seed} ${drawn++}`).digest()
    return DRAWN[hash.readUInt32BE() % (2 * DRAWN.length)]
  }
}
