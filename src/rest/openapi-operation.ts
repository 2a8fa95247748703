import { EXAMPLE_KEY, MAX_KEY_CHARACTERS } from '../operations/input-fields.ts'
import { asObject, type JsonObject, noContent } from '../operations/json.ts'
import { openApiSchema } from '../operations/json-schema.ts'
import { type Operation, pathParameters } from '../operations/operation.ts'
import { PROBLEM_RESPONSES } from './openapi-problems.ts'
import { parameterName } from './request.ts'

const IDEMPOTENCY_KEY_PARAMETER = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'A unique key for this write. Metronome applies a write once per key for at least 24 hours, so retrying with the same key and body is safe. Generated if omitted.',
  schema: { type: 'string', minLength: 1, maxLength: MAX_KEY_CHARACTERS },
  example: EXAMPLE_KEY,
}

export const IDEMPOTENCY_KEY_HEADER = {
  description:
    'The key of this write, also when it failed. Retry with it when the outcome is unknown, unless Metronome responded 500: that response stays stored under the key.',
  schema: { type: 'string' },
}

const NOTE = {
  type: 'string',
  description: 'Note from this server, such as sandbox mode, what a search has read, or how a write was verified.',
}

/** Describes one operation as OpenAPI does. */
export function describeOperation(op: Operation): JsonObject {
  const inPath = pathParameters(op)
  const { properties, required, ...input } = openApiSchema(op.input, 'input')
  const fields = Object.entries(asObject(properties))
  const others = fields.filter(([name]) => !inPath.includes(name))
  const needed = Array.isArray(required) ? required.filter((name) => !inPath.includes(name)) : []
  const body = { ...input, properties: Object.fromEntries(others), ...(needed.length > 0 && { required: needed }) }
  const example = Object.fromEntries(Object.entries(op.example.input).filter(([name]) => !inPath.includes(name)))
  return {
    operationId: op.tool,
    summary: op.title,
    description: op.description,
    tags: [op.subject],
    parameters: [
      ...fields.filter(([name]) => inPath.includes(name)).map((field) => describeParameter(op, 'path', field)),
      ...(op.method === 'GET' ? others.map((field) => describeParameter(op, 'query', field)) : []),
      // Written out: ChatGPT actions leave out operations whose parameters are references.
      ...(op.kind === 'write' ? [IDEMPOTENCY_KEY_PARAMETER] : []),
    ],
    ...(op.method === 'POST' && {
      requestBody: { required: true, content: { 'application/json': { schema: body, example } } },
    }),
    responses: { 200: describeSuccess(op), ...problemResponses(Object.keys(PROBLEM_RESPONSES)) },
  }
}

function describeParameter(op: Operation, place: 'path' | 'query', [name, field]: [string, unknown]): JsonObject {
  const { description, ...schema } = asObject(field)
  const example = op.example.input[name]
  return {
    name: place === 'path' ? parameterName(name) : name,
    in: place,
    ...(place === 'path' && { required: true }),
    description,
    schema,
    // Repeated parameters are accepted, too.
    ...(schema.type === 'array' && { style: 'form', explode: false }),
    ...(example !== undefined && { example }),
  }
}

function describeSuccess(op: Operation): JsonObject {
  const { properties, ...output } = nameSchemas(openApiSchema(op.documented ?? op.output, 'output'))
  const schema = { ...output, properties: { ...asObject(properties), _note: NOTE } }
  return {
    description: op.output === noContent ? 'Success; Metronome returns no body.' : "Metronome's response, unchanged.",
    ...(op.kind === 'write' && { headers: { 'Idempotency-Key': { $ref: '#/components/headers/IdempotencyKey' } } }),
    content: { 'application/json': { schema, example: op.example.output } },
  }
}

/** The records of all responses by name. */
export function describeRecords(operations: readonly Operation[]): JsonObject {
  const schemas = operations.map(({ documented }) => documented && openApiSchema(documented, 'output').$defs)
  return nameSchemas(Object.assign({}, ...schemas))
}

/** A schema without its definitions, which are components of the document. */
function nameSchemas({ $defs: _, ...schema }: JsonObject): JsonObject {
  const refs = JSON.stringify(schema).replaceAll('"#/$defs/', '"#/components/schemas/')
  return JSON.parse(refs)
}

/** The responses are named by their status. */
function problemResponses(names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.map((name) => [/\d+/.exec(name)?.[0] ?? 'default', { $ref: `#/components/responses/${name}` }]),
  )
}
