import type { JsonObject } from '../operation/define.ts'
import { PROBLEM_TYPE, type Problem, problemBody } from './problem.ts'

export const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'What went wrong, as RFC 9457 describes it.',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: {
      type: 'string',
      format: 'uri',
      description: 'The kind of the problem: an address that explains it, or about:blank where the status says it all.',
    },
    title: { type: 'string', description: 'The kind in words; the same for all problems of a kind.' },
    status: { type: 'integer', description: 'The HTTP status once more.' },
    detail: { type: 'string', description: 'What failed, what was answered, and what to do next.' },
    errors: {
      type: 'array',
      description: 'Every field that failed its check; nothing was sent.',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: {
            type: 'string',
            description: 'Where: such as limit, ingest_aliases[3], data[0].customer_id, or Idempotency-Key.',
          },
          message: { type: 'string', description: 'What is wrong, to be read after the field.' },
        },
      },
    },
    outcome: {
      type: 'string',
      enum: ['not_applied', 'unknown'],
      description: 'Only of writes: whether the write was done. After unknown, look it up before you repeat it.',
    },
  },
}

/** Why a request may fail: the description, and what such an answer looks like. */
const REASONS: Readonly<Record<string, { description: string; example: Problem; waits?: true }>> = {
  Problem400: {
    description: 'The request does not fit the operation; nothing was sent.',
    example: {
      status: 400,
      kind: 'invalid-input',
      detail:
        'list-customers: invalid arguments, nothing was sent. limit too big: expected number to be <=100. ingest_allias is not a known field (nearest: ingest_alias).',
      errors: [
        { path: 'limit', message: 'too big: expected number to be <=100' },
        { path: 'ingest_allias', message: 'is not a known field (nearest: ingest_alias)' },
      ],
    },
  },
  Problem401: {
    description: 'The bearer is missing or wrong; or Metronome does not accept the API key.',
    example: { status: 401, detail: 'Authorization: Bearer is missing.' },
  },
  Problem404: {
    description: 'Metronome does not know the id; or there is nothing at the path.',
    example: {
      status: 404,
      kind: 'metronome-refused',
      detail:
        'get-customer: Metronome answered 404: "Customer not found". Find the right id with list-customers, and with only_archived true among the archived ones.',
    },
  },
  Problem409: {
    description: 'Another record stands in the way, such as the customer that has the ingest alias.',
    example: {
      status: 409,
      kind: 'metronome-refused',
      detail: 'create-customer: Metronome answered 409: "Ingest alias already exists". Outcome: not_applied.',
      outcome: 'not_applied',
    },
  },
  Problem429: {
    description: 'Too many requests, here or at Metronome.',
    example: { status: 429, detail: 'Too many requests; try again in 30 s.' },
    waits: true,
  },
  Problem502: {
    description: 'No usable answer came from Metronome. A write says in outcome whether it was done.',
    example: {
      status: 502,
      kind: 'outcome-unknown',
      detail:
        "archive-customer: Metronome's answer did not come, the connection broke (ECONNRESET). Reading back failed as well. Look at the customer with get-customer before you call again. Outcome: unknown.",
      outcome: 'unknown',
    },
  },
  Problem503: {
    description:
      'The call was not made: no API key is set, or the server is busy or stopping. Or Metronome answered so.',
    example: {
      status: 503,
      kind: 'not-ready',
      detail: 'get-customer: too many calls are waiting, nothing was sent. Try again in some seconds.',
    },
    waits: true,
  },
  Problem504: {
    description: 'No answer came from Metronome in time. A write says in outcome whether it was done.',
    example: {
      status: 504,
      kind: 'no-usable-answer',
      detail: "get-customer: Metronome's answer did not come, no answer within 45000 ms. Try again later.",
    },
  },
  Problem: {
    description: 'Anything else; the status of Metronome is kept.',
    example: { status: 415, detail: 'Content-Type must be application/json.' },
  },
}

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait before the next request.', schema: { type: 'integer' } },
}

/** Named by their status; the one without is for all others. */
export const PROBLEM_RESPONSES: JsonObject = Object.fromEntries(
  Object.entries(REASONS).map(([name, { description, example, waits }]) => [
    name,
    {
      description,
      ...(waits && { headers: RETRY_AFTER }),
      content: {
        [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' }, example: problemBody(example) },
      },
    },
  ]),
)
