import { describe, expect, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { configureNumber, INEXACT_NUMBERS } from '../support/arguments.ts'
import { type ReceivedMessage, shareProgram, startProgram, toolCall } from '../support/program.ts'

const PING = { jsonrpc: '2.0', id: 'ping', method: 'ping' }
const MIB = 1024 * 1024
const BILLING = 'set-billing-provider-configurations-customer'

const sharedProgram = shareProgram({ args: ['--sandbox'] })

/** The response to one line, from a program that still works afterwards. */
async function respondTo(line: unknown): Promise<ReceivedMessage> {
  const program = sharedProgram()
  program.send(line)
  const response = await program.receive()
  program.send({ ...PING, id: 'next' })
  expect(await program.receive()).toEqual({ jsonrpc: '2.0', id: 'next', result: {} })
  expect(program.stderr()).toBe('')
  return response
}

const rejection = (code: number, message: RegExp, id?: unknown) => ({
  jsonrpc: '2.0',
  ...(id !== undefined && { id }),
  error: { code, message: expect.stringMatching(message) },
})

const list = (params: object) => ({ jsonrpc: '2.0', id: 7, method: 'tools/list', params })

describe('a line that is not a valid request is rejected without harm', () => {
  test.each<[string, unknown, object]>([
    ['text', 'hello', rejection(-32700, /^a line is not JSON; ignored$/)],
    ['cut JSON', '{"jsonrpc":"2.0","id":1', rejection(-32700, /not JSON/)],
    ['two messages', `${JSON.stringify(PING)}${JSON.stringify(PING)}`, rejection(-32700, /not JSON/)],
    ['a NUL', '\u0000', rejection(-32700, /not JSON/)],
    ['a number', '5', rejection(-32600, /not a JSON-RPC 2\.0 message/)],
    ['null', 'null', rejection(-32600, /not a JSON-RPC 2\.0 message/)],
    ['an empty object', '{}', rejection(-32600, /not a JSON-RPC 2\.0 message/)],
    ['another version', { ...PING, jsonrpc: '1.0' }, rejection(-32600, /not a JSON-RPC 2\.0 message/, 'ping')],
    ['no method', { jsonrpc: '2.0', id: 3 }, rejection(-32600, /not a JSON-RPC 2\.0 message/, 3)],
    ['a batch', [PING, PING], rejection(-32600, /batches are not supported/)],
    ['an empty batch', [], rejection(-32600, /batches are not supported/)],
    ['an id that is null', { ...PING, id: null }, rejection(-32600, /not a JSON-RPC/)],
    ['an id that is a boolean', { ...PING, id: true }, rejection(-32600, /not a JSON-RPC/)],
    ['an id that is an object', { ...PING, id: {} }, rejection(-32600, /not a JSON-RPC/)],
    ['an id that is a fraction', { ...PING, id: 1.5 }, rejection(-32600, /not a JSON-RPC/)],
    ['params that are a list', { ...PING, params: [] }, rejection(-32600, /not a JSON-RPC/, 'ping')],
    ['5 MiB', `"${'x'.repeat(5 * MIB)}"`, rejection(-32600, /^a line is longer than 4 MiB; ignored$/)],
    ['deep nesting', '['.repeat(100_000) + ']'.repeat(100_000), rejection(-32600, /batches/)],
    ['an unknown method', { ...PING, method: 'tools/dance' }, rejection(-32601, /Method not found/, 'ping')],
    [
      'a method that is not declared',
      { ...PING, method: 'resources/list' },
      rejection(-32601, /Method not found/, 'ping'),
    ],
    ['an unknown tool', toolCall(4, 'drop-customers'), rejection(-32602, /Unknown tool: drop-customers/, 4)],
    ['a tool named constructor', toolCall(4, 'constructor'), rejection(-32602, /Unknown tool: constructor/, 4)],
    ['a tool with control characters', toolCall(4, 'a\u001b[2J'), rejection(-32602, /Unknown tool: a\\u\{1b\}\[2J/, 4)],
    ['a call without a name', { ...PING, method: 'tools/call', params: {} }, rejection(-32602, /name/, 'ping')],
    [
      'a call without params',
      { ...PING, method: 'tools/call' },
      rejection(-32602, /^tools\/call needs the name of a tool$/, 'ping'),
    ],
    ['arguments that are a list', toolCall(5, 'list-customers', []), rejection(-32602, /arguments/, 5)],
    ['an initialize without params', { ...PING, method: 'initialize' }, rejection(-32602, /^initialize needs/, 'ping')],
    [
      'an initialize with wrong types',
      { ...PING, method: 'initialize', params: { protocolVersion: 5, capabilities: [], clientInfo: 'x' } },
      rejection(-32602, /^initialize needs protocolVersion, capabilities and clientInfo/, 'ping'),
    ],
    ['a cursor that is a number', list({ cursor: 5 }), rejection(-32602, /Unknown cursor/, 7)],
    ['a bogus cursor', list({ cursor: 'next' }), rejection(-32602, /Unknown cursor/, 7)],
    ['an empty cursor', list({ cursor: '' }), rejection(-32602, /Unknown cursor/, 7)],
  ])('%s', async (_, line, expected) => {
    expect(await respondTo(line)).toEqual(expected)
  })

  test('invalid UTF-8', async () => {
    const program = sharedProgram()
    program.child.stdin.write(Buffer.from([0x22, 0xff, 0xfe, 0x22, 0x0a]))
    expect(await program.receive()).toEqual(rejection(-32700, /a line is not UTF-8/))
  })
})

test.each([0, 1, -1, Number.MAX_SAFE_INTEGER, '', 'a', '0', 'ü"\\', 'x'.repeat(1_000)])(
  'the id %j is returned unchanged',
  async (id) => {
    expect(await respondTo({ ...PING, id })).toEqual({ jsonrpc: '2.0', id, result: {} })
  },
)

test.each(INEXACT_NUMBERS)('rejects the number %s in arguments, which JavaScript would alter', async (number) => {
  const [start, end] = JSON.stringify(toolCall(1, BILLING, {})).split('{}')
  const response = await respondTo(`${start}${configureNumber(number)}${end}`)
  expect(JSON.stringify(response)).toContain('data[0].configuration.a[0] exceeds the range of exact numbers')
})

test('reads lines in pieces, in one piece, with CRLF, blank or with a byte order mark', async () => {
  const program = sharedProgram()
  const ping = (id: string) => JSON.stringify({ ...PING, id })
  const { stdin } = program.child
  stdin.write(`${ping('a')}\r\n\n  \n\ufeff${ping('b')}\n${ping('cü').slice(0, 20)}`)
  expect([(await program.receive()).id, (await program.receive()).id]).toEqual(['a', 'b'])
  const rest = Buffer.from(`${ping('cü').slice(20)}\n`)
  for (const byte of rest) stdin.write(Buffer.from([byte]))
  expect((await program.receive()).id).toBe('cü')
})

test('reads a line of just under 4 MiB', async () => {
  const name = 'x'.repeat(4 * MIB - 200)
  const program = sharedProgram()
  program.send(toolCall(1, 'update-customer-name', { customer_id: 'no id', name }))
  expect(await program.receive()).toMatchObject({ id: 1, result: { isError: true } })
})

test('rejects a huge line once, however it arrives, and reads what follows', async () => {
  const program = sharedProgram()
  for (let part = 0; part < 12; part++) program.child.stdin.write('x'.repeat(MIB))
  program.send('')
  program.send(PING)
  expect(await program.receive()).toEqual(rejection(-32600, /longer than 4 MiB/))
  expect((await program.receive()).id).toBe('ping')
})

test('serves a call before initialize, which later revisions do not have', async () => {
  const program = startProgram({ args: ['--sandbox'] })
  program.send(list({}))
  program.send(toolCall(8, 'list-customers'))
  const responses = [await program.receive(), await program.receive()]
  expect(responses.find(({ id }) => id === 7)?.result).toMatchObject({ tools: { length: operations.length } })
  expect(responses.find(({ id }) => id === 8)?.result).not.toHaveProperty('isError')
})

test('ignores notifications and responses that it does not expect', async () => {
  const program = sharedProgram()
  program.send({ jsonrpc: '2.0', method: 'notifications/unheard', params: {} })
  program.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 'nobody' } })
  program.send({ jsonrpc: '2.0', method: 'tools/list' })
  program.send({ jsonrpc: '2.0', id: 99, result: {} })
  program.send({ jsonrpc: '2.0', id: 98, error: { code: 1, message: 'no' } })
  program.send(PING)
  expect((await program.receive()).id).toBe('ping')
})

test('serves a call that asks to be a task like any other, since no tasks are declared', async () => {
  const program = sharedProgram()
  const params = { name: 'list-customers', arguments: {}, task: { ttl: 1000 } }
  program.send({ jsonrpc: '2.0', id: 'task', method: 'tools/call', params })
  expect(await program.receive()).toMatchObject({
    id: 'task',
    result: { structuredContent: { data: expect.any(Array) } },
  })
})
