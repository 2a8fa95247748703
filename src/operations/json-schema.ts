import * as z from 'zod'
import type { JsonObject } from './json.ts'

/** JSON Schema 2020-12 of a schema's input for models: plain, without `anyOf`, `$ref`, formats and lengths. */
export function inputJsonSchema(schema: z.ZodType): JsonObject {
  return toJsonSchema(schema, 'input', (jsonSchema) => {
    simplifyForModels(jsonSchema)
    // Clients drop a tool, or all tools, for a property with two types; null is accepted all the same.
    if (Array.isArray(jsonSchema.type)) jsonSchema.type = jsonSchema.type.find((type) => type !== 'null')
  })
}

/** The same of a schema's output; open at every level. */
export function outputJsonSchema(schema: z.ZodType): JsonObject {
  return toJsonSchema(schema, 'output', (jsonSchema) => {
    simplifyForModels(jsonSchema)
    delete jsonSchema.description
  })
}

/** JSON Schema for OpenAPI; schemas with an id are under `$defs`. */
export function openApiSchema(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  return toJsonSchema(schema, io, (jsonSchema) => simplifyForOpenApi(jsonSchema, io))
}

// Clients and models choke on the first three, and each costs tokens in every conversation; lengths are checked anyway, and
// an error names them.
const UNWANTED_BY_MODELS = ['pattern', 'format', 'propertyNames', 'minLength', 'maxLength', 'minItems', 'maxItems']

function simplifyForModels(jsonSchema: JsonObject): void {
  for (const key of UNWANTED_BY_MODELS) delete jsonSchema[key]
}

function simplifyForOpenApi(jsonSchema: JsonObject, io: 'input' | 'output'): void {
  // A pattern only spells out what the format beside it names.
  delete jsonSchema.pattern
  delete jsonSchema.propertyNames
  // Generators take an object without properties for an empty one, and one with properties for a closed one.
  const { type, properties = {}, additionalProperties } = jsonSchema
  const isOpen = type === 'object' && additionalProperties === undefined
  if (isOpen && (io === 'input' || isEmpty(properties))) jsonSchema.additionalProperties = true
}

function toJsonSchema(
  schema: z.ZodType,
  io: 'input' | 'output',
  simplify: (jsonSchema: JsonObject) => void,
): JsonObject {
  const { $schema, ...plain } = z.toJSONSchema(schema, {
    io,
    override: ({ jsonSchema }) => {
      if (isEmpty(jsonSchema.additionalProperties)) delete jsonSchema.additionalProperties
      flattenNullable(jsonSchema)
      simplify(jsonSchema)
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
