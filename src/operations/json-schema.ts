import * as z from 'zod'
import type { JsonObject } from './operation.ts'

// Clients and models choke on the first three, and each costs tokens in every conversation; lengths are checked anyway, and
// an error names them.
const UNWANTED = ['pattern', 'format', 'propertyNames', 'minLength', 'maxLength', 'maxItems']
// A pattern only spells out what the format beside it names.
const UNWANTED_IN_OPENAPI = ['pattern', 'propertyNames']

/** JSON Schema 2020-12 of a schema's input: plain, without `anyOf`, `$ref`, formats and lengths. */
export function inputJsonSchema(schema: z.ZodType): JsonObject {
  return plainJsonSchema(schema, 'input')
}

/** The same for OpenAPI, whose tools use `format`, and take an object without properties for an empty one. */
export function openApiSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  return plainJsonSchema(schema, io, UNWANTED_IN_OPENAPI)
}

/** JSON Schema 2020-12 of a schema's output; open at every level. */
export function outputJsonSchema(schema: z.ZodType): JsonObject {
  return plainJsonSchema(schema, 'output', [...UNWANTED, 'description'])
}

function plainJsonSchema(schema: z.ZodType, io: 'input' | 'output', unwanted = UNWANTED): JsonObject {
  const { $schema, ...plain } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      if (jsonSchema.isSelfExplanatory && unwanted === UNWANTED) delete jsonSchema.description
      for (const key of [...unwanted, 'isSelfExplanatory']) delete jsonSchema[key]
      if (isEmpty(jsonSchema.additionalProperties)) delete jsonSchema.additionalProperties
      const isOpenObject =
        jsonSchema.type === 'object' && !jsonSchema.additionalProperties && isEmpty(jsonSchema.properties ?? {})
      if (unwanted === UNWANTED_IN_OPENAPI && isOpenObject) jsonSchema.additionalProperties = true
      flattenNullable(jsonSchema)
    },
  })
  return plain
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** `anyOf: [X, null]` becomes X with `type: [x, null]`. */
function flattenNullable(jsonSchema: JsonObject): void {
  if (!Array.isArray(jsonSchema.anyOf)) return
  const [kept, nothing] = jsonSchema.anyOf as JsonObject[] // zod writes a nullable as exactly this pair
  if (!kept || nothing?.type !== 'null') return
  delete jsonSchema.anyOf
  Object.assign(jsonSchema, kept, { type: [kept.type, 'null'] })
}
