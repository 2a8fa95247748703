import { EventEmitter, once } from 'node:events'
import { PassThrough } from 'node:stream'
import { afterEach, expect, test, vi } from 'vitest'
import { serveStdio } from '../../src/cli/serve-stdio.ts'
import { createByteBudget } from '../../src/http/byte-budget.ts'
import { describeServer } from '../../src/mcp/server-info.ts'
import { INITIALIZE } from '../support/program.ts'

afterEach(() => void vi.useRealTimers())

/** A server on stdio in process, whose calls never end by themselves, and neither do ports that are given. */
async function startHanging(drainPorts?: (drainMs: number) => Promise<void>) {
  const input = new PassThrough()
  const output = new PassThrough()
  const signals = new EventEmitter()
  const exits: number[] = []
  let calls = 0
  await serveStdio({
    input,
    output,
    signals,
    exit: (code) => void exits.push(code),
    call: () => {
      calls += 1
      return new Promise(() => {})
    },
    interrupt() {},
    info: describeServer(),
    caller: { apiKey: undefined, redact: (text) => text },
    drainPorts,
    byteBudget: createByteBudget(),
  })
  const send = (message: object) => void input.write(`${JSON.stringify(message)}\n`)
  send(INITIALIZE)
  await once(output, 'data')
  return { send, signals, exits, calls: () => calls }
}

test('a server whose calls and ports hang ends within two seconds all the same', async () => {
  const { send, signals, exits, calls } = await startHanging(() => new Promise(() => {}))
  send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'get-customer', arguments: {} } })
  await vi.waitFor(() => expect(calls()).toBe(1))
  vi.useFakeTimers()
  signals.emit('SIGTERM')
  await vi.advanceTimersByTimeAsync(2_000)
  expect(exits).toEqual([0])
})

test('a call that was cancelled holds up no end', async () => {
  const { send, signals, exits, calls } = await startHanging()
  send({ jsonrpc: '2.0', id: 2, method: 'tools/call', params: { name: 'get-customer', arguments: {} } })
  await vi.waitFor(() => expect(calls()).toBe(1))
  send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } })
  await new Promise(setImmediate)
  signals.emit('SIGTERM')
  // Well before the time that a call in flight is given.
  await vi.waitFor(() => expect(exits).toEqual([0]), { timeout: 900 })
})

test('ports get less time than calls on stdio, since what they interrupt still responds', async () => {
  const drained: number[] = []
  const { signals, exits } = await startHanging(async (drainMs) => void drained.push(drainMs))
  signals.emit('SIGTERM')
  await vi.waitFor(() => expect(exits).toEqual([0]))
  expect(drained).toEqual([900])
})
