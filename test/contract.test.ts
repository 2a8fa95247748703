import { expect, test } from 'vitest'
import { operations } from '../src/operations/index.ts'
import type { SandboxRequest } from '../src/sandbox/http-messages.ts'
import { findRoute } from '../src/sandbox/router.ts'
import { CONTRACT, ID, WRITES } from './contract.ts'
import { connectClient } from './support/harness.ts'

test('the contract has exactly the operations of the program, in order', () => {
  expect(CONTRACT.map(({ tool }) => tool)).toEqual(operations.map(({ tool }) => tool))
})

test('the contract has write arguments for exactly the operations that write', () => {
  expect(WRITES.map(({ tool }) => tool)).toEqual(
    operations.filter(({ kind }) => kind === 'write').map(({ tool }) => tool),
  )
})

test.each(CONTRACT)('$tool has the method, path and hints of the specification', ({ tool, method, path, hints }) => {
  const op = operations.find((each) => each.tool === tool)
  expect(op).toMatchObject({
    method,
    path,
    kind: hints.readOnly ? 'read' : 'write',
    hints: { destructive: hints.destructive, idempotent: hints.idempotent },
  })
})

test.each(CONTRACT)('the sandbox has a handler for $tool', ({ tool, method, path }) => {
  const route = findRoute({ method, path: path.replace('{customer_id}', ID) } as SandboxRequest) // only these two decide
  expect(route?.handler.op.tool).toBe(tool)
})

test('tools/list returns the names and hints of the specification, in its order', async () => {
  const { mcp } = await connectClient()
  const { tools } = await mcp.listTools()
  expect(tools.map(({ name, annotations }) => ({ name, annotations }))).toEqual(
    CONTRACT.map(({ tool, hints }) => ({
      name: tool,
      annotations: {
        title: expect.any(String),
        readOnlyHint: hints.readOnly,
        destructiveHint: hints.destructive,
        idempotentHint: hints.idempotent,
        openWorldHint: true,
      },
    })),
  )
})

test('the contract has at least four sets of arguments for every tool', () => {
  expect(CONTRACT.filter(({ sets }) => sets.length < 4)).toEqual([])
})
