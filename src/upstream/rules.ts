import type { Ending } from './attempt.ts'

/** What one attempt's ending means for a write. */
interface Rule {
  /** For people: the same words stand in the documentation. */
  readonly when: string
  readonly matches: (ending: Ending) => boolean
  /** May be sent again, with the same Idempotency-Key and body. */
  readonly repeat: boolean
  /** The write may have been done, or may still be. */
  readonly doubt: boolean
}

const answered = (ending: Ending, matches: (status: number) => boolean): boolean =>
  ending.kind === 'answered' && matches(ending.status)

/** The first rule that matches decides. */
export const WRITE_RULES: readonly Rule[] = [
  { when: 'no connection could be made', matches: ({ kind }) => kind === 'unsent', repeat: true, doubt: false },
  { when: 'the answer did not come whole', matches: ({ kind }) => kind === 'lost', repeat: true, doubt: true },
  { when: '429', matches: (ending) => answered(ending, (status) => status === 429), repeat: true, doubt: false },
  {
    when: '408, 502, 503, 504',
    matches: (ending) => answered(ending, (status) => [408, 502, 503, 504].includes(status)),
    repeat: true,
    doubt: true,
  },
  {
    when: 'any other 4xx',
    matches: (ending) => answered(ending, (status) => status >= 400 && status < 500),
    repeat: false,
    doubt: false,
  },
  // 500 stays stored under the key, so that a repeat would only bring it back.
  {
    when: 'anything else: 500, a redirect, a 2xx that cannot be read',
    matches: () => true,
    repeat: false,
    doubt: true,
  },
]

function ruleFor(ending: Ending): Rule {
  const rule = WRITE_RULES.find(({ matches }) => matches(ending))
  if (!rule) throw new Error('the last rule matches everything')
  return rule
}

/** The attempts of one write. */
export interface WriteHistory {
  readonly endings: readonly Ending[]
  /** The caller chose the Idempotency-Key: an earlier call with it may still be under way. */
  readonly isKeyShared: boolean
}

const isConflict = (ending: Ending): boolean => answered(ending, (status) => status === 409)

/** The attempts after which the write may have been done, or may still be. */
function openEndings({ endings, isKeyShared }: WriteHistory): Ending[] {
  return endings.filter((ending) => ruleFor(ending).doubt || (isKeyShared && isConflict(ending)))
}

/** Whether the write may have been done, or may still be, although no usable answer says so. */
export function leavesDoubt(history: WriteHistory): boolean {
  return openEndings(history).length > 0
}

/** Whether nothing of the write is under way any more: a plain 500 is Metronome's own, final answer. */
export function isSettled(history: WriteHistory): boolean {
  return openEndings(history).every((ending) => answered(ending, (status) => status === 500))
}

export function mayRepeatWrite(history: WriteHistory): boolean {
  const last = history.endings.at(-1)
  if (!last) return false
  // While an earlier attempt may be under way, 409 may say no more than that.
  if (isConflict(last)) return leavesDoubt(history)
  return ruleFor(last).repeat
}

/** Reads are repeated after anything that may pass. */
export function mayRepeatRead(history: readonly Ending[]): boolean {
  const last = history.at(-1)
  if (last?.kind !== 'answered') return true
  return last.status === 408 || last.status === 429 || last.status >= 500
}
