import { inputOf } from '../calls/validate-arguments.ts'
import { operations } from '../operations/index.ts'
import { inputJsonSchema, outputJsonSchema } from '../operations/json-schema.ts'
import type { Operation } from '../operations/operation.ts'
import type { Tool } from './tools.ts'

/** Builds the tools of tools/list; `npm run generate` writes them to tools/, so that a start needs no schema. */
export function buildToolList(): Tool[] {
  return operations.map(describeTool)
}

function describeTool(op: Operation): Tool {
  const { destructive, idempotent } = op.hints
  return {
    name: op.tool,
    title: op.title,
    description: op.description,
    inputSchema: { type: 'object', ...inputJsonSchema(inputOf(op, false).input) },
    outputSchema: { type: 'object', ...outputJsonSchema(op.output) },
    annotations: {
      title: op.title,
      readOnlyHint: op.kind === 'read',
      destructiveHint: destructive,
      idempotentHint: idempotent,
      openWorldHint: true,
    },
  }
}
