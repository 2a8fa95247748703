import { EventEmitter } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { seedCustomers } from '../../src/sandbox/seed.ts'
import { endOf, ndjson, openWorkplace, startMetronome, storeServerError } from '../support/bulk.ts'

const ID = seedCustomers[0]?.id ?? ''
const NO = { status: 403, body: { message: 'no' } }
const names = (...all: string[]) => ndjson(...all.map((name) => ({ name })))
const many = (count: number) => names(...Array.from({ length: count }, (_, number) => `n${number}`))

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
  async (hours, exitCode, sent) => {
    const metronome = await startMetronome(({ apply }, count) => {
      const response = apply()
      return count <= 3 ? 'cut' : response
    })
    const { run, path, read } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ name: 'one' }) })
    const command = ['create-customer', '--input', path('in.ndjson')]
    expect(await run(command)).toMatchObject({
      code: 3,
      lines: [{ outcome: 'unknown', error: { message: expect.stringContaining('run the same command again') } }],
    })
    const journal = read('in.ndjson.journal')
    const end = await run(command, { now: () => Date.now() + hours * HOUR })
    const added = read('in.ndjson.journal').slice(journal.length)
    expect(added.includes('"outcome":"expired"')).toBe(sent === 0 && hours > 0)
    expect(added === '').toBe(hours < 0)
    expect(end.code).toBe(exitCode)
    expect(metronome.writes).toHaveLength(3 + sent)
    expect(metronome.store.effects).toHaveLength(1)
    const code = hours < 0 ? 'key_early' : 'key_expired'
    if (exitCode === 3)
      expect(end.lines).toMatchObject([
        { outcome: 'unknown', error: { code, message: expect.stringContaining('list-customers') } },
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
  ['Line 2 of the journal', (whole: string) => whole.replace(/"key":"[0-9a-f-]{36}"/, '"key":"k"')],
  [
    'Line 2 of the journal',
    (whole: string) => whole.replace(/"at":"[^"]*"}\n{"type":"end"/, '"at":"noon"}\n{"type":"end"'),
  ],
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

describe('a journal', () => {
  const CREATE = ['create-customer', '--input'] as const

  test('is not made for a dry run, which sends nothing', async () => {
    const metronome = await startMetronome()
    const { run, path, folder } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('x') })
    expect((await run([...CREATE, path('in.ndjson'), '--dry-run', '--journal', path('j')])).code).toBe(0)
    expect(readdirSync(folder)).toEqual(['in.ndjson'])
    expect([...metronome.writes, ...metronome.reads]).toEqual([])
  })

  test('says what it belongs to, with the digest of the key', async () => {
    const metronome = await startMetronome()
    const { run, path, read, env } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('x') })
    const environment = { ...env, METRONOME_API_KEY: 'abcdefgh' }
    expect((await run([...CREATE, path('in.ndjson'), '--environment', 'staging'], { environment })).code).toBe(0)
    const [start, begin, end] = read('in.ndjson.journal')
      .split('\n', 3)
      .map((line) => JSON.parse(line))
    expect(start).toEqual({
      type: 'journal',
      of: 'metronome-customers-mcp call',
      v: 1,
      tool: 'create-customer',
      base_url: metronome.baseUrl,
      environment: 'staging',
      key: '9c56cc51', // sha256sum
      at: expect.any(String),
    })
    expect(begin).toEqual({
      ...{ type: 'begin', row: 1, digest: expect.any(String), key: metronome.writes[0]?.key, at: expect.any(String) },
    })
    expect(end).toMatchObject({ type: 'end', row: 1, outcome: 'applied', result: { data: { name: 'x' } } })
  })

  test.each([
    ['applied', undefined, 2],
    ['unknown', 'store', 2],
    ['not applied', 'reject', 0],
  ])('whose row is %s can be used by another tool with exit code', async (_, how, code) => {
    const metronome = await startMetronome((write) => {
      if (how === 'store') return storeServerError(metronome.store, write)
      return how === 'reject' && metronome.writes.length === 1 ? NO : write.apply()
    })
    const { run, path, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('x') })
    await run([...CREATE, path('in.ndjson')])
    write('in.ndjson', ndjson({ customer_id: ID, name: 'New' }))
    const end = await run(['update-customer-name', '--input', path('in.ndjson')])
    expect(end.code).toBe(code)
    if (code === 2) expect(end.stderr).toContain('is of another tool; name another --journal.')
    expect(metronome.writes).toHaveLength(code === 2 ? 1 : 2)
  })

  test('of another key asks at the terminal for the number of rows', async () => {
    const metronome = await startMetronome()
    const { run, path, env } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('one', 'two') })
    await run([...CREATE, path('in.ndjson')])
    const environment = { ...env, METRONOME_API_KEY: 'mk_test_another_key_1' }
    const answer = (typed: string) =>
      run([...CREATE, path('in.ndjson')], { environment, isInteractive: true, stdin: Readable.from([`${typed}\n`]) })
    expect(await answer('1')).toMatchObject({ code: 2, stderr: expect.stringContaining('Type 2 to go on: ') })
    expect(await answer('2')).toMatchObject({ code: 0, stderr: expect.stringContaining('of another API key') })
    expect(await run([...CREATE, path('in.ndjson')], { environment })).toMatchObject({ code: 0 })
  })

  test('names every fixed row that changed, at most 100 of them', async () => {
    const metronome = await startMetronome((write, count) =>
      count === 1 ? storeServerError(metronome.store, write) : write.apply(),
    )
    const { run, path, write, read } = openWorkplace(metronome.baseUrl, { 'in.ndjson': many(102) })
    await run([...CREATE, path('in.ndjson'), '--concurrency', '1'])
    const journal = read('in.ndjson.journal')
    // Row 102 was cut off.
    write('in.ndjson.journal', journal.slice(0, journal.lastIndexOf('{"type":"end"')))
    write('in.ndjson', many(99))
    expect((await run([...CREATE, path('in.ndjson')])).stderr).toMatch(
      /row 100 is missing; it is applied in the journal\n.*row 101 is missing; .*\n.*row 102 is missing; it is cut off in/,
    )
    write('in.ndjson', many(102).replaceAll('n', 'x').replaceAll('xame', 'name'))
    const { code, stderr } = await run([...CREATE, path('in.ndjson')])
    expect(code).toBe(2)
    const [first, ...others] = stderr.trim().split('\n')
    expect(first).toContain('row 1 has changed; it is unknown in the journal')
    expect(others.slice(98)).toEqual([
      expect.stringContaining('row 100 has changed; it is applied in the journal'),
      expect.stringContaining('and 2 more'),
      expect.stringContaining('Put these rows back'),
      expect.stringContaining('Nothing was sent.'),
    ])
  })

  test('knows a row in any order of fields and any format', async () => {
    const metronome = await startMetronome()
    const { run, path } = openWorkplace(metronome.baseUrl, {
      'in.ndjson': ndjson({ name: 'x', external_id: '7' }),
      'in.csv': 'external_id,_extra,name\n7,more,x\n',
    })
    await run([...CREATE, path('in.ndjson'), '--journal', path('j')])
    expect(await run([...CREATE, path('in.csv'), '--journal', path('j')])).toMatchObject({
      code: 0,
      lines: [{ row: 1, carried: { _extra: 'more' }, outcome: 'applied', earlier: expect.any(String) }],
    })
    expect(metronome.writes).toHaveLength(1)
  })
})

test('a key from the future is sent once its time has come, before the later rows of its customer', async () => {
  const metronome = await startMetronome((write, count) =>
    count === 1 ? storeServerError(metronome.store, write) : write.apply(),
  )
  const rows = ndjson({ customer_id: ID, name: 'one' }, { customer_id: ID, name: 'two' })
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
  const command = ['update-customer-name', '--input', path('in.ndjson')]
  expect((await run(command)).code).toBe(3)
  metronome.store.responses.clear()
  expect(await run(command, { now: () => Date.now() - HOUR })).toMatchObject({
    code: 3,
    lines: [{ row: 1, error: { code: 'key_early', message: expect.stringContaining('correct the clock') } }],
    stderr: expect.stringContaining('0 failed, 1 unknown, 1 not started'),
  })
  expect((await run(command)).code).toBe(0)
  expect(metronome.writes.map(({ body }) => body.name)).toEqual(['one', 'one', 'two'])
})

test('a key that is too old blocks no later rows of its customer, which no resume can undo any more', async () => {
  const metronome = await startMetronome((write, count) =>
    count === 1 ? storeServerError(metronome.store, write) : write.apply(),
  )
  const rows = ndjson({ customer_id: ID, name: 'one' }, { customer_id: ID, name: 'two' })
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
  const command = ['update-customer-name', '--input', path('in.ndjson')]
  await run(command)
  expect(await run(command, { now: () => Date.now() + 24 * HOUR })).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/^2 rows: 1 applied, 0 already applied, 0 failed, 1 unknown, 0 not started/),
  })
  // Had the clock been ahead, the key would count again by now.
  metronome.store.responses.clear()
  expect(await run(command)).toMatchObject({ code: 3, lines: [{ error: { code: 'key_expired' } }, { row: 2 }] })
  expect(metronome.writes.map(({ body }) => body.name)).toEqual(['one', 'two'])
})

test.each([401, 404])(
  'a %i proves nothing about a row whose key may have been used: it keeps its key',
  async (status) => {
    const metronome = await startMetronome((write, count) => {
      if (count === 1) return storeServerError(metronome.store, write)
      return count === 2 ? { status, body: { message: 'no' } } : write.apply()
    })
    const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('one') })
    const command = ['create-customer', '--input', path('in.ndjson')]
    for (let count = 0; count < 2; count += 1)
      expect(await run(command)).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('0 failed, 1 unknown'),
        lines: { length: 1 },
      })
    metronome.store.responses.clear()
    expect(await run(command)).toMatchObject({ code: 0 })
    expect(new Set(metronome.writes.map(({ key }) => key)).size).toBe(1)
    expect(metronome.writes).toHaveLength(3)
  },
)

test('a row that was begun and not sent may be edited', async () => {
  let goOn = () => {}
  const isOver = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const metronome = await startMetronome(async ({ apply }) => {
    await isOver
    return apply()
  })
  const { run, path, read, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('one', 'two') })
  const command = ['create-customer', '--input', path('in.ndjson'), '--concurrency', '1']
  const signals = new EventEmitter()
  const ended = run(command, { signals })
  const isBegun = () => metronome.writes.length > 0 && read('in.ndjson.journal').includes('"row":2')
  while (!isBegun()) await new Promise((resolve) => setImmediate(resolve))
  signals.emit('SIGINT')
  goOn()
  expect(await ended).toMatchObject({ code: 130, stderr: expect.stringContaining('0 unknown, 1 not started') })
  write('in.ndjson', names('one', 'edited'))
  expect(await run(command)).toMatchObject({ code: 0, stderr: expect.stringMatching(/^2 rows: 1 applied, 1 already/) })
  expect(metronome.writes.map(({ body }) => body.name)).toEqual(['one', 'edited'])
})
