import type { JsonObject } from '../../src/operation/define.ts'
import { operations } from '../../src/operations/index.ts'

/** A successful answer to a tool, for tests that look at the request only. */
export function exampleAnswer(tool: string): JsonObject {
  const op = operations.find((candidate) => candidate.tool === tool)
  if (!op) throw new Error(`no such tool: ${tool}`)
  return op.example.output
}
