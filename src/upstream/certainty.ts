import type { JsonObject, Operation } from '../operation/define.ts'
import { asObject } from '../operation/json.ts'
import type { CallStart, Finding, Read, WriteRules } from '../operation/write.ts'
import { parseJson } from './answer.ts'
import { CancelledError, type Outcome } from './errors.ts'
import { isSettled, leavesDoubt, type WriteHistory } from './rules.ts'

/** A write that ended without a usable answer. */
export interface OpenWrite {
  readonly op: Operation
  readonly rules: WriteRules
  readonly args: JsonObject
  readonly history: WriteHistory
  readonly start: CallStart
  /** Answers one read within the write's budget, or throws. */
  readonly read: (read: Read) => Promise<JsonObject>
}

/** What is known of the write in the end. */
export interface Verdict {
  readonly outcome: Outcome
  /** Sentences on what was seen; may be empty. */
  readonly saw: string
  /** `saw` says already what to do next. */
  readonly isExplained?: boolean
  /** What the write would have answered; only when it was applied. */
  readonly body?: JsonObject
}

/** Decides between the three words; reads back when the attempts alone do not. */
export async function decideOutcome(write: OpenWrite): Promise<Verdict> {
  const { history, rules, args, start } = write
  if (!leavesDoubt(history)) {
    const saw = await explainConflict(write)
    return { outcome: 'not_applied', saw, isExplained: saw !== '' }
  }
  const reads = rules.reads(args)
  if (reads.length === 0) return { outcome: 'unknown', saw: '' }
  const answers = await readAll(write, reads)
  if (!answers) return { outcome: 'unknown', saw: 'Reading back failed as well.' }
  return weigh(rules.judge(args, answers, start), isSettled(history))
}

/** No trace is a proof only when every attempt has come to its end at Metronome. */
function weigh(finding: Finding, settled: boolean): Verdict {
  const { saw } = finding
  if (finding.kind === 'done') return { outcome: 'applied', saw, body: finding.body }
  if (finding.kind === 'impossible') return { outcome: 'not_applied', saw, isExplained: true }
  if (finding.kind === 'absent' && settled) return { outcome: 'not_applied', saw }
  return { outcome: 'unknown', saw }
}

async function explainConflict(write: OpenWrite): Promise<string> {
  const { rules, args, history } = write
  const last = history.endings.at(-1)
  if (!rules.conflict || last?.kind !== 'answered' || last.status !== 409) return ''
  const refusal = asObject(parseJson(last.text ?? ''))
  const answers = await readAll(write, rules.conflict.reads(args, refusal))
  return answers ? rules.conflict.explain(args, answers) : ''
}

/** `undefined` when a read fails: its error may not hide that of the write. */
async function readAll({ read }: OpenWrite, reads: readonly Read[]): Promise<JsonObject[] | undefined> {
  try {
    return await Promise.all(reads.map(read))
  } catch (error) {
    if (error instanceof CancelledError) throw error
    return undefined
  }
}
