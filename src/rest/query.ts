import * as z from 'zod'
import type { JsonObject } from '../operation/define.ts'
import type { InputIssue } from '../operation/input-error.ts'
import { isPercentEncoded } from '../text.ts'

/** Reads a query into the types that `input` wants. Text that is none of them stays text, for the check to refuse. */
export function readQuery(search: string, input: z.ZodObject, issues: InputIssue[]): JsonObject {
  // Otherwise such bytes would turn into other characters, and be sent so.
  if (!isPercentEncoded(search)) issues.push({ path: 'query', message: 'is not percent-encoded UTF-8' })
  const parameters = new URLSearchParams(search)
  const names = new Set(parameters.keys())
  return Object.fromEntries(
    Array.from(names, (name) => {
      const schema = Object.hasOwn(input.shape, name) ? plainType(input.shape[name]) : undefined
      return [name, readValues(parameters.getAll(name), schema)]
    }),
  )
}

/** Lists come joined by commas, repeated, or both; of anything else there is one. */
function readValues(values: readonly string[], schema: z.core.$ZodType | undefined): unknown {
  if (schema instanceof z.ZodArray) return values.flatMap((value) => value.split(','))
  return values.length === 1 ? readValue(values[0] ?? '', schema) : values
}

function readValue(text: string, schema: z.core.$ZodType | undefined): unknown {
  if (schema instanceof z.ZodBoolean && /^(true|false)$/.test(text)) return text === 'true'
  // Digits only as they would be written back: no 1e1, 0x1, 01 or 1.0.
  if (schema instanceof z.ZodNumber && String(Number(text)) === text) return Number(text)
  return text
}

function plainType(schema: z.core.$ZodType | undefined): z.core.$ZodType | undefined {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodNullable ? plainType(schema.unwrap()) : schema
}
