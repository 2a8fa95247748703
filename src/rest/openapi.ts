import type { JsonObject, Operation, Subject } from '../operation/define.ts'
import { HOMEPAGE, NAME, VERSION } from '../version.ts'
import { describeOperation, IDEMPOTENCY_KEY_HEADER, IDEMPOTENCY_KEY_PARAMETER } from './openapi-operation.ts'
import { PROBLEM_RESPONSES, PROBLEM_SCHEMA } from './openapi-problems.ts'
import { restPath } from './paths.ts'

const TAGS: Readonly<Record<Subject, string>> = {
  Customers: 'Find, create, change and archive the customers of your Metronome account.',
  'Billing providers': 'Where the invoices of a customer go: Stripe, the cloud marketplaces, NetSuite and others.',
  'Revenue systems': 'Where the revenue of a customer is recorded; only on accounts that have the feature.',
  Dashboards: 'Links to pages of Metronome that you can show to a customer.',
}

const DESCRIPTION = `The customer operations of [Metronome](https://metronome.com) (usage-based billing), served by
[${NAME}](${HOMEPAGE}), an independent project. The same operations are tools for AI agents at the port of MCP.

- Answers are the JSON of Metronome, unchanged. \`_note\` is added where there is something to say about an answer: that it
  comes from the sandbox, or that a write was found to be done by reading back.
- What does not fit is refused before anything is sent, with every field that failed. Unknown fields are refused, too.
- Every failure is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457). A failed write says in \`outcome\` whether
  it was done: \`not_applied\`, or \`unknown\`, in which case look it up before you repeat it.
- Ids are UUIDs. Times are RFC 3339.`

/** Describes the routes in OpenAPI 3.1, all but the servers. */
export function buildOpenApi(operations: readonly Operation[], needsBearer: boolean): JsonObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Metronome customers',
      summary: 'Metronome customers over REST, with checked input and certain writes.',
      description: DESCRIPTION,
      version: VERSION,
      contact: { name: NAME, url: HOMEPAGE },
      license: { name: 'MIT', url: `${HOMEPAGE}/blob/main/LICENSE` },
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    // Without a token nobody needs a bearer, but may send one.
    security: needsBearer ? [{ bearer: [] }] : [{}, { bearer: [] }],
    paths: describePaths(operations),
    components: {
      schemas: { Problem: PROBLEM_SCHEMA },
      responses: PROBLEM_RESPONSES,
      parameters: { IdempotencyKey: IDEMPOTENCY_KEY_PARAMETER },
      headers: { IdempotencyKey: IDEMPOTENCY_KEY_HEADER },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description:
            'What METRONOME_MCP_AUTH_TOKEN of the server holds; with --passthrough your own API key of Metronome.',
        },
      },
    },
  }
}

function describePaths(operations: readonly Operation[]): JsonObject {
  const paths: Record<string, JsonObject> = {}
  for (const op of operations)
    paths[restPath(op)] = { ...paths[restPath(op)], [op.method.toLowerCase()]: describeOperation(op) }
  return paths
}
