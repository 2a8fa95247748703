import { asObject, isObject, type JsonObject } from '../operations/json.ts'

/** The same document in OpenAPI 3.0, for readers of that version alone: Copilot Studio, Power Platform, older generators. */
export function toOpenApi30(document: JsonObject): JsonObject {
  const { summary: _, ...info } = asObject(document.info)
  return { ...asObject(replaceNullTypes(document)), openapi: '3.0.3', info }
}

/** 3.0 has one type for a value, and `nullable` beside it. */
function replaceNullTypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replaceNullTypes)
  if (!isObject(value)) return value
  const copy = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, replaceNullTypes(part)]))
  if (!Array.isArray(copy.type) || !copy.type.includes('null')) return copy
  return { ...copy, type: copy.type.find((type) => type !== 'null'), nullable: true }
}
