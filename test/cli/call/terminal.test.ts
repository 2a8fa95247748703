import { Writable } from 'node:stream'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { call } from '../../../src/cli/call/command.ts'
import { ndjson, openWorkplace, startMetronome } from '../../support/bulk.ts'
import { createCommandContext } from '../../support/command-context.ts'
import { makeFolder } from '../../support/program.ts'

const CLEAR = '\r\u001b[K'
const immediate = () => new Promise((resolve) => setImmediate(resolve))

/** What `head` does to the program before it. */
function createClosedStream(): Writable {
  return new Writable({
    write(_, __, done) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }))
    },
  })
}

test('a log line on a terminal does not stand behind the progress', async () => {
  const folder = makeFolder({ 'in.csv': 'name\nBolt\n' })
  const { context, stderr } = createCommandContext({ hasErrorTerminal: true })
  const faults = ['--sandbox', '--sandbox-faults', 'lost-response:3']
  expect(await call(['create-customer', '--input', `${folder}/in.csv`, ...faults], context)).toBe(3)
  expect(stderr()).toContain(`${CLEAR}warn write-outcome-unknown`)
})

test.each([
  ['one request', ['{"name":"Bolt"}']],
  ['requests of rows', ['--input', 'FOLDER/in.csv']],
])('output that is closed early ends a dry run of %s quietly', async (_, words) => {
  const folder = makeFolder({ 'in.csv': 'name\nBolt\n' })
  const { context, stderr } = createCommandContext({ output: createClosedStream() })
  const argv = words.map((word) => word.replace('FOLDER', folder))
  expect(await call(['create-customer', ...argv, '--dry-run'], context)).toBe(0)
  expect(stderr()).toBe('')
})

describe('progress', () => {
  /** Runs two rows, the second of which hangs while the clock goes on. */
  async function watch(hasErrorTerminal: boolean, ms: number): Promise<string[]> {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    let goOn = () => {}
    const isOver = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const metronome = await startMetronome(async ({ apply }, count) => {
      if (count === 2) await isOver
      return apply()
    })
    const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ name: 'one' }, { name: 'two' }) })
    const printed: string[] = []
    const stderr = (words: string) => void printed.push(words)
    const command = ['create-customer', '--input', path('in.ndjson'), '--concurrency', '1']
    const ended = run(command, { hasErrorTerminal, stderr })
    while (metronome.writes.length < 2) await immediate()
    vi.advanceTimersByTime(ms)
    goOn()
    await ended
    return printed
  }

  test('is a line every ten seconds in a pipe', async () => {
    const [first, second, ...others] = await watch(false, 20_000)
    expect(first).toBe('1 of 2 rows, 0 failed, 0.1 rows/s, 10 s left\n')
    expect(second).toMatch(/^1 of 2 rows, 0 failed, 0\.1 rows\/s, 20 s left\n$/)
    expect(others).toEqual([expect.stringMatching(/^2 rows: 2 applied/)])
  })

  test('is one line with a bar on a terminal, and gone before the summary', async () => {
    const printed = (await watch(true, 400)).join('')
    expect(printed).toContain(`${CLEAR}[##########..........] 1 of 2 rows, 0 failed, 5.0 rows/s, 1 s left`)
    expect(printed.split(CLEAR).at(-1)).toMatch(/^2 rows: 2 applied.*\n$/)
  })
})
