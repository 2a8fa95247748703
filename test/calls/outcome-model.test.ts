import { describe, expect, test } from 'vitest'
import { decideFromAttempts, decideFromRecords, type Evidence } from '../../src/calls/outcome.ts'
import type { Effect } from '../../src/metronome/retry.ts'

/*
 * An exhaustive model of one write: every schedule of up to three attempts, of what the records of Metronome may do
 * meanwhile, and of the reads. For every reachable end, the decision of the program is compared with the truth.
 *
 * One schedule of a rename, step by step:
 * 1. It starts with `ours: 'none', others: 'different'`: the customer has another name.
 * 2. `attemptOnce`: the request is delayed, and the client sees no response. Effects: `ambiguous`; delayed: `queued`.
 * 3. `conclude`: no attempt tells the outcome alone, so the records are read. `withOthers` goes on with each of what may
 *    have happened before: nothing, or the delayed request was performed (`ours: 'all'`), or somebody else wrote.
 * 4. `read`: after the delayed request was performed, a read shows the new name or, when it lags, the old one (`before`).
 * 5. `decideOn` asks the program: `applied` for the new name, `unknown` for the old one.
 * 6. `judge`: `applied` is true, since the records show what was asked for. `not_applied` would be a violation:
 *    `ours` is 'all', and where the request is still queued it may yet act.
 */

/** Records as far as one write concerns them. `ours` is what this call, or one under the same key, has put in place. */
interface Records {
  readonly ours: 'none' | 'part' | 'all'
  /** What others have: exactly what was asked for, something else in its place, or nothing. */
  readonly others: 'none' | 'different' | 'equal'
}

interface WriteKind {
  readonly name: string
  readonly initial: readonly Records[]
  /** Metronome performs the write; `undefined` when another customer holds the alias. */
  apply(records: Records, extent: 'all' | 'part'): Records | undefined
  /** What another writer may turn the records into. */
  otherWriters(records: Records): readonly Records[]
  /** What verification reads show, if there are any. */
  compare?(records: Records): { isInPlace: boolean; isHeldByAnother: boolean }
  /** Metronome documents a 409 for the operation. */
  readonly reportsConflicts: boolean
}

const NOTHING: Records = { ours: 'none', others: 'none' }
const OTHERS: readonly Records['others'][] = ['none', 'different', 'equal']
const isAll = ({ ours, others }: Records): boolean => ours === 'all' || others === 'equal'
const compareState = (records: Records) => ({ isInPlace: isAll(records), isHeldByAnother: false })

/** One value: whoever writes last decides. */
const OVERWRITE: WriteKind = {
  name: 'overwrite',
  initial: OTHERS.map((others) => ({ ours: 'none', others })),
  apply: (_, ours) => ({ ours, others: 'none' }),
  otherWriters: () => [
    { ours: 'none', others: 'different' },
    { ours: 'none', others: 'equal' },
  ],
  compare: compareState,
  reportsConflicts: false,
}

const KINDS: readonly WriteKind[] = [
  OVERWRITE,
  {
    ...OVERWRITE,
    name: 'overwrite of a field that is not shown',
    compare: () => ({ isInPlace: false, isHeldByAnother: false }),
  },
  {
    name: 'archive',
    initial: [NOTHING, { ours: 'none', others: 'equal' }],
    apply: (records, ours) => (records.others === 'equal' ? records : { ...records, ours }),
    otherWriters: (records) => (records.ours === 'none' ? [{ ours: 'none', others: 'equal' }] : []),
    compare: compareState,
    reportsConflicts: false,
  },
  {
    name: 'addition of configurations',
    initial: OTHERS.map((others) => ({ ours: 'none', others })),
    apply: (records, ours) => ({ ...records, ours }),
    // Others may add equal ones, and archive theirs or ours.
    otherWriters: ({ ours, others }) => [
      { ours, others: 'equal' },
      { ours, others: 'none' },
      { ours: 'none', others },
    ],
    compare: compareState,
    reportsConflicts: false,
  },
  {
    name: 'create with an alias',
    initial: OTHERS.map((others) => ({ ours: 'none', others })),
    apply: (records, ours) => (records.others === 'none' ? { ours, others: 'none' } : undefined),
    // Only one customer can hold the alias. Others may take it while it is free, and give it up.
    otherWriters: ({ ours, others }) => {
      if (ours !== 'none') return []
      return others === 'none'
        ? [
            { ours, others: 'different' },
            { ours, others: 'equal' },
          ]
        : [{ ours, others: 'none' }]
    },
    compare: (records) => ({
      isInPlace: isAll(records),
      isHeldByAnother: !isAll(records) && (records.others === 'different' || records.ours === 'part'),
    }),
    reportsConflicts: true,
  },
  {
    name: 'replacement of aliases',
    // `different`: another customer holds an alias that was asked for.
    initial: OTHERS.map((others) => ({ ours: 'none', others })),
    apply: (records, ours) => (records.others === 'different' ? undefined : { ours, others: 'none' }),
    otherWriters: ({ ours, others }) => {
      if (others === 'different') return [{ ours, others: 'none' }]
      // Others may take an alias that the customer does not hold, or set the same aliases.
      return ours === 'none' && others === 'none'
        ? [
            { ours, others: 'different' },
            { ours, others: 'equal' },
          ]
        : [{ ours: 'none', others: 'none' }]
    },
    compare: (records) => ({ ...compareState(records), isHeldByAnother: records.others === 'different' }),
    reportsConflicts: true,
  },
  {
    name: 'create without an alias',
    initial: [NOTHING],
    apply: (records, ours) => ({ ...records, ours }),
    otherWriters: () => [],
    reportsConflicts: false,
  },
]

/** An attempt that Metronome has not finished when the client gives up on it. */
type Delayed =
  /** Somewhere in between; Metronome has not seen it. */
  | 'queued'
  /** Metronome works on it: its key is taken meanwhile. */
  | 'in progress'

interface State {
  readonly records: Records
  /** Records one step before, which a lagging read shows. */
  readonly before: Records
  readonly delayed: readonly Delayed[]
  /** What Metronome has stored under the Idempotency-Key. */
  readonly stored: 'nothing' | 'success' | 'error 500'
  readonly effects: readonly Effect[]
  /** Whether the last response was a 409. */
  readonly isConflict: boolean
  /** Whether the last response was Metronome's own 500, after which nothing is sent any more. */
  readonly isOver: boolean
  readonly evidence: Evidence | undefined
  /** Steps of others that are still to be tried. */
  readonly stepsLeft: number
  readonly asked: { readonly now: boolean; readonly before: boolean }
}

/** Conditions of the program that can be switched off, to see that the model needs each of them. */
interface Conditions {
  readonly ownKey: boolean
  readonly errorBody: boolean
  readonly holderCompared: boolean
  readonly everyFieldShown: boolean
  readonly absenceProvesNothing: boolean
}

const ALL: Conditions = {
  ownKey: true,
  errorBody: true,
  holderCompared: true,
  everyFieldShown: true,
  absenceProvesNothing: true,
}

interface Result {
  /** Different states that were reached. */
  states: number
  readonly violations: Set<string>
  /** By what the program sees: the outcomes that would be true. */
  readonly truths: Map<string, { outcome: string; applied: boolean; notApplied: boolean }>
}

const MAX_ATTEMPTS = 3
const OTHER_STEPS = 2

function explore(kind: WriteKind, isCallerKey: boolean, conditions: Conditions = ALL): Result {
  const result: Result = { states: 0, violations: new Set(), truths: new Map() }
  const visited = new Set<string>()
  for (const start of initialStates(kind, isCallerKey)) attempt(start)
  result.states = visited.size
  return result

  function isNew(phase: string, state: State): boolean {
    const before = visited.size
    visited.add(phase + JSON.stringify(state))
    return visited.size > before
  }

  function initialStates(kind: WriteKind, isCallerKey: boolean): State[] {
    const fresh = kind.initial.map(
      (records): State => ({
        records,
        before: records,
        delayed: [],
        stored: 'nothing',
        effects: [],
        isConflict: false,
        isOver: false,
        evidence: undefined,
        stepsLeft: OTHER_STEPS,
        asked: { now: false, before: false },
      }),
    )
    if (!isCallerKey) return fresh
    // An earlier call under the key: never arrived, is delayed, was applied, or ended in a 500.
    return fresh.flatMap((state) => [
      state,
      { ...state, delayed: ['queued'] as const },
      { ...state, delayed: ['in progress'] as const },
      ...perform(kind, state).map(({ records, stored }) => ({ ...state, records, before: records, stored })),
    ])
  }

  /** One more attempt, or none: the time may be up after any of them. */
  function attempt(state: State): void {
    if (!isNew('attempt', state)) return
    if (state.effects.length > 0) conclude(state)
    if (state.effects.length === MAX_ATTEMPTS || state.isOver) return
    for (const next of withOthers(kind, state))
      for (const ended of attemptOnce(kind, next, isCallerKey, conditions)) attempt(ended)
  }

  function conclude(state: State): void {
    if (!isNew('conclude', state)) return
    const decision = decideFromAttempts(state.effects, isCallerKey && conditions.ownKey)
    if (decision) return judge(state, decision.outcome)
    if (!kind.compare) return decideOn(state, { kind: 'unreadable' })
    for (const next of withOthers(kind, state)) {
      read(next, next.records)
      read(next, next.before)
    }
  }

  function read(state: State, shown: Records): void {
    const { isInPlace, isHeldByAnother } = kind.compare?.(shown) ?? { isInPlace: false, isHeldByAnother: false }
    const comparison =
      isInPlace || !conditions.everyFieldShown
        ? { isInPlace: true as const, body: {}, evidence: '' }
        : {
            isInPlace: false as const,
            isHeldByAnother: state.isConflict && (isHeldByAnother || !conditions.holderCompared),
            evidence: '',
          }
    const asked = { now: isAll(state.records), before: isAll(state.before) }
    decideOn({ ...step(state, state.records), asked }, { kind: 'read', comparison })
  }

  function decideOn(state: State, evidence: Evidence): void {
    const next = { ...state, evidence }
    if (!isNew('decide', next)) return
    const { outcome } = decideFromRecords(state.effects, evidence, isCallerKey && conditions.ownKey)
    const isAbsent = outcome === 'unknown' && evidence.kind === 'read'
    judge(next, isAbsent && !conditions.absenceProvesNothing ? 'not_applied' : outcome)
  }

  function judge(state: State, outcome: string): void {
    const { records, delayed, stored, asked } = state
    const mayStillAct = delayed.includes('in progress') || (delayed.includes('queued') && stored === 'nothing')
    const applied = asked.now || asked.before
    const notApplied = records.ours === 'none' && !mayStillAct
    const lie = (outcome === 'applied' && !applied) || (outcome === 'not_applied' && !notApplied)
    const truth = applied ? 'applied' : mayStillAct ? 'an attempt may still act' : `in place: ${records.ours}`
    if (lie) result.violations.add(`${outcome}, but ${truth}: ${describeSeen(state)}`)
    const seen = describeSeen(state)
    const known = result.truths.get(seen) ?? { outcome, applied: true, notApplied: true }
    result.truths.set(seen, {
      outcome,
      applied: known.applied && applied,
      notApplied: known.notApplied && notApplied,
    })
  }
}

/** Time passes: what is true now is what a lagging read shows next. */
function step(state: State, records: Records): State {
  return { ...state, records, before: state.records }
}

/** The state itself, and after one step of another writer or of a delayed attempt. */
function withOthers(kind: WriteKind, state: State): State[] {
  if (state.stepsLeft === 0) return [state]
  const moved = { ...state, stepsLeft: state.stepsLeft - 1 }
  const written = kind.otherWriters(state.records).map((records) => step(moved, records))
  const landed = state.delayed.flatMap((delayed, index) => {
    const left = state.delayed.filter((_, other) => other !== index)
    // A stored response is replayed, whatever arrives.
    if (delayed === 'queued' && state.stored !== 'nothing') return [{ ...moved, delayed: left }]
    return perform(kind, state).map(({ records, stored }) => ({ ...step(moved, records), delayed: left, stored }))
  })
  return [state, ...written, ...landed]
}

interface Performed {
  readonly records: Records
  readonly stored: State['stored']
  readonly response: 'success' | 'error 500' | 'conflict'
}

/** What Metronome may make of a request under a key that it has not seen: nothing about atomicity is assumed. */
function perform(kind: WriteKind, { records }: Pick<State, 'records'>): Performed[] {
  const all = kind.apply(records, 'all')
  if (!all) return [{ records, stored: 'nothing', response: 'conflict' }]
  const part = kind.apply(records, 'part') ?? records
  return [
    { records: all, stored: 'success', response: 'success' },
    { records: all, stored: 'error 500', response: 'error 500' },
    { records: part, stored: 'error 500', response: 'error 500' },
    { records, stored: 'error 500', response: 'error 500' },
  ]
}

/** Every way in which one attempt may go and what the client sees of it; those that end the call with a 2xx are left out. */
function attemptOnce(kind: WriteKind, state: State, isCallerKey: boolean, conditions: Conditions): State[] {
  const see = (next: State, effect: Effect, isConflict = false, isOver = false): State => ({
    ...next,
    effects: [...next.effects, effect],
    isConflict,
    isOver,
  })
  const foreignConflict = conditions.errorBody || !kind.reportsConflicts ? 'ambiguous' : 'conflict'

  // Not sent, or a 4xx of something in between, which has not passed it on.
  const ends = [see(state, 'none')]
  // Assumed: Metronome has looked at the key before it says 400 or 422, and an earlier, equal call has failed the same way.
  if (!isCallerKey || (state.stored === 'nothing' && state.delayed.length === 0)) ends.push(see(state, 'invalid'))
  const lose = (next: State): State[] => [see(next, 'ambiguous'), see(next, foreignConflict, kind.reportsConflicts)]
  // Lost on the way there, or delayed.
  ends.push(...lose(state))
  if (state.delayed.length < 2) {
    ends.push(...lose({ ...state, delayed: [...state.delayed, 'queued'] }))
    if (!state.delayed.includes('in progress') && state.stored === 'nothing')
      ends.push(...lose({ ...state, delayed: [...state.delayed, 'in progress'] }))
  }

  // It reaches Metronome, and the response is lost, replaced, or seen.
  const conflict = kind.reportsConflicts ? 'conflict' : 'ambiguous'
  if (state.delayed.includes('in progress')) return [...ends, see(state, conflict, kind.reportsConflicts)]
  if (state.stored === 'error 500') return [...ends, see(state, 'ambiguous', false, true)]
  if (state.stored === 'success') return ends
  for (const { records, stored, response } of perform(kind, state)) {
    const next = { ...step(state, records), stored }
    ends.push(...lose(next))
    if (response === 'error 500') ends.push(see(next, 'ambiguous', false, true))
    if (response === 'conflict') ends.push(see(next, conflict, kind.reportsConflicts))
    // Something in between sends it twice: the first copy is applied, the second finds the key in use.
    if (response === 'success') ends.push(see(next, conflict, kind.reportsConflicts))
  }
  return ends
}

/** What the program sees. */
function describeSeen({ effects, evidence }: State): string {
  return `${effects.join(', ')} -> ${describeEvidence(evidence)}`
}

function describeEvidence(evidence: Evidence | undefined): string {
  if (evidence?.kind !== 'read') return evidence?.kind ?? 'no read'
  const { comparison } = evidence
  if (comparison.isInPlace) return 'in place'
  return comparison.isHeldByAnother ? 'not in place, held' : 'not in place'
}

describe.each(KINDS)('$name', (kind) => {
  test.each([false, true])("reports no false outcome in any schedule (caller's own key: %s)", (isCallerKey) => {
    const { states, violations } = explore(kind, isCallerKey)
    // The shortest one explains most.
    expect(Array.from(violations).sort((a, b) => a.length - b.length)).toEqual([])
    expect(states).toBeGreaterThan(500)
  })

  test('reports unknown only where schedules that look the same have different truths', () => {
    const { truths } = explore(kind, false)
    const avoidable = Array.from(truths).filter(
      ([, { outcome, applied, notApplied }]) => outcome === 'unknown' && (applied || notApplied),
    )
    expect(avoidable).toEqual([])
  })
})

test.each([
  ['ownKey', true],
  ['errorBody', false],
  ['holderCompared', false],
  ['everyFieldShown', false],
  ['absenceProvesNothing', false],
] as const)('without %s the model finds a false outcome', (name, isCallerKey) => {
  const without = { ...ALL, [name]: false }
  expect(KINDS.some((kind) => explore(kind, isCallerKey, without).violations.size > 0)).toBe(true)
})
