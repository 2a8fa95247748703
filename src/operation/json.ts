import type { JsonObject } from './define.ts'

/** The value when it is a plain JSON object; what is none reads as empty. */
export function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {} // just checked
}

/** The objects of a JSON array; what is none reads as empty. */
export function asObjects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.map(asObject) : []
}
