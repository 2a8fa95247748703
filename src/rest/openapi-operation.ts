import { type JsonObject, type Operation, pathArguments } from '../operation/define.ts'
import { asObject } from '../operation/json.ts'
import { openApiSchema } from '../operation/json-schema.ts'
import { PROBLEM_RESPONSES } from './openapi-problems.ts'
import { parameterName } from './paths.ts'
import { MAX_KEY_CHARACTERS } from './request.ts'

export const IDEMPOTENCY_KEY_PARAMETER = {
  name: 'Idempotency-Key',
  in: 'header',
  description:
    'Any text of your own for this one write. Metronome does a write only once under a key, for at least 24 hours, so you can repeat it under the same key without harm. Where you send none, a new one is made.',
  schema: { type: 'string', minLength: 1, maxLength: MAX_KEY_CHARACTERS },
  example: '6f1c2a52-2a6f-4c0e-9b53-8c2f6f1f0a11',
}

export const IDEMPOTENCY_KEY_HEADER = {
  description:
    'The key of this write, your own or a new one, also when it failed. Repeat under it when the outcome is unknown.',
  schema: { type: 'string' },
}

const NOTE = {
  type: 'string',
  description:
    'Added by this server where there is something to say: the sandbox, or a write found done by reading back.',
}

/** Describes one operation as OpenAPI does. */
export function describeOperation(op: Operation): JsonObject {
  const inPath = pathArguments(op)
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
      ...(op.write ? [{ $ref: '#/components/parameters/IdempotencyKey' }] : []),
    ],
    ...(op.method === 'POST' && {
      requestBody: { required: true, content: { 'application/json': { schema: body, example } } },
    }),
    responses: { 200: describeAnswer(op), ...refuseAs(Object.keys(PROBLEM_RESPONSES)) },
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
    // Repeated parameters are read as well.
    ...(schema.type === 'array' && { style: 'form', explode: false }),
    ...(example !== undefined && { example }),
  }
}

function describeAnswer(op: Operation): JsonObject {
  const { properties, ...output } = openApiSchema(op.output, 'output')
  const schema = { ...output, properties: { ...asObject(properties), _note: NOTE } }
  return {
    description: op.emptyAnswer ? 'Done; Metronome answers nothing more.' : 'The answer of Metronome, unchanged.',
    ...(op.write && { headers: { 'Idempotency-Key': { $ref: '#/components/headers/IdempotencyKey' } } }),
    content: { 'application/json': { schema, example: op.example.output } },
  }
}

/** The responses are named by their status. */
function refuseAs(names: readonly string[]): JsonObject {
  return Object.fromEntries(
    names.map((name) => [/\d+/.exec(name)?.[0] ?? 'default', { $ref: `#/components/responses/${name}` }]),
  )
}
