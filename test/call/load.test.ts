import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { endOf, ndjson, openWorkplace, startMetronome } from '../support/bulk.ts'
import { PROGRAM } from '../support/program.ts'

const [ID = ''] = (await import('../../src/sandbox/seed.ts')).seedCustomers.map(({ id }) => id)
const names = (...all: string[]) => ndjson(...all.map((name) => ({ name })))
const limited = (headers: Record<string, string>) => ({ status: 429, body: { message: 'Too many requests' }, headers })
const CREATE = ['create-customer', '--input', 'in.ndjson'] as const
const immediate = () => new Promise((resolve) => setImmediate(resolve))

test('a row that met only 429 is sent again under its key', async () => {
  const metronome = await startMetronome(({ apply }, count) => (count <= 6 ? limited({ 'retry-after': '0' }) : apply()))
  const { call } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('one') })
  expect(await call(...CREATE)).toMatchObject({ code: 0, stderr: expect.stringMatching(/^1 rows: 1 applied/) })
  expect(metronome.writes).toHaveLength(7)
  expect(new Set(metronome.writes.map(({ key }) => key)).size).toBe(1)
})

test('a row that met more than 429 is unknown', async () => {
  const metronome = await startMetronome(({ apply }, count) => {
    if (count === 1) return 'cut'
    return count <= 3 ? limited({ 'retry-after': '0' }) : apply()
  })
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('one') })
  expect(await run(['create-customer', '--input', path('in.ndjson')])).toMatchObject({ code: 3 })
  expect(metronome.writes).toHaveLength(3)
})

test('a 429 makes all rows wait for Retry-After, however long, and one of scope customer only its own', async () => {
  const times = new Map<string, number>()
  const metronome = await startMetronome(({ apply, body }, count) => {
    times.set(String(body.name), performance.now())
    if (count === 1) return limited({ 'retry-after': '6', 'x-metronome-rate-limit-type': 'customer' })
    return apply()
  })
  const { call } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('one', 'two', 'three') })
  expect((await call(...CREATE, '--concurrency', '1')).lines.map(({ row }) => row)).toEqual([2, 3, 1])
  expect((times.get('one') ?? 0) - (times.get('three') ?? 0)).toBeGreaterThan(5_000)

  const all = await startMetronome(({ apply }, count) => (count === 1 ? limited({ 'retry-after': '6' }) : apply()))
  const other = openWorkplace(all.baseUrl, { 'in.ndjson': names('one', 'two', 'three') })
  const startedAt = performance.now()
  const program = other.start(...CREATE, '--concurrency', '1')
  while (all.writes.length === 0 || performance.now() - startedAt < 3_000) await immediate()
  expect(all.writes).toHaveLength(1)
  expect((await endOf(program)).code).toBe(0)
}, 60_000)

test('after a row that failed, later rows of its customer do not start, and a resume keeps their order', async () => {
  const metronome = await startMetronome(({ apply }, count) =>
    count === 1 ? { status: 401, body: { message: 'no' } } : apply(),
  )
  const rows = [ID, ID.toUpperCase(), ID].map((customer_id, index) => ({ customer_id, name: `name ${index}` }))
  const { call } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson(...rows) })
  const rename = ['update-customer-name', '--input', 'in.ndjson'] as const
  expect(await call(...rename)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('1 failed, 0 unknown, 2 not started'),
  })
  expect(await call(...rename)).toMatchObject({ code: 0 })
  expect(metronome.writes.map(({ body }) => body.name)).toEqual(['name 0', 'name 0', 'name 1', 'name 2'])
})

test('rows of one customer run one by one in their order, however many they are', async () => {
  const metronome = await startMetronome()
  const rows = Array.from({ length: 250 }, (_, number) => ({ customer_id: ID, name: `name ${number}` }))
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson(...rows) })
  expect((await run(['update-customer-name', '--input', path('in.ndjson')])).code).toBe(0)
  expect(metronome.writes.map(({ body }) => body.name)).toEqual(rows.map(({ name }) => name))
  expect(metronome.maxInFlight()).toBe(1)
})

test('no more rows run at the same time than --concurrency says', async () => {
  const metronome = await startMetronome(async ({ apply }) => {
    await new Promise((resolve) => setTimeout(resolve, 20))
    return apply()
  })
  const { call } = openWorkplace(metronome.baseUrl, {
    'in.ndjson': names(...Array.from({ length: 30 }, (_, n) => `n${n}`)),
  })
  expect((await call(...CREATE, '--concurrency', '3')).code).toBe(0)
  expect(metronome.maxInFlight()).toBe(3)
})

test('no further row starts after --max-failures failed ones', async () => {
  const metronome = await startMetronome(() => ({ status: 403, body: { message: 'no' } }))
  const { call } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('a', 'b', 'c', 'd', 'e') })
  const end = await call(...CREATE, '--concurrency', '1', '--max-failures', '2')
  expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('2 failed, 0 unknown, 3 not started') })
  expect(metronome.writes).toHaveLength(2)
})

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
  '%s lets writes in flight end, and says how to go on',
  async (signal) => {
    let answer = () => {}
    const asked = new Promise<void>((resolve) => {
      answer = resolve
    })
    const metronome = await startMetronome(async ({ apply }) => {
      await asked
      return apply()
    })
    const { start } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('a', 'b', 'c') })
    const program = start(...CREATE, '--concurrency', '1')
    while (metronome.writes.length === 0) await immediate()
    program.child.kill(signal)
    setTimeout(answer, 200)
    const end = await endOf(program)
    expect(end.code).toBe(130)
    expect(end.lines).toMatchObject([{ row: 1, outcome: 'applied' }])
    expect(end.stderr).toMatch(
      /^3 rows: 1 applied.*2 not started.*\n.* call create-customer --input in.ndjson --concurrency 1\n$/,
    )
  },
)

test('a second signal interrupts the writes in flight, whose outcome is unknown', async () => {
  const metronome = await startMetronome(() => 'hang')
  const { start } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names('a', 'b') })
  const program = start(...CREATE, '--concurrency', '1')
  while (metronome.writes.length === 0) await immediate()
  program.child.kill('SIGINT')
  // Another one, since two equal signals at once may arrive as one.
  program.child.kill('SIGTERM')
  expect(await endOf(program)).toMatchObject({ code: 130, lines: [{ row: 1, outcome: 'unknown' }] })
})

test('no new row starts while results are not read', async () => {
  const metronome = await startMetronome()
  const rows = Array.from({ length: 100 }, () => ({ customer_id: ID }))
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson(...rows) })
  let startReading = () => {}
  const isRead = new Promise<void>((resolve) => {
    startReading = resolve
  })
  let printed = ''
  const output = new Writable({
    highWaterMark: 1,
    write(chunk, _, done) {
      printed += chunk
      isRead.then(() => done())
    },
  })
  const ended = run(['get-customer', '--input', path('in.ndjson'), '--concurrency', '2'], { output })
  // Each of these takes as long as a row.
  const list = async () => (await fetch(`${metronome.baseUrl}/v1/customers`)).text()
  while (!printed) await immediate()
  for (let count = 0; count < 30; count += 1) await list()
  expect(metronome.reads.length - 30).toBeLessThanOrEqual(2 * 2)
  startReading()
  expect(await ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^100 rows: 100 done, 0 failed, 0 not/) })
  expect(printed.trim().split('\n')).toHaveLength(100)
})

test.skipIf(process.platform === 'win32')('output that is closed early ends the run quietly', async () => {
  const metronome = await startMetronome()
  const rows = Array.from({ length: 3_000 }, () => ({ customer_id: ID }))
  const { folder, env } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson(...rows) })
  const script = `"${process.execPath}" "${PROGRAM}" call get-customer --input in.ndjson | head -n 1`
  const run = await new Promise<{ stdout: string; stderr: string }>((resolve) => {
    execFile('sh', ['-c', script], { cwd: folder, env: { PATH: process.env.PATH, ...env } }, (_, stdout, stderr) =>
      resolve({ stdout, stderr }),
    )
  })
  expect(run.stdout.split('\n')).toHaveLength(2)
  expect(run.stderr).toBe('')
  expect(metronome.reads.length).toBeLessThan(2_900)
})

test.skipIf(process.platform !== 'linux')(
  'output or a journal that cannot be written stops the run, which can be resumed',
  async () => {
    const metronome = await startMetronome()
    const rows = names(...Array.from({ length: 500 }, (_, number) => `n${number}`))
    const { folder, env, call } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
    const shell = (script: string) =>
      new Promise<string>((resolve) => {
        execFile(
          'sh',
          ['-c', `${script}; echo $? >&2`],
          { cwd: folder, env: { PATH: process.env.PATH, ...env } },
          (_, __, stderr) => resolve(stderr),
        )
      })
    const command = `"${process.execPath}" "${PROGRAM}" call create-customer --input in.ndjson`
    expect(await shell(`${command} > /dev/full`)).toMatch(
      /Standard output cannot be written \(ENOSPC\)\.\n500 rows: .* not started.*\n.*\n1\n$/,
    )
    // 3 when the first run has left rows in flight that this one did not come to.
    expect(await shell(`ulimit -f 20; ${command} > /dev/null`)).toMatch(
      /The journal in.ndjson.journal cannot be written .*\n500 rows: .*\n.*\n[13]\n$/,
    )
    const end = await call(...CREATE)
    expect(end.code).toBe(0)
    expect(end.lines).toHaveLength(500)
    expect(metronome.store.effects).toHaveLength(500)
  },
)

test.skipIf(process.platform !== 'linux').each([
  ['--output out.ndjson', /^metronome-customers-mcp: out.ndjson cannot be written \(EFBIG\)\.\n500 rows: .*\n1\n$/],
  [
    '--format csv --output out.csv',
    /^metronome-customers-mcp: .*tmp.* cannot be written \(EFBIG\)\.\n500 rows: .*\n1\n$/,
  ],
])('a file of the results that cannot be written stops the run: %s', async (options, message) => {
  const metronome = await startMetronome()
  const rows = ndjson(...Array.from({ length: 500 }, () => ({ customer_id: ID })))
  const { folder, env } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
  const command = `"${process.execPath}" "${PROGRAM}" call get-customer --input in.ndjson ${options}`
  const stderr = await new Promise<string>((resolve) => {
    execFile(
      'sh',
      ['-c', `ulimit -f 20; ${command}; echo $? >&2`],
      { cwd: folder, env: { PATH: process.env.PATH, ...env } },
      (_, __, stderr) => resolve(stderr),
    )
  })
  expect(stderr).toMatch(message)
  expect(readdirSync(folder)).toEqual(['in.ndjson', expect.stringMatching(/^out\.\w+\.partial$/)])
  expect(metronome.reads.length).toBeLessThan(500)
})

test('a last line that cannot be written is no success', async () => {
  const metronome = await startMetronome()
  const { run } = openWorkplace(metronome.baseUrl)
  const output = new Writable({
    write(_, __, done) {
      setImmediate(() => done(Object.assign(new Error('disk'), { code: 'ENOSPC' })))
    },
  })
  expect(await run(['get-customer', JSON.stringify({ customer_id: ID })], { output })).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Standard output cannot be written (ENOSPC).'),
  })
})
