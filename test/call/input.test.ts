import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { seedCustomers } from '../../src/sandbox/seed.ts'
import { ndjson, openWorkplace } from '../support/bulk.ts'

const ID = seedCustomers[0]?.id ?? ''

const SANDBOX = ['create-customer', '--sandbox', '--input'] as const

/** Problems of an input, one a line; nothing may be left behind. */
async function problemsOf(name: string, content: string | Buffer, tool = 'create-customer'): Promise<string[]> {
  const { call, write, folder } = openWorkplace('http://127.0.0.1:9')
  write(name, content as string) // the type is narrower than what is written
  const { code, stdout, stderr } = await call(tool, '--input', name)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(readdirSync(folder)).toEqual([name])
  return stderr
    .split('\n')
    .map((line) => line.replace('metronome-customers-mcp: ', ''))
    .filter((line) => line && line !== 'Nothing was sent.')
}

test.each([
  [
    'a.ndjson',
    '{"name":""}\n\n{"nme":"x"}\n[]\nnull\n{"name"\n',
    [
      'row 1: name must have a visible character',
      'row 2: name is required',
      'row 2: nme is not a known field (did you mean name?)',
      'row 3: must be a JSON object',
      'row 4: must be a JSON object',
      'row 5: is not valid JSON',
    ],
  ],
  [
    'a.JSONL',
    '{"name":"x","idempotency_key":"k"}',
    ['row 1: idempotency_key is no field of a row; the journal has the keys'],
  ],
  ['a.ndjson', Buffer.from([0x7b, 0x22, 0xc3, 0x22, 0x7d]), ['row 1: has bytes that are not UTF-8']],
  ['a.ndjson', `{"name":"${'x'.repeat(1024 * 1024)}"}\n{"name":"x"}`, ['row 1: has more than 1 MiB']],
  ['a.json', '{"name":"x"}', ['The input is not a JSON array in UTF-8.']],
  ['a.json', `[${'"x",'.repeat(5_000_000)}1]`, ['A JSON array has more than 16 MiB.']],
  [
    'a.csv',
    'name,id,,name\nx,1,,\n',
    [
      'Column "id" is no argument of create-customer (did you mean external_id?); rename it, delete it, or name it "_id" to carry it.',
      'Column 3 has no name; name it, or delete it.',
      'Column "name" stands twice; rename or delete one.',
    ],
  ],
  [
    'a.csv',
    'name,ingest_aliases[x],ingest_aliases.0\nx,1,2\n',
    [expect.stringContaining('Column "ingest_aliases[x]"'), expect.stringContaining('Column "ingest_aliases.0"')],
  ],
  ['a.csv', 'name\n"a"b\n', ['row 1: has a quote inside a cell: put the cell in quotes and double each quote in it']],
  ['a.csv', 'name\nx\n"a\n', ['row 2: has a quote that is not closed']],
  [
    'a.csv',
    'name,_n\nx,1\ny\nz,1,2\n',
    ['row 2: has 1 cells, the header has 2', 'row 3: has 3 cells, the header has 2'],
  ],
  ['a.csv', Buffer.from('name\nx\nf\xfcr\n', 'latin1'), ['row 2: name has bytes that are not UTF-8']],
  [
    'a.csv',
    'name,ingest_aliases,ingest_aliases[0]\nx,"[""a""]",b\n',
    ['row 1: ingest_aliases[0] stands in another column, too'],
  ],
  ['a.csv', '', ['The input has no header.']],
  ['a.txt', 'x', ['--input-format is required: the extension of --input does not say the format.']],
])('%s with %o is rejected before anything is sent', async (name, content, problems) => {
  expect(await problemsOf(name, content)).toEqual(problems)
})

test('at most 100 problems are listed, and the others counted', async () => {
  const problems = await problemsOf('a.ndjson', '{"name":""}\n'.repeat(130))
  expect(problems).toHaveLength(101)
  expect(problems.at(-1)).toBe('and 30 more')
})

test('a folder, a missing file and a pipe are wrong usage', async () => {
  const { call, path } = openWorkplace(undefined)
  mkdirSync(path('folder.csv'))
  for (const name of ['folder.csv', 'missing.csv', '/dev/null'])
    expect(await call(...SANDBOX, name, '--input-format', 'csv')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`--input ${name}`),
    })
})

test('CSV: paths, closed lists, JSON cells, carried columns, texts that look like numbers, and formulas', async () => {
  const csv = [
    '\uFEFFname;ingest_aliases[1];ingest_aliases[0];custom_fields.a.b;custom_fields.n;_crm id;customer_billing_provider_configurations[0].billing_provider;customer_billing_provider_configurations[0].configuration.stripe_customer_id',
    "00123;b;a;'=1+1;7;x;stripe;cus_1",
    ';;;;;;;',
    "'s-Hertogenbosch;only;;;;;;",
    '"two\r\nlines";;;\'\'@x;;;;',
  ].join('\r\n')
  const { call } = openWorkplace(undefined, { 'in.csv': csv })
  const { lines, code } = await call(...SANDBOX, 'in.csv', '--dry-run')
  expect(code).toBe(0)
  expect(lines).toEqual([
    {
      row: 1,
      method: 'POST',
      path: '/v1/customers',
      body: {
        name: '00123',
        ingest_aliases: ['a', 'b'],
        custom_fields: { 'a.b': '=1+1', n: '7' },
        customer_billing_provider_configurations: [
          { billing_provider: 'stripe', configuration: { stripe_customer_id: 'cus_1' } },
        ],
      },
    },
    { row: 2, method: 'POST', path: '/v1/customers', body: { name: "'s-Hertogenbosch", ingest_aliases: ['only'] } },
    { row: 3, method: 'POST', path: '/v1/customers', body: { name: 'two\r\nlines', custom_fields: { 'a.b': "'@x" } } },
  ])
})

test('every text survives export as CSV and import, with the id renamed', async () => {
  const texts = [
    '=1',
    '+1',
    '-1',
    '@a',
    '\tx',
    '\rx',
    "'=1",
    "''=1",
    "'x",
    '00123',
    'true',
    'a,b;c\td',
    'semi;colon',
    'quote " here',
    ' lead',
    'trail ',
    'line\nbreak',
    '\u202e',
    '1e5',
    'ünï',
  ]
  const rows = texts.map((text, index) => ({
    name: `n ${text}`,
    custom_fields: { key: text },
    ingest_aliases: [`a${index}`],
  }))
  const { call, read } = openWorkplace(undefined, { 'in.ndjson': ndjson(...rows) })
  const first = await call(...SANDBOX, 'in.ndjson', '--dry-run', '--format', 'csv', '--output', 'out.csv')
  expect(first.code).toBe(0)
  // Spreadsheets of some countries take it for a separator.
  expect(read('out.csv')).toContain(',"semi;colon",')
  const [header = '', ...others] = read('out.csv').split('\r\n')
  const renamed = header.replaceAll('body.', '').replace('row,method,path', '_row,_method,_path')
  const again = openWorkplace(undefined, { 'in.csv': [renamed, ...others].join('\r\n') })
  const { lines } = await again.call(...SANDBOX, 'in.csv', '--dry-run')
  expect(lines.map(({ body }) => body)).toEqual(rows)
})

test('digits, true and false are read where the field is a number or boolean', async () => {
  const { call } = openWorkplace(undefined, {
    'in.csv': 'customer_id,include_archived\nd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc,TRUE\n',
  })
  const end = await call(
    'fetch-billing-provider-configurations-customer',
    '--sandbox',
    '--input',
    'in.csv',
    '--dry-run',
  )
  expect(end.lines).toMatchObject([{ body: { include_archived: true } }])
})

test('standard input is read for tools that only read', async () => {
  const { start, call } = openWorkplace(undefined)
  const program = start('get-customer', '--sandbox', '--input', '-')
  program.child.stdin.end('{"customer_id":"d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc"}\n')
  expect(await program.ended).toMatchObject({ code: 0 })
  expect(JSON.parse(program.stdout())).toMatchObject({ row: 1, result: { data: { name: 'Acme Robotics' } } })
  expect(await call(...SANDBOX, '-')).toMatchObject({ code: 2 })
})

test('--output is complete under its own name, and never overwrites another file', async () => {
  const { call, path, write, read } = openWorkplace(undefined, { 'in.ndjson': '{"name":"x"}\n', 'out.ndjson': 'mine' })
  expect(await call(...SANDBOX, 'in.ndjson', '--output', 'out.ndjson')).toMatchObject({ code: 2 })
  expect(read('out.ndjson')).toBe('mine')
  write('in.ndjson', '{"name":"x"}\n{"name":"y","external_id":"a","ingest_aliases":["harborline"]}\n')
  const end = await call(...SANDBOX, 'in.ndjson', '--output', 'new.ndjson', '--max-failures', '1', '--concurrency', '1')
  expect(end.code).toBe(1)
  expect(existsSync(path('new.ndjson')) || existsSync(path('new.ndjson.partial'))).toBe(true)
})

describe('--input', () => {
  test.each([
    ['in.NDJSON', '{"name":"x"}\n', []],
    ['in.jsonl', '{"name":"x"}', []],
    ['in.Json', '[{"name":"x"}]', []],
    ['in.CSV', 'name\nx', []],
    ['in.txt', 'name\rx', ['--input-format', 'csv']],
    ['in.csv', '{"name":"x"}', ['--input-format', 'ndjson']],
  ])('%s is read by its extension or --input-format', async (name, content, options) => {
    const { run, path } = openWorkplace(undefined, { [name]: content })
    const end = await run(['create-customer', '--input', path(name), ...options, '--dry-run'])
    expect(end.lines).toEqual([{ row: 1, method: 'POST', path: '/v1/customers', body: { name: 'x' } }])
    expect(readdirSync(path('.'))).toEqual([name])
  })

  test.each([
    [[], `${JSON.stringify({ customer_id: ID })}\n`],
    [['--input-format', 'json'], JSON.stringify([{ customer_id: ID }])],
    [['--input-format', 'csv'], `customer_id\n${ID}\n`],
  ])('- is standard input, with %j', async (options, content) => {
    const end = await openWorkplace(undefined).run(['get-customer', '--sandbox', '--input', '-', ...options], {
      stdin: Readable.from([Buffer.from(content)]),
    })
    expect(end).toMatchObject({ code: 0, lines: [{ row: 1, result: { data: { id: ID } } }] })
  })

  const MIB = 1024 * 1024
  const pad = (start: string, end: string, size: number) => start + ' '.repeat(size - start.length - end.length) + end

  test.each([
    ['standard input', 'Standard input has more than 16 MiB.'],
    ['in.json', 'A JSON array has more than 16 MiB.'],
  ])('%s may have 16 MiB and not one byte more', async (name, message) => {
    const { run, path, write } = openWorkplace(undefined)
    const read = (size: number) => {
      const content = pad(`[{"customer_id":"${ID}"}`, ']', size)
      write('in.json', content)
      const input = name === 'in.json' ? path(name) : '-'
      const stdin = Readable.from([Buffer.from(content)])
      return run(['get-customer', '--dry-run', '--input', input, '--input-format', 'json'], { stdin })
    }
    expect(await read(16 * MIB)).toMatchObject({ code: 0 })
    expect(await read(16 * MIB + 1)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) })
  })

  test.each([
    ['ndjson', (size: number) => `${pad('{"name":"x"', '}', size)}\n`],
    ['json', (size: number) => JSON.stringify([{ name: 'x', _: 'y'.repeat(size - '{"name":"x","_":""}'.length) }])],
    ['csv', (size: number) => `name,_\nx,${'y'.repeat(size - 'x,'.length)}\n`],
  ])('%s: a row may have 1 MiB and not more', async (format, build) => {
    const { run, path, write } = openWorkplace(undefined)
    const read = (size: number) => {
      write('in', build(size))
      return run(['create-customer', '--dry-run', '--input', path('in'), '--input-format', format])
    }
    expect(await read(MIB - 8)).toMatchObject({ code: 0 })
    expect(await read(MIB + 8)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('row 1: has more than 1 MiB'),
    })
  })

  test('CSV: the first of comma, semicolon and tab that the header has separates', async () => {
    const { run, path, write } = openWorkplace(undefined)
    const read = async (content: string) => {
      write('in.csv', content)
      return (await run(['create-customer', '--input', path('in.csv'), '--dry-run'])).lines.map(({ body }) => body)
    }
    expect(await read('name\texternal_id\nx;y,z\te\n')).toEqual([{ name: 'x;y,z', external_id: 'e' }])
    expect(await read('name;external_id\nx,y\tz;e\n')).toEqual([{ name: 'x,y\tz', external_id: 'e' }])
    expect(await read('name,_a;b\nx;y,z\n')).toEqual([{ name: 'x;y' }])
    expect(await read('"_a,b";name\nz;x\n')).toEqual([{ name: 'x' }])
  })

  test('CSV: the header of a list takes JSON, and a column that has no argument the name of one', async () => {
    const { run, path, write } = openWorkplace(undefined, { 'in.csv': `customer_id,ingest_aliases\n${ID},[]\n` })
    const command = ['create-update-customer-ingest-aliases', '--input', path('in.csv'), '--dry-run']
    expect((await run(command)).lines).toMatchObject([{ body: { ingest_aliases: [] } }])
    write('in.csv', `id,ingest_aliases[0]\n${ID},a\n`)
    expect(await run(command)).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean customer_id?') })
  })
})
