import { statSync } from 'node:fs'
import { expect, test } from 'vitest'
import { endOf, ndjson, openWorkplace, startMetronome } from '../support/bulk.ts'

const INPUT = ndjson(...[1, 2, 3, 4].map((number) => ({ name: `Customer ${number}`, ingest_aliases: [`a-${number}`] })))
const CREATE = ['create-customer', '--input', 'in.ndjson'] as const

test('a second run of the same command sends nothing, and has a line for every row again', async () => {
  const metronome = await startMetronome()
  const { call, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': INPUT })
  const first = await call(...CREATE)
  expect(first).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(
      /^4 rows: 4 applied, 0 already applied, 0 failed, 0 unknown, 0 not started, \d+\.\d s\n$/,
    ),
  })
  expect(statSync(path('in.ndjson.journal')).mode & 0o777).toBe(0o600)
  const second = await call(...CREATE)
  expect(second.code).toBe(0)
  expect(second.stderr).toMatch(/^4 rows: 0 applied, 4 already applied, 0 failed/)
  expect(metronome.writes).toHaveLength(4)
  const byRow = (lines: readonly Record<string, unknown>[]) => [...lines].sort((a, b) => Number(a.row) - Number(b.row))
  expect(byRow(second.lines)).toEqual(
    byRow(first.lines).map((line) => ({
      ...line,
      earlier: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    })),
  )
})

test('a row whose response was lost with the process is sent again under its recorded key', async () => {
  let isDown = true
  const metronome = await startMetronome(({ apply, body }) => {
    const response = apply()
    return isDown && body.name === 'Customer 3' ? 'hang' : response
  })
  const { start, call, read } = openWorkplace(metronome.baseUrl, { 'in.ndjson': INPUT })
  const program = start(...CREATE)
  while (program.stdout().split('\n').length < 4)
    await new Promise((resolve) => program.child.stdout.once('data', resolve))
  program.child.kill('SIGKILL')
  await program.ended
  isDown = false
  const { code, lines, stderr } = await call(...CREATE)
  expect(stderr).toMatch(/^4 rows: 1 applied, 3 already applied/)
  expect(code).toBe(0)
  expect(lines).toHaveLength(4)
  const keys = metronome.writes.filter(({ body }) => body.name === 'Customer 3').map(({ key }) => key)
  expect(new Set(keys).size).toBe(1)
  expect(metronome.store.effects).toHaveLength(4)
  expect(read('in.ndjson.journal')).toContain(`"key":"${keys[0]}"`)
})

test('a row that failed may be edited, and is tried again under a new key', async () => {
  const metronome = await startMetronome(({ apply, body }) =>
    body.name === 'bad' ? { status: 400, body: { message: 'no' } } : apply(),
  )
  const { call, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ name: 'one' }, { name: 'bad' }) })
  const first = await call(...CREATE)
  expect(first.code).toBe(1)
  expect(first.stderr).toMatch(
    /^2 rows: 1 applied, 0 already applied, 1 failed, 0 unknown, 0 not started, .*\n.* call create-customer --input in.ndjson\n$/,
  )
  write('in.ndjson', ndjson({ name: 'one' }, { name: 'good' }, { name: 'three' }))
  expect((await call(...CREATE)).code).toBe(0)
  expect(metronome.writes.map(({ body }) => body.name)).toEqual(['one', 'bad', 'good', 'three'])
  expect(new Set(metronome.writes.map(({ key }) => key)).size).toBe(4)
})

test.each([
  ['changed', ndjson({ name: 'other' }, { name: 'two' }), 'row 1 has changed; it is applied in the journal'],
  ['missing', ndjson({ name: 'one' }), 'row 2 is missing; it is applied in the journal'],
])('an applied row that is %s is wrong usage', async (_, edited, message) => {
  const metronome = await startMetronome()
  const { call, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ name: 'one' }, { name: 'two' }) })
  await call(...CREATE)
  write('in.ndjson', edited)
  expect(await call(...CREATE)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
  expect(metronome.writes).toHaveLength(2)
})

test('a second run while the first one runs is wrong usage', async () => {
  const metronome = await startMetronome(() => 'hang')
  const { call, start } = openWorkplace(metronome.baseUrl, { 'in.ndjson': INPUT })
  const program = start(...CREATE)
  while (metronome.writes.length < 4) await new Promise((resolve) => setImmediate(resolve))
  expect(await call(...CREATE)).toMatchObject({ code: 2, stderr: expect.stringContaining('is used by another run') })
  program.child.kill('SIGKILL')
  expect((await endOf(program)).signal).toBe('SIGKILL')
})

const HOUR = 3_600_000

test.each([
  [22, 0, 1],
  [22.9, 0, 1],
  [23.5, 3, 0],
  [24, 3, 0],
  [-1, 3, 0],
])(
  'after %d hours, an unknown row exits with %i: its key counts for 23 hours, and never before it was made',
  async (hours, code, sent) => {
    const metronome = await startMetronome(({ apply }, count) => {
      const response = apply()
      return count <= 3 ? 'cut' : response
    })
    const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ name: 'one' }) })
    const command = ['create-customer', '--input', path('in.ndjson')]
    expect(await run(command)).toMatchObject({
      code: 3,
      lines: [{ outcome: 'unknown', error: { message: expect.stringContaining('run the same command again') } }],
    })
    const end = await run(command, { now: () => Date.now() + hours * HOUR })
    expect(end.code).toBe(code)
    expect(metronome.writes).toHaveLength(3 + sent)
    expect(metronome.store.effects).toHaveLength(1)
    if (code === 3)
      expect(end.lines).toMatchObject([
        { outcome: 'unknown', error: { code: 'key_expired', message: expect.stringContaining('list-customers') } },
      ])
  },
)

test.each([
  ['is no journal', () => 'notes without a line break'],
  ['is no journal', () => '{"type":"begin"}\n'],
  [
    'Line 3 of the journal',
    (whole: string) => whole.replace(/\n.*"end".*\n/, '\n{"type":"end","row":9,"outcome":"applied"}\n'),
  ],
  ['Line 3 of the journal', (whole: string) => whole.replace(/(\n.*"begin".*)\n.*"end".*/, '$1$1')],
  ['Line 2 of the journal', (whole: string) => whole.replace('"begin"', '"begun"')],
  ['Line 2 of the journal', (whole: string) => whole.replace('\n', '\n\n')],
])('a file that %s is wrong usage, and stays as it is', async (message, damage) => {
  const metronome = await startMetronome()
  const { call, read, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ name: 'one' }) })
  await call(...CREATE)
  const damaged = damage(read('in.ndjson.journal'))
  write('in.ndjson.journal', damaged)
  expect(await call(...CREATE)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) })
  expect(read('in.ndjson.journal')).toBe(damaged)
  expect(metronome.writes).toHaveLength(1)
})

test('a journal belongs to one tool, address and environment, and a new key is a question', async () => {
  const metronome = await startMetronome()
  const other = await startMetronome()
  const { call, env, folder } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ name: 'one' }) })
  expect((await call(...CREATE)).code).toBe(0)
  expect(await call(...CREATE, '--environment', 'staging')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is of another environment'),
  })
  const { startProgram } = await import('../support/program.ts')
  const runWith = async (changes: Record<string, string>, ...args: string[]) => {
    const program = startProgram({ args: ['call', ...CREATE, ...args], cwd: folder, env: { ...env, ...changes } })
    program.child.stdin.end()
    return endOf(program)
  }
  expect(await runWith({ METRONOME_BASE_URL: other.baseUrl })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is of another base_url'),
  })
  const newKey = { METRONOME_API_KEY: 'mk_test_another_key_1' }
  expect(await runWith(newKey)).toMatchObject({ code: 2 })
  expect(await runWith(newKey, '--yes', '1')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('1 already applied'),
  })
  expect(await runWith(newKey)).toMatchObject({ code: 0 })
  expect(other.writes).toEqual([])
})
