import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { call } from '../../../src/cli/call/command.ts'
import { createCommandContext } from '../../support/command-context.ts'
import { makeFolder } from '../../support/program.ts'

const CLEAR = '\r\u001b[K'

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
