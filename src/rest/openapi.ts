import type { JsonObject } from '../operations/json.ts'
import type { Operation, Subject } from '../operations/operation.ts'
import { HOMEPAGE, NAME, VERSION } from '../version.ts'
import { describeOperation, describeRecords, IDEMPOTENCY_KEY_HEADER } from './openapi-operation.ts'
import { PROBLEM_RESPONSES, PROBLEM_SCHEMA } from './openapi-problems.ts'
import { restPath } from './request.ts'

const TAGS: Readonly<Record<Subject, string>> = {
  Customers: 'Find, create, update and archive the customers of your Metronome account.',
  'Billing providers': 'Where invoices are sent: Stripe, the cloud marketplaces, NetSuite and others.',
  'Revenue systems': 'Where revenue is recorded; only on accounts that have the feature.',
  Dashboards: 'Embeddable dashboard URLs.',
}

const DESCRIPTION = `The customer operations of [Metronome](https://metronome.com) (usage-based billing), served by
[${NAME}](${HOMEPAGE}), a community project. The same operations are tools for AI agents on the MCP port.

- Responses are Metronome's JSON, unchanged. \`_note\` is added in sandbox mode, and when a write was verified by reading
  the record.
- Invalid requests are rejected before anything is sent to Metronome, with every invalid field. Unknown fields are invalid.
- Every failure is a problem of [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457). A failed write says in \`outcome\` what
  it did: \`not_applied\`, or \`unknown\`, in which case check before retrying.
- Ids are UUIDs. Times are RFC 3339.`

/** Describes the routes in OpenAPI 3.1, all but the servers. */
export function buildOpenApi(operations: readonly Operation[], needsBearer: boolean): JsonObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Metronome customers',
      summary: 'Metronome customers over REST, with validated input and verified writes.',
      description: DESCRIPTION,
      version: VERSION,
      contact: { name: NAME, url: HOMEPAGE },
      license: { name: 'MIT', url: `${HOMEPAGE}/blob/main/LICENSE` },
    },
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    // Without a configured token, a bearer token is optional.
    security: needsBearer ? [{ bearer: [] }] : [{}, { bearer: [] }],
    paths: describePaths(operations),
    components: {
      schemas: { ...describeRecords(operations), Problem: PROBLEM_SCHEMA },
      responses: PROBLEM_RESPONSES,
      headers: { IdempotencyKey: IDEMPOTENCY_KEY_HEADER },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: "The server's METRONOME_MCP_AUTH_TOKEN; with --passthrough your own Metronome API key.",
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
