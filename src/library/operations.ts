import type { Operation } from '../operation/define.ts'
import { inputJsonSchema, outputJsonSchema } from '../operation/json-schema.ts'
import { operations as definitions } from '../operations/index.ts'

/** A JSON Schema of the draft 2020-12. */
export type JsonSchema = Readonly<Record<string, unknown>>

/** One of the 15 tools, as plain data. */
export interface OperationInfo {
  /** Name of the MCP tool. */
  readonly name: string
  readonly title: string
  readonly description: string
  /** What Metronome is asked. */
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly hints: {
    readonly readOnly: boolean
    readonly destructive: boolean
    readonly idempotent: boolean
  }
  readonly inputSchema: JsonSchema
  readonly outputSchema: JsonSchema
  readonly example: {
    readonly input: Readonly<Record<string, unknown>>
    readonly output: Readonly<Record<string, unknown>>
  }
}

/** The 15 tools in the order in which clients list them. */
export const operations: readonly OperationInfo[] = definitions.map(describe)

function describe({ tool, title, description, method, path, hints, input, output, example }: Operation): OperationInfo {
  return {
    name: tool,
    title,
    description,
    method,
    path,
    hints,
    inputSchema: inputJsonSchema(input),
    outputSchema: outputJsonSchema(output),
    example,
  }
}
