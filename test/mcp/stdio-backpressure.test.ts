import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { createByteBudget } from '../../src/http/byte-budget.ts'
import { createMcpServer } from '../../src/mcp/server.ts'
import { describeServer } from '../../src/mcp/server-info.ts'
import { createStatelessLayer } from '../../src/mcp/stateless.ts'
import { createStdioTransport } from '../../src/mcp/stdio.ts'
import { createHarness, type HarnessOptions } from '../support/harness.ts'
import { CUSTOMER_ID, callTool, customerResponse } from '../support/http.ts'

const MIB = 1024 * 1024

/** A server on two streams; `byteBudget` is that of the whole process. */
async function connect({ highWaterMark, ...options }: HarnessOptions & { highWaterMark?: number } = {}) {
  const { call, caller } = createHarness(options)
  const input = new PassThrough()
  const output = new PassThrough({ ...(highWaterMark !== undefined && { highWaterMark }) })
  const info = describeServer()
  const byteBudget = createByteBudget()
  const stateless = createStatelessLayer({ call, info })
  const transport = createStdioTransport({ input, output, stateless, caller, byteBudget })
  await createMcpServer({ call, info, caller }).connect(transport)
  return { input, output, transport, byteBudget }
}

test('no input is read while the client does not read the output', async () => {
  const { input, output, transport } = await connect({ highWaterMark: 16 })
  await transport.send({ jsonrpc: '2.0', id: 1, result: { text: 'x'.repeat(100) } })
  expect(input.isPaused()).toBe(true)
  const resumed = once(input, 'resume')
  output.resume()
  await resumed
  expect(input.isPaused()).toBe(false)
})

test('a request beyond 32 MiB in flight gets an error at once, until others are cancelled or have their responses', async () => {
  const respond: (() => void)[] = []
  const fetch = () => new Promise<Response>((resolve) => respond.push(() => resolve(customerResponse('Acme'))))
  const { input, output, byteBudget } = await connect({ upstream: { fetch } })
  const ping = async (id: number) => {
    input.write(`${JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' })}\n`)
    return JSON.parse(String((await once(output, 'data'))[0]))
  }
  const rejection = {
    code: -32000,
    message: 'the requests in flight are larger than 32 MiB together, retry when one has ended; ignored',
  }
  for (let id = 1; id <= 8; id++)
    input.write(`${callTool('get-customer', { customer_id: CUSTOMER_ID }, id).padEnd(4 * MIB)}\n`)
  expect(await ping(9)).toEqual({ jsonrpc: '2.0', id: 9, error: rejection })
  // REST beside stdio has the same budget.
  expect(byteBudget.left).toBe(0)

  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } }
  input.write(`${JSON.stringify(cancelled)}\n`)
  expect(await ping(10)).toEqual({ jsonrpc: '2.0', id: 10, result: {} })
  expect(byteBudget.left).toBe(4 * MIB)
  byteBudget.left = 0
  expect(await ping(11)).toMatchObject({ id: 11, error: rejection })

  const responses = once(output, 'data')
  respond[1]?.()
  expect(JSON.parse(String((await responses)[0]))).toMatchObject({ id: 2, result: {} })
  expect(await ping(12)).toEqual({ jsonrpc: '2.0', id: 12, result: {} })
})
