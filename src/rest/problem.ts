import { STATUS_CODES } from 'node:http'
import type { InputIssue } from '../operation/input-error.ts'
import { escapeControls } from '../text.ts'
import type { Outcome } from '../upstream/errors.ts'
import { HOMEPAGE } from '../version.ts'

/** Kinds of problems, with the title that every problem of the kind has. They are explained in docs/rest.md. */
const KINDS = {
  'invalid-input': 'The request does not fit the operation',
  'metronome-refused': 'Metronome refused the request',
  'no-usable-answer': 'Metronome gave no usable answer',
  'outcome-unknown': 'It is not known whether the write was done',
  'not-ready': 'The call was not made',
} as const

export type ProblemKind = keyof typeof KINDS

/** The answer to a request that failed, in the members of RFC 9457. */
export interface Problem {
  readonly status: number
  /** Absent where the status says it all. */
  readonly kind?: ProblemKind
  readonly detail: string
  readonly errors?: readonly InputIssue[]
  /** Only of writes. */
  readonly outcome?: Outcome | undefined
  readonly headers?: Readonly<Record<string, string>>
}

// A body of 1 MiB has room for half a million wrong values.
const MAX_ERRORS = 1_000
const MAX_FIELD_CHARACTERS = 200

export const PROBLEM_TYPE = 'application/problem+json'

function problemUri(kind: ProblemKind): string {
  return `${HOMEPAGE}/blob/main/docs/rest.md#${kind}`
}

/** The body of a problem, as the OpenAPI document describes it. */
export function problemBody({ status, kind, detail, errors, outcome }: Problem) {
  return {
    type: kind ? problemUri(kind) : 'about:blank',
    title: kind ? KINDS[kind] : (STATUS_CODES[status] ?? 'Error'),
    status,
    detail: escapeControls(detail),
    ...(errors && { errors: errors.slice(0, MAX_ERRORS).map(describeIssue) }),
    ...(outcome && { outcome }),
  }
}

function describeIssue({ path, message }: InputIssue): { field: string; message: string } {
  return { field: escapeControls(path.slice(0, MAX_FIELD_CHARACTERS)), message: escapeControls(message) }
}

/** `hide` takes secrets out of the text. */
export function answerProblem(problem: Problem, hide: (text: string) => string = (text) => text): Response {
  return new Response(hide(JSON.stringify(problemBody(problem))), {
    status: problem.status,
    headers: { ...problem.headers, 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store' },
  })
}
