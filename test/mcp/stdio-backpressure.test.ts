import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { describeServer } from '../../src/mcp/server-info.ts'
import { createStatelessLayer } from '../../src/mcp/stateless.ts'
import { createStdioTransport } from '../../src/mcp/stdio.ts'
import { createHarness } from '../support/harness.ts'

test('no input is read while the client does not read the output', async () => {
  const { call, caller } = createHarness()
  const input = new PassThrough()
  const output = new PassThrough({ highWaterMark: 16 })
  const stateless = createStatelessLayer({ call, info: describeServer() })
  const transport = createStdioTransport({ input, output, stateless, caller })
  await transport.start()
  await transport.send({ jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(100) } })
  expect(input.isPaused()).toBe(true)
  const resumed = once(input, 'resume')
  output.resume()
  await resumed
  expect(input.isPaused()).toBe(false)
})
