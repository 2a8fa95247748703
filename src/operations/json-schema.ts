import * as z from 'zod'
import type { JsonObject } from './operation.ts'

/** JSON Schema 2020-12 of a schema's input for models: plain, without `anyOf`, `$ref`, formats and lengths. */
export function inputJsonSchema(schema: z.ZodType): JsonObject {
  return toJsonSchema(schema, 'input', fitModels)
}

/** The same of a schema's output; open at every level. */
export function outputJsonSchema(schema: z.ZodType): JsonObject {
  return toJsonSchema(schema, 'output', (jsonSchema) => {
    fitModels(jsonSchema)
    delete jsonSchema.description
  })
}

/** JSON Schema for OpenAPI; schemas with an id are under `$defs`. */
export function openApiSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  return toJsonSchema(schema, io, fitOpenApi)
}

// Clients and models choke on the first three, and each costs tokens in every conversation; lengths are checked anyway, and
// an error names them.
const UNWANTED_BY_MODELS = ['pattern', 'format', 'propertyNames', 'minLength', 'maxLength', 'maxItems']

function fitModels(jsonSchema: JsonObject): void {
  if (jsonSchema.isSelfExplanatory) delete jsonSchema.description
  for (const key of UNWANTED_BY_MODELS) delete jsonSchema[key]
}

function fitOpenApi(jsonSchema: JsonObject): void {
  // A pattern only spells out what the format beside it names.
  delete jsonSchema.pattern
  delete jsonSchema.propertyNames
  // Generators take an object without properties for an empty one.
  const { type, properties = {}, additionalProperties } = jsonSchema
  if (type === 'object' && isEmpty(properties) && !additionalProperties) jsonSchema.additionalProperties = true
}

function toJsonSchema(schema: z.ZodType, io: 'input' | 'output', adapt: (jsonSchema: JsonObject) => void): JsonObject {
  const { $schema, ...plain } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      if (isEmpty(jsonSchema.additionalProperties)) delete jsonSchema.additionalProperties
      adapt(jsonSchema)
      delete jsonSchema.isSelfExplanatory
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
