import type { Operation } from '../operation/define.ts'
import { describeRefusal, isSuccess, readAnswer } from './answer.ts'
import type { Ending } from './attempt.ts'
import { readRetryAfter } from './waiting.ts'

/** What came of an attempt that brought no usable answer, in one sentence. */
export function describeEnding(op: Operation, ending: Ending): string {
  if (ending.kind === 'unsent') return `Metronome was not reached, ${ending.reason}.`
  if (ending.kind === 'lost') return `Metronome's answer did not come, ${ending.reason}.`
  if (!isSuccess(ending.status)) return describeRefusal(ending)
  const answer = readAnswer(op, ending)
  return 'problem' in answer ? answer.problem : ''
}

/** What to do next; the operation knows better than the status alone. */
export function adviseOn(op: Operation, ending: Ending): string {
  if (ending.kind === 'unsent') return 'Check the network, the proxy and METRONOME_BASE_URL.'
  if (ending.kind === 'lost') return op.write ? '' : 'Try again later.'
  return [adviseWait(ending), op.advice?.[ending.status] ?? adviseOnStatus(ending.status)].join(' ').trim()
}

/** What the operation knows of its failures; a refusal proves nothing here, so its advice would mislead. */
export function adviseOnDoubt(op: Operation, ending: Ending): string | undefined {
  return ending.kind === 'answered' && ending.status >= 500 ? op.advice?.[ending.status] : undefined
}

function adviseWait(ending: Ending): string {
  const seconds = readRetryAfter(ending)
  return !seconds ? '' : `Wait ${Math.ceil(seconds)} seconds.`
}

function adviseOnStatus(status: number): string {
  if (status === 401)
    return 'The API key is not valid, or may not use this operation: keys can be limited to some. The command doctor tells which.'
  if (status === 403) return 'The API key may not use this operation or record.'
  if (status === 404)
    return 'Find the right id with list-customers, and with only_archived true among the archived ones; if every call says so, correct METRONOME_BASE_URL.'
  if (status === 429) return 'Call less often.'
  return status >= 500 ? 'Metronome has a problem; try again later.' : ''
}
