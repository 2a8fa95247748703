import type { JsonObject, Operation } from '../operation/define.ts'
import { inputJsonSchema, outputJsonSchema } from '../operation/json-schema.ts'
import { operations } from '../operations/index.ts'

export interface Tool {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly inputSchema: JsonObject & { type: 'object' }
  readonly outputSchema: JsonObject & { type: 'object' }
  readonly annotations: JsonObject
}

/** What tools/list answers. The build replaces this module by its value: a start then needs no schema. */
export const tools: readonly Tool[] = operations.map(describeTool)

function describeTool(op: Operation): Tool {
  const { readOnly, destructive, idempotent } = op.hints
  return {
    name: op.tool,
    title: op.title,
    description: op.description,
    inputSchema: { type: 'object', ...inputJsonSchema(op.input) },
    outputSchema: { type: 'object', ...outputJsonSchema(op.output) },
    annotations: {
      title: op.title,
      readOnlyHint: readOnly,
      destructiveHint: destructive,
      idempotentHint: idempotent,
      openWorldHint: true,
    },
  }
}
