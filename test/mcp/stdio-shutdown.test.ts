import { describe, expect, test } from 'vitest'
import { ONE, READ, WRITE } from '../support/call-upstream.ts'
import { KEY } from '../support/harness.ts'
import { INITIALIZE, type Program, startProgram, toolCall } from '../support/program.ts'
import { answerWith, type LocalUpstream, startUpstream } from '../support/upstream.ts'

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
/** Two seconds, and as much again for a machine under load. */
const LIMIT_MS = 4_000

/** Expects an end with code 0, in time, with nothing left behind. */
async function expectCleanEnd(program: Program): Promise<void> {
  const started = Date.now()
  expect(await program.ended).toEqual({ code: 0, signal: null })
  expect(Date.now() - started).toBeLessThan(LIMIT_MS)
  expect(() => process.kill(program.pid, 0)).toThrow('ESRCH')
  expect(program.stderr()).not.toMatch(/Error|EPIPE|\n\s+at /)
}

async function startReady(): Promise<Program> {
  const program = startProgram({ args: ['--sandbox'] })
  program.send(INITIALIZE)
  await program.receive()
  return program
}

/** A program with calls in flight, whose ids are 1 and up, to an upstream that does not respond. */
async function startBusy(
  ...calls: (readonly [string, object])[]
): Promise<{ program: Program; upstream: LocalUpstream }> {
  let left = calls.length
  const arrived: { tell?: () => void } = {}
  const whenArrived = new Promise<void>((resolve) => {
    arrived.tell = resolve
  })
  const upstream = await startUpstream(() => {
    left -= 1
    if (left === 0) arrived.tell?.()
  })
  const program = startProgram({ env: { METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl } })
  for (const [index, call] of calls.entries()) program.send(toolCall(index + 1, ...call))
  await whenArrived
  return { program, upstream }
}

describe('an idle program ends with code 0', () => {
  test('when stdin ends', async () => {
    const program = await startReady()
    program.child.stdin.end()
    await expectCleanEnd(program)
  })

  test('when there never was any input', async () => {
    const program = startProgram({ args: ['--sandbox'] })
    program.child.stdin.end()
    await expectCleanEnd(program)
    expect(program.stdout()).toBe('')
  })

  test.each(SIGNALS)('on %s', async (signal) => {
    const program = await startReady()
    program.child.kill(signal)
    await expectCleanEnd(program)
  })
})

test('further signals while it ends change nothing', async () => {
  const { program } = await startBusy(READ)
  for (const signal of [...SIGNALS, ...SIGNALS]) program.child.kill(signal)
  // It still listens, and ends with the response of the call.
  program.send({ jsonrpc: '2.0', id: 2, method: 'ping' })
  await program.receive()
  for (const signal of SIGNALS) program.child.kill(signal)
  await expectCleanEnd(program)
})

describe('calls in flight when stdin ends', () => {
  test('get their responses when Metronome responds in time', async () => {
    const upstream = await startUpstream((...all) => void setTimeout(() => answerWith(200, ONE)(...all), 100))
    const program = startProgram({ env: { METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl } })
    for (let id = 1; id <= 20; id++) program.send(toolCall(id, ...READ))
    program.child.stdin.end()
    await expectCleanEnd(program)
    const ids = program
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line).id)
    expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })

  test('that need no upstream all get responses', async () => {
    const program = startProgram({ args: ['--sandbox'] })
    for (let id = 1; id <= 200; id++) program.send({ jsonrpc: '2.0', id, method: 'tools/list' })
    program.child.stdin.end()
    await expectCleanEnd(program)
    expect(program.stdout().trimEnd().split('\n')).toHaveLength(200)
  })

  test('a last line without a newline is not a request', async () => {
    const program = startProgram({ args: ['--sandbox'] })
    program.child.stdin.end('{"jsonrpc":"2.0","id":1,"method":"ping"}')
    await expectCleanEnd(program)
    expect(program.stdout()).toBe('')
  })
})

describe.each([
  ['stdin ends', (program: Program) => void program.child.stdin.end()],
  ['SIGTERM comes', (program: Program) => void program.child.kill('SIGTERM')],
])('when %s', (_, end) => {
  test('a read in flight gets a response, and a write its outcome and a log line with its key', async () => {
    const { program, upstream } = await startBusy(READ, WRITE)
    end(program)
    await expectCleanEnd(program)
    const responses = program
      .stdout()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    const failure = (id: number, text: string) =>
      expect.objectContaining({
        id,
        result: { isError: true, content: [{ type: 'text', text: expect.stringContaining(text) }] },
      })
    expect(responses).toHaveLength(2)
    expect(responses).toContainEqual(failure(1, 'this server is stopping'))
    expect(responses).toContainEqual(failure(2, 'Outcome: unknown'))
    const key = upstream.requests.find(({ method }) => method === 'POST')?.headers['idempotency-key']
    expect(program.stderr()).toBe(`warn write-outcome-unknown tool=archive-customer idempotency-key=${key}\n`)
  })
})

describe('a client that closes stdout', () => {
  test('while responses are written', async () => {
    const program = await startReady()
    program.child.stdout.destroy()
    for (let id = 1; id <= 300; id++) program.send({ jsonrpc: '2.0', id, method: 'tools/list' })
    await expectCleanEnd(program)
  })

  test('with a write in flight', async () => {
    const { program, upstream } = await startBusy(WRITE)
    program.child.stdout.destroy()
    for (let id = 2; id <= 20; id++) program.send({ jsonrpc: '2.0', id, method: 'tools/list' })
    await expectCleanEnd(program)
    expect(program.stderr()).toContain(String(upstream.requests[0]?.headers['idempotency-key']))
  })

  test('and stderr', async () => {
    const program = await startReady()
    program.child.stdout.destroy()
    program.child.stderr.destroy()
    for (let id = 1; id <= 20; id++) program.send({ jsonrpc: '2.0', id, method: 'tools/list' })
    await expectCleanEnd(program)
  })
})

test('a cancelled call gets no response, and its request is aborted', async () => {
  const { program } = await startBusy(WRITE)
  program.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
  await program.seeOnStderr('write-outcome-unknown')
  program.child.stdin.end()
  await expectCleanEnd(program)
  expect(program.stdout()).toBe('')
})
