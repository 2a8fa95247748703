import type { JsonObject } from '../operations/json.ts'
import { PROBLEM_MEDIA_TYPE, type Problem, problemBody } from './problem.ts'

export const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'A problem as defined by RFC 9457.',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: {
      type: 'string',
      format: 'uri',
      description: 'URI of the problem type, with an explanation, or about:blank where the status says it all.',
    },
    title: { type: 'string', description: 'Title of the problem type.' },
    status: { type: 'integer', description: 'The HTTP status code.' },
    detail: { type: 'string', description: 'What failed, what the response was, and what to do next.' },
    errors: {
      type: 'array',
      description: 'Every invalid field; nothing was sent.',
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: {
            type: 'string',
            description: 'The field, such as limit, ingest_aliases[3], data[0].customer_id, or Idempotency-Key.',
          },
          message: { type: 'string', description: 'What is wrong.' },
        },
      },
    },
    outcome: {
      type: 'string',
      enum: ['not_applied', 'unknown'],
      description: 'Only for writes: what the call did. After unknown, check before retrying.',
    },
  },
}

/** Why a request may fail: the description and an example. */
const PROBLEM_EXAMPLES: Readonly<Record<string, { description: string; example: Problem; hasRetryAfter?: true }>> = {
  Problem400: {
    description: 'The request is invalid; nothing was sent.',
    example: {
      status: 400,
      type: 'invalid-input',
      detail:
        'list-customers: invalid arguments, nothing was sent. limit must be from 1 to 100. ingest_allias is not a known field (did you mean ingest_alias?).',
      errors: [
        { path: 'limit', message: 'must be from 1 to 100' },
        { path: 'ingest_allias', message: 'is not a known field (did you mean ingest_alias?)' },
      ],
    },
  },
  Problem401: {
    description: 'The bearer token is missing or invalid; or Metronome rejected the API key.',
    example: { status: 401, detail: 'Missing bearer token.' },
  },
  Problem404: {
    description: 'Unknown id or unknown path.',
    example: {
      status: 404,
      type: 'upstream-rejected',
      detail:
        'get-customer: Metronome responded 404: "Customer not found". Find the id with list-customers, archived customers with only_archived true.',
    },
  },
  Problem409: {
    description: 'Conflict, such as an ingest alias that another customer holds.',
    example: {
      status: 409,
      type: 'upstream-rejected',
      detail: 'create-customer: Metronome responded 409: "Ingest alias already exists".',
      outcome: 'not_applied',
    },
  },
  Problem429: {
    description: 'Too many requests, to this server or to Metronome.',
    example: { status: 429, detail: 'Too many calls are waiting; retry in 1 second.' },
    hasRetryAfter: true,
  },
  Problem502: {
    description: 'No usable response from Metronome. For writes, outcome says what the call did.',
    example: {
      status: 502,
      type: 'outcome-unknown',
      detail:
        'archive-customer: No response from Metronome: connection closed (ECONNRESET). The records could not be read. Check archived_at with get-customer before retrying.',
      outcome: 'unknown',
    },
  },
  Problem503: {
    description: 'The call was not made: no API key is set, or the server is stopping. Or Metronome responded so.',
    example: {
      status: 503,
      type: 'service-unavailable',
      detail: 'get-customer: Could not reach Metronome: this server is stopping.',
    },
    hasRetryAfter: true,
  },
  Problem504: {
    description: 'No response from Metronome in time. For writes, outcome says what the call did.',
    example: {
      status: 504,
      type: 'bad-upstream-response',
      detail: 'get-customer: No response from Metronome: no response within 45000 ms. Try again later.',
    },
  },
  Problem: {
    description: "Anything else; Metronome's status is kept.",
    example: { status: 415, detail: 'Content-Type must be application/json.' },
  },
}

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait before the next request.', schema: { type: 'integer' } },
}

/** Responses by name; the one without a status is the default. */
export const PROBLEM_RESPONSES: JsonObject = Object.fromEntries(
  Object.entries(PROBLEM_EXAMPLES).map(([name, { description, example, hasRetryAfter }]) => [
    name,
    {
      description,
      ...(hasRetryAfter && { headers: RETRY_AFTER }),
      content: {
        [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' }, example: problemBody(example) },
      },
    },
  ]),
)
