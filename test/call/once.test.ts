import { EventEmitter } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { OPTIONS } from '../../src/cli/call/options.ts'
import type { CommandContext } from '../../src/cli/config/command-line.ts'
import { seedCustomers } from '../../src/sandbox/seed.ts'
import { endOf, ndjson, openWorkplace, startMetronome } from '../support/bulk.ts'

const [ACME] = seedCustomers
const ID = ACME?.id ?? ''
const immediate = () => new Promise((resolve) => setImmediate(resolve))

test('one call prints its result, compact in a pipe, and an error with its outcome to standard error', async () => {
  const metronome = await startMetronome(() => ({ status: 403, body: { message: 'no' } }))
  const { call, start } = openWorkplace(metronome.baseUrl)
  const read = await call('get-customer', JSON.stringify({ customer_id: ID }))
  expect(read).toMatchObject({ code: 0, stderr: '', lines: [{ data: { id: ID } }] })
  expect(read.stdout.split('\n')).toHaveLength(2)
  expect(await call('create-customer', '{"name":"x"}')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(/responded 403.*\n.*Outcome: not_applied\.\n$/),
  })
  const program = start('get-customer', '-')
  program.child.stdin.end(JSON.stringify({ customer_id: ID }))
  expect(await program.ended).toMatchObject({ code: 0 })
})

test('one write whose outcome is unknown exits with 3, and takes the key that its error names', async () => {
  const metronome = await startMetronome(({ apply }, count) => {
    const response = apply()
    return count <= 3 ? 'cut' : response
  })
  const { call } = openWorkplace(metronome.baseUrl)
  const end = await call('create-customer', '{"name":"x"}')
  expect(end.code).toBe(3)
  const [, key = ''] = /"idempotency_key": "([^"]+)"/.exec(end.stderr) ?? []
  expect(await call('create-customer', JSON.stringify({ name: 'x', idempotency_key: key }))).toMatchObject({ code: 0 })
  expect(metronome.store.effects).toHaveLength(1)
})

test.each([
  [['no-such-tool'], 'Unknown tool: no-such-tool'],
  [['create-custmer', '{}'], 'Did you mean create-customer?'],
  [['create-customer', '{"name":"x"}', '--read-only'], 'this server runs with --read-only'],
  [['create-customer', '{"name":"x"}', '--tools', 'reads'], 'this server runs with --tools'],
  [['create-customer', '{"name":"x"}', '--exclude-tools', 'create-customer'], 'this server runs with --exclude-tools'],
  [['create-customer', '{"nme":"x"}'], 'nme is not a known field (did you mean name?)'],
  [['create-customer', 'name'], 'The arguments are not a JSON object.'],
  [['create-customer', '[]'], 'The arguments are not a JSON object.'],
  [
    ['create-customer', '{"name":"x","salesforce_account_id":"1"}'],
    'set it afterwards with update-customer-configuration',
  ],
  [
    ['set-billing-provider-configurations-customer', '{"data":[{"configuration":{"rate":0.12345678901234567890}}]}'],
    'data[0].configuration.rate exceeds the range of exact numbers',
  ],
  [['create-customer', '{}', '--input', 'x.csv'], '--input and JSON are mutually exclusive'],
  [['create-customer', '--port', '1'], 'unknown option --port'],
  [['create-customer', '--concurrency', '2'], '--concurrency requires --input'],
  [['create-customer', '{"name":"x"}', '--max-failures', '2'], '--max-failures requires --input'],
  [['create-customer', '{"name":"x"}', '--journal', 'j'], '--journal requires --input'],
  [['create-customer', '{"name":"x"}', '--input-format', 'csv'], '--input-format requires --input'],
  [['list-customers', '--format', 'csv'], '--format requires --input or --all'],
  [['list-customers', '--all', '--input', 'x.csv'], '--all and --input are mutually exclusive'],
  [['create-customer', '--input', 'x.csv', '--max-failures', '-1'], '--max-failures'],
  [['create-customer', '--input', 'x.csv', '--input-format', 'xml'], 'must be ndjson or json or csv'],
  [['create-customer', '--input', 'x.csv', '--concurrency', '21'], 'from 1 to 20'],
  [['create-customer', '--input', 'x.csv', '--concurrency', '0'], 'from 1 to 20'],
  [['create-customer', '--all'], 'create-customer has no pages'],
  [['get-customer', '--input', 'x.csv', '--journal', 'j'], 'get-customer only reads'],
  [['create-customer', '--input', 'x.csv', '--journal', 'j', '--sandbox'], 'the sandbox has none'],
  [['archive-customer', JSON.stringify({ id: ID })], 'This needs a person at a terminal, or --yes N'],
  [['archive-customer', JSON.stringify({ id: ID }), '--yes', '2'], '--yes must be 1 for one call'],
  [
    ['archive-customer', JSON.stringify({ id: ID }), '--yes', '1', '--confirm-archives'],
    'only a person at a terminal confirms',
  ],
])('call %j is wrong usage, and sends nothing', async (args, message) => {
  const metronome = await startMetronome()
  const { run } = openWorkplace(metronome.baseUrl)
  expect(await run(args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) })
  expect([...metronome.reads, ...metronome.writes]).toEqual([])
})

test('--dry-run prints the request that is sent', async () => {
  const metronome = await startMetronome()
  const { call } = openWorkplace(metronome.baseUrl)
  const args = JSON.stringify({ customer_id: ID, clear: ['salesforce_account_id'] })
  const { lines } = await call('update-customer-configuration', args, '--dry-run')
  expect(lines).toMatchObject([{ body: { salesforce_account_id: null } }])
  expect(metronome.writes).toEqual([])
  expect(await call('update-customer-configuration', args)).toMatchObject({ code: 0 })
  expect(metronome.writes.map(({ path, body }) => ({ path, body }))).toEqual([
    { path: lines[0]?.path, body: lines[0]?.body },
  ])
})

test.each([
  ['UTF-8 with a byte-order mark', Buffer.from(`\ufeff${JSON.stringify({ customer_id: ID })}`), 0, ''],
  ['Latin-1', Buffer.from('{"name":"Caf\u00e9"}', 'latin1'), 2, 'Standard input has bytes that are not UTF-8.'],
])('arguments on standard input in %s', async (_, bytes, code, message) => {
  const metronome = await startMetronome()
  const program = openWorkplace(metronome.baseUrl).start(code === 0 ? 'get-customer' : 'create-customer', '-')
  program.child.stdin.end(bytes)
  expect(await endOf(program)).toMatchObject({ code, stderr: expect.stringContaining(message) })
  expect(metronome.writes).toEqual([])
})

test('a missing key is wrong usage, but for --dry-run', async () => {
  const { call } = openWorkplace(undefined, { 'in.csv': 'name\nx\n' }, { METRONOME_API_KEY: '' })
  expect(await call('create-customer', '--input', 'in.csv')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('METRONOME_API_KEY is not set'),
  })
  expect(await call('create-customer', '--input', 'in.csv', '--dry-run')).toMatchObject({
    code: 0,
    lines: [{ row: 1, method: 'POST', path: '/v1/customers', body: { name: 'x' } }],
  })
  expect(await call('list-customers', '--dry-run', '{"limit":5}')).toMatchObject({
    lines: [{ row: 1, method: 'GET', path: '/v1/customers?limit=5', body: null }],
  })
})

test('--all reads every page, and says when it is not complete', async () => {
  const page = (next: string | null) => ({
    status: 200,
    body: { data: [ACME], next_page: next } as object as Record<string, unknown>,
  })
  const metronome = await startMetronome(undefined, (_, count) => page(count < 3 ? `c${count}` : null))
  const { call } = openWorkplace(metronome.baseUrl)
  const end = await call('list-customers', '--all', '{"only_archived":true}')
  expect(end).toMatchObject({ code: 0, stderr: '' })
  expect(end.lines).toEqual([ACME, ACME, ACME])
  expect(metronome.reads).toEqual([
    '/v1/customers?only_archived=true&limit=100',
    '/v1/customers?only_archived=true&limit=100&next_page=c1',
    '/v1/customers?only_archived=true&limit=100&next_page=c2',
  ])
  const circle = await startMetronome(undefined, () => page('again'))
  expect(await openWorkplace(circle.baseUrl).call('list-customers', '--all')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The list is not complete.'),
  })
  const failing = await startMetronome(undefined, (_, count) =>
    count < 2 ? page('x') : { status: 403, body: { message: 'no' } },
  )
  const place = openWorkplace(failing.baseUrl)
  expect(await place.call('list-customers', '--all', '--output', 'all.ndjson')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('The list is not complete.'),
  })
  expect(place.read('all.ndjson.partial')).toBe(`${JSON.stringify(ACME)}\n`)
})

/** A terminal at which a person types. */
function openTerminal(typed: string): Partial<CommandContext> {
  const stdin = new PassThrough()
  stdin.write(`${typed}\n`)
  return { stdin, isInteractive: true, hasErrorTerminal: true }
}

test('archives ask at the terminal, with the customers and the number to type', async () => {
  const metronome = await startMetronome()
  const evil = metronome.store.customers.get(ID)
  if (evil) Object.assign(evil, { name: 'Acme \u202e\u001b[31m' })
  const rows = ndjson(...seedCustomers.slice(0, 3).map(({ id }) => ({ id })))
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
  const command = ['archive-customer', '--input', path('in.ndjson'), '--confirm-archives']
  const declined = await run([...command, '--yes', '3'], openTerminal('2'))
  expect(declined.code).toBe(2)
  expect(declined.stderr).toContain('Type 3 to go on: ')
  expect(declined.stderr).toContain('Acme \\u{202e}\\u{1b}[31m  team@acme.example, acme-prod')
  expect(declined.stderr).toContain('2024-03-02T14:05:00.000Z')
  expect(metronome.writes).toEqual([])
  expect((await run(command, openTerminal('3'))).code).toBe(0)
  expect(metronome.writes).toHaveLength(3)
})

/** Names in the table of a question. */
const readNames = (stderr: string) => Array.from(stderr.matchAll(/^ {2}(Customer \d+) {2}/gm), ([, name]) => name)

test.each([
  [20, 'Customer 19', false],
  [21, 'Customer 19', true],
])('of %i customers, the table before an archive ends with %s', async (count, last, hasMore) => {
  const metronome = await startMetronome()
  const ids = Array.from(
    { length: count },
    (_, number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
  )
  for (const [number, id] of ids.entries())
    metronome.store.customers.set(id, { ...Object(ACME), id, name: `Customer ${number}`, ingest_aliases: [] })
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson(...ids.map((id) => ({ id }))) })
  const { stderr } = await run(['archive-customer', '--input', path('in.ndjson')], openTerminal('no'))
  expect(readNames(stderr)).toHaveLength(20)
  expect(readNames(stderr).at(-1)).toBe(last)
  expect(stderr.includes(`\n  and others, ${count} in all\n`)).toBe(hasMore)
  expect(metronome.reads).toHaveLength(20)
})

test('before a resume, the table shows only what is not archived, and the number is that of all rows', async () => {
  const [one, two, three] = [1, 2, 3].map((number) => ({
    ...Object(ACME),
    id: `00000000-0000-4000-8000-00000000000${number}`,
    name: `Customer ${number}`,
  }))
  const metronome = await startMetronome(({ apply, body }, count) =>
    count <= 3 && body.id === two.id ? { status: 403, body: { message: 'no' } } : apply(),
  )
  for (const customer of [one, two, three]) metronome.store.customers.set(customer.id, customer)
  const rows = ndjson(...[one, two, three].map(({ id }) => ({ id })))
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
  const command = ['archive-customer', '--input', path('in.ndjson')]
  const first = await run(command, openTerminal('3'))
  expect([first.code, readNames(first.stderr)]).toEqual([1, [one.name, two.name, three.name]])
  const second = await run(command, openTerminal('3'))
  expect([second.code, readNames(second.stderr)]).toEqual([0, [two.name]])
  expect(second.stderr).toContain('Type 3 to go on: ')
})

test('one archive asks at the terminal, too', async () => {
  const metronome = await startMetronome()
  const { run } = openWorkplace(metronome.baseUrl)
  const command = ['archive-customer', JSON.stringify({ id: ID })]
  const declined = await run(command, openTerminal(''))
  expect(declined).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('  Acme Robotics  ') })
  expect(declined.stderr).toContain('This was not confirmed.')
  expect(metronome.writes).toEqual([])
  expect((await run(command, openTerminal('1'))).code).toBe(0)
  expect(metronome.writes).toHaveLength(1)
})

test('--yes N archives without a terminal when N is the number of rows', async () => {
  const metronome = await startMetronome()
  const rows = ndjson(...seedCustomers.slice(0, 2).map(({ id }) => ({ id })))
  const { call, folder } = openWorkplace(metronome.baseUrl, { 'in.ndjson': rows })
  expect(await call('archive-customer', '--input', 'in.ndjson', '--yes', '3')).toMatchObject({ code: 2 })
  expect(await call('archive-customer', '--input', 'in.ndjson')).toMatchObject({ code: 2 })
  expect(readdirSync(folder)).toEqual(['in.ndjson'])
  expect(await call('archive-customer', '--input', 'in.ndjson', '--yes', '2')).toMatchObject({ code: 0 })
})

test('docs/bulk.md names every option', () => {
  const page = readFileSync('docs/bulk.md', 'utf8')
  for (const name of Object.keys(OPTIONS).filter((option) => option !== 'help' && !/^sandbox-/.test(option)))
    expect(page).toContain(`\`--${name}`)
})

test('one call is indented on a terminal, rows and a file are not', async () => {
  const { run, path, read } = openWorkplace(undefined, { 'in.ndjson': ndjson({ customer_id: ID }) })
  const print = async (...args: string[]) => {
    const output = Object.assign(new PassThrough(), { isTTY: true })
    expect(await run(['get-customer', '--sandbox', ...args], { output })).toMatchObject({ code: 0 })
    return text(output.end())
  }
  const args = JSON.stringify({ customer_id: ID })
  expect(await print(args)).toMatch(/^\{\n {2}"data": \{\n {4}"id"/)
  expect(await print('--input', path('in.ndjson'))).toMatch(/^\{"row":1,.*\}\n$/)
  expect(await print(args, '--output', path('out'))).toBe('')
  expect(read('out')).toMatch(/^\{"data":.*\}\n$/)
})

describe('a signal', () => {
  const hang = () =>
    startMetronome(
      () => 'hang',
      () => 'hang',
    )

  test.each([
    ['one read', ['get-customer', JSON.stringify({ customer_id: ID })]],
    ['--all', ['list-customers', '--all']],
  ])('ends %s with 130', async (_, args) => {
    const metronome = await hang()
    const signals = new EventEmitter()
    const ended = openWorkplace(metronome.baseUrl).run(args, { signals })
    while (metronome.reads.length === 0) await immediate()
    signals.emit('SIGINT')
    expect(await ended).toMatchObject({ code: 130, stdout: '' })
    expect(signals.eventNames()).toEqual([])
  })

  test('ends the wait of --all after a 429, and no page is read any more', async () => {
    const limited = { status: 429, body: { message: 'slow' }, headers: { 'retry-after': '3600' } }
    const metronome = await startMetronome(undefined, () => limited)
    const signals = new EventEmitter()
    const ended = openWorkplace(metronome.baseUrl).run(['list-customers', '--all'], { signals })
    while (metronome.reads.length === 0) await immediate()
    for (let count = 0; count < 20; count += 1) await (await fetch(metronome.baseUrl)).text()
    signals.emit('SIGINT')
    expect(await ended).toMatchObject({ code: 130 })
    expect(metronome.reads.filter((path) => path !== '/')).toHaveLength(1)
  })

  test('lets one write end, and a second one interrupts it', async () => {
    const metronome = await hang()
    const signals = new EventEmitter()
    const ended = openWorkplace(metronome.baseUrl).run(['create-customer', '{"name":"x"}'], { signals })
    while (metronome.writes.length === 0) await immediate()
    signals.emit('SIGTERM')
    // It would be over by now.
    for (let count = 0; count < 20; count += 1) await immediate()
    const first = await Promise.race([ended, immediate()])
    signals.emit('SIGTERM')
    expect([first, await ended]).toMatchObject([
      undefined,
      { code: 130, stderr: expect.stringContaining('Outcome: unknown.') },
    ])
  })

  test('is an answer to a question, too', async () => {
    const metronome = await startMetronome()
    const signals = new EventEmitter()
    const { run } = openWorkplace(metronome.baseUrl)
    let asked = ''
    const stderr = (words: string) => {
      asked += words
    }
    const ended = run(['archive-customer', JSON.stringify({ id: ID })], { signals, isInteractive: true, stderr })
    while (!asked.includes('Type 1')) await immediate()
    signals.emit('SIGINT')
    expect(await ended).toMatchObject({ code: 130 })
    expect(metronome.writes).toEqual([])
  })
})

describe('--all', () => {
  test('waits after a 429, and writes its records as CSV', async () => {
    const metronome = await startMetronome(undefined, (_, count) =>
      // Three for the reads of one call.
      count <= 3 ? { status: 429, body: { message: 'slow' }, headers: { 'retry-after': '0' } } : undefined,
    )
    const { run, path, read } = openWorkplace(metronome.baseUrl)
    const end = await run(['list-customers', '--all', '--format', 'csv', '--output', path('all.csv')])
    expect(end).toMatchObject({ code: 0, stdout: '', stderr: '' })
    const [header, ...lines] = read('all.csv').trim().split('\r\n')
    expect(header).toMatch(/^id,/)
    expect(lines).toHaveLength(
      Array.from(metronome.store.customers.values()).filter((each) => !each.archived_at).length,
    )
    expect(existsSync(path('all.csv.partial'))).toBe(false)
  })
})
