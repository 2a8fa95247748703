import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { seedCustomers } from '../../src/sandbox/seed.ts'
import { ndjson, openWorkplace, startMetronome, storeServerError } from '../support/bulk.ts'
import { KEY } from '../support/harness.ts'

const [ACME] = seedCustomers
const ID = ACME?.id ?? ''
const NO = { status: 403, body: { message: 'no' } }
const names = (...all: string[]) => ndjson(...all.map((name) => ({ name })))
const many = (count: number) => names(...Array.from({ length: count }, (_, number) => `n${number}`))

describe('a line of the results', () => {
  test('of a write has arguments, what is carried, the outcome, and result or error', async () => {
    const metronome = await startMetronome((write) => {
      if (write.body.name === 'lost') return storeServerError(metronome.store, write)
      return write.body.name === 'bad' ? NO : write.apply()
    })
    const rows = ndjson({ _crm: { id: 1 }, name: 'good', _note: 'x' }, { name: 'bad' }, { name: 'lost' })
    const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
    const end = await run(['create-customer', '--input', path('in.ndjson'), '--concurrency', '1'])
    expect(end.lines).toEqual([
      {
        row: 1,
        arguments: { name: 'good' },
        carried: { _crm: { id: 1 }, _note: 'x' },
        outcome: 'applied',
        result: { data: expect.objectContaining({ name: 'good' }) },
      },
      {
        row: 2,
        arguments: { name: 'bad' },
        outcome: 'not_applied',
        error: { code: 'upstream_rejected', message: expect.stringContaining('responded 403'), status: 403 },
      },
      {
        row: 3,
        arguments: { name: 'lost' },
        outcome: 'unknown',
        error: { code: expect.any(String), message: expect.stringContaining('responded 500'), status: 500 },
      },
    ])
    // An unknown row counts before one that failed.
    expect(end.code).toBe(3)
    expect(end.stderr).toMatch(/^3 rows: 1 applied, 0 already applied, 1 failed, 1 unknown, 0 not started, \d+\.\d s\n/)
  })

  test('of a read has no outcome, and the summary counts what is done', async () => {
    const metronome = await startMetronome()
    const missing = '00000000-0000-4000-8000-000000000000'
    const rows = { 'in.json': JSON.stringify([{ customer_id: ID, _x: 1 }, { customer_id: missing }]) }
    const { run, path, folder } = openWorkplace(metronome.baseUrl, rows)
    const end = await run(['get-customer', '--input', path('in.json'), '--concurrency', '1'])
    expect(end.lines).toEqual([
      {
        row: 1,
        arguments: { customer_id: ID },
        carried: { _x: 1 },
        result: { data: expect.objectContaining({ id: ID }) },
      },
      {
        row: 2,
        arguments: { customer_id: missing },
        error: { code: 'upstream_rejected', message: expect.stringContaining('responded 404'), status: 404 },
      },
    ])
    expect(end.code).toBe(1)
    expect(end.stderr).toMatch(/^2 rows: 1 done, 1 failed, 0 not started, \d+\.\d s\n$/)
    expect(readdirSync(folder)).toEqual(['in.json'])
  })

  test('keeps the note of its result', async () => {
    const { run, path } = openWorkplace(undefined, { 'in.ndjson': names('one') })
    const { lines } = await run(['create-customer', '--input', path('in.ndjson'), '--sandbox'])
    expect(lines).toMatchObject([{ result: { _note: expect.stringContaining('andbox') } }])
  })

  test('has arguments that are a valid row again', async () => {
    const rows = ndjson({ data: [{ customer_id: ID.toUpperCase(), billing_provider: 'metronome' }], _row: 1 })
    const metronome = await startMetronome(() => NO)
    const { run, path, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
    const tool = 'set-billing-provider-configurations-customer'
    const { lines } = await run([tool, '--input', path('in.ndjson')])
    write('again.ndjson', ndjson(Object(lines[0]?.arguments)))
    expect((await run([tool, '--input', path('again.ndjson')])).lines).toMatchObject([
      { arguments: lines[0]?.arguments },
    ])
    expect(metronome.writes[1]?.body).toEqual(metronome.writes[0]?.body)
  })
})

describe('by default', () => {
  test('four rows run at the same time', async () => {
    const metronome = await startMetronome(async ({ apply }) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      return apply()
    })
    const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': many(20) })
    expect((await run(['create-customer', '--input', path('in.ndjson')])).code).toBe(0)
    expect(metronome.maxInFlight()).toBe(4)
  })

  test.each([
    [[], 10],
    [['--max-failures', '0'], 14],
  ])('no row starts after ten failed ones, and with %j all do', async (options, failed) => {
    const metronome = await startMetronome(() => NO)
    const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': many(14) })
    const end = await run(['create-customer', '--input', path('in.ndjson'), '--concurrency', '1', ...options])
    expect(end).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${failed} failed, 0 unknown, ${14 - failed} not`),
    })
    expect(metronome.writes).toHaveLength(failed)
  })
})

test('an unknown row counts for --max-failures', async () => {
  const metronome = await startMetronome((write) => storeServerError(metronome.store, write))
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': many(3) })
  const command = ['create-customer', '--input', path('in.ndjson'), '--concurrency', '1', '--max-failures', '2']
  expect(await run(command)).toMatchObject({
    code: 3,
    stderr: expect.stringMatching(/2 rows failed or are unknown: .*\n3 rows: .* 0 failed, 2 unknown, 1 not started/),
  })
})

describe('the line that resumes', () => {
  test.each([
    ['linux', `'`],
    ['win32', '"'],
  ] as const)('is quoted for a shell on %s', async (platform, quote) => {
    const metronome = await startMetronome(() => NO)
    const { run, path } = openWorkplace(metronome.baseUrl, { 'new customers.ndjson': names('x') })
    const args = ['create-customer', '--input', path('new customers.ndjson')]
    const { stderr } = await run(args, { platform })
    const line = `metronome-customers-mcp call create-customer --input ${quote}${path('new customers.ndjson')}${quote}`
    expect(stderr.trim().split('\n').at(-1)).toBe(line)
  })
})

test.each(['ndjson', 'csv'])(
  'an API key that Metronome echoes is in no file and no output, nor is one of a row, as %s',
  async (format) => {
    const metronome = await startMetronome(({ apply, body }) =>
      body.name === 'bad'
        ? { status: 400, body: { message: `no ${KEY}` } }
        : { ...apply(), body: { data: { id: ID, name: KEY, [KEY]: 1 } } },
    )
    const { run, path, read, folder } = openWorkplace(metronome.baseUrl, {
      'in.ndjson': ndjson({ name: 'one', _key: KEY }, { name: 'bad' }),
    })
    const command = ['create-customer', '--input', path('in.ndjson'), '--format', format]
    const printed = await run(command)
    expect(printed.code).toBe(1)
    expect(printed.stdout).toContain('[redacted]')
    const again = await run([...command, '--output', path('out')])
    const names = readdirSync(folder).filter((name) => name !== 'in.ndjson')
    const files = names.map((name) => read(name))
    expect([printed.stdout, printed.stderr, again.stderr, ...files].join('')).not.toContain(KEY)
    expect(names).toEqual(['in.ndjson.journal', 'out'])
  },
)

test('an API key within an invalid row is in no explanation', async () => {
  const { run, path } = openWorkplace(undefined, { 'in.ndjson': ndjson({ name: 'x', [KEY]: 1 }) })
  const { code, stderr } = await run(['create-customer', '--input', path('in.ndjson')])
  expect([code, stderr]).toEqual([2, expect.stringContaining('row 1: [redacted] is not a known field')])
  expect(stderr).not.toContain(KEY)
})
