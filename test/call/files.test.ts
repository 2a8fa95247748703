import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs'
import fs, { type FileHandle, open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { Readable } from 'node:stream'
import { expect, onTestFinished, test, vi } from 'vitest'
import { seedCustomers } from '../../src/sandbox/seed.ts'
import { endOf, ndjson, openWorkplace, startMetronome } from '../support/bulk.ts'

const ACME = seedCustomers[0]?.id ?? ''
const names = (count: number) => ndjson(...Array.from({ length: count }, (_, number) => ({ name: `n${number}` })))
const CREATE = ['create-customer', '--input', 'in.ndjson'] as const

test.each(['appended to', 'replaced'] as const)('an input that is %s while it runs stops the run', async (how) => {
  const metronome = await startMetronome(({ apply }, count) => {
    if (count === 2 && how === 'appended to') appendFileSync(path('in.ndjson'), '{"name":"not validated"}\n')
    if (count === 2 && how === 'replaced') renameSync(path('other.ndjson'), path('in.ndjson'))
    return apply()
  })
  const files = { 'in.ndjson': names(100), 'other.ndjson': names(101) }
  const { call, path } = openWorkplace(metronome.baseUrl, files)
  const end = await call(...CREATE, '--concurrency', '1')
  expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('has changed since it was validated') })
  expect(metronome.writes.length).toBeLessThan(20)
})

test('an input that is emptied after the question sends nothing', async () => {
  const metronome = await startMetronome()
  const { run, path, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson({ id: ACME }) })
  let printed = ''
  const stderr = (words: string) => {
    printed += words
    if (words.includes('Type 1')) write('in.ndjson', '')
  }
  const terminal = { stdin: Readable.from(['1\n']), isInteractive: true, stderr }
  expect(await run(['archive-customer', '--input', path('in.ndjson')], terminal)).toMatchObject({ code: 1 })
  expect(printed).toContain('has changed since it was validated')
  expect(metronome.writes).toEqual([])
})

test('a row that is another one when it is read again is not sent, though size and time are the same', async () => {
  const rows = (name: string) =>
    Array.from({ length: 100 }, (_, number) => ({ name: number < 99 ? `n${number}` : name, _: 'x'.repeat(1_000) }))
  const replace = (name: string) => {
    write('in.ndjson', ndjson(...rows(name)))
    utimesSync(path('in.ndjson'), 1_000_000_000, 1_000_000_000)
  }
  const metronome = await startMetronome(({ apply }, count) => {
    if (count === 2) replace('evil')
    return apply()
  })
  const { run, path, write } = openWorkplace(metronome.baseUrl)
  replace('last')
  const end = await run(['create-customer', '--input', path('in.ndjson'), '--concurrency', '1'])
  expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('has changed since it was validated') })
  expect(metronome.writes.map(({ body }) => body.name)).not.toContain('evil')
})

test('--output replaces what the journal wrote, and not another file of that name', async () => {
  const metronome = await startMetronome()
  const { run, path, write, read } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(1) })
  const command = ['create-customer', '--input', path('in.ndjson'), '--output', path('out.ndjson')]
  expect(await run(command)).toMatchObject({ code: 0 })
  renameSync(path('out.ndjson'), path('kept.ndjson'))
  write('out.ndjson', 'mine')
  expect(await run(command)).toMatchObject({ code: 2, stderr: expect.stringContaining('out.ndjson exists') })
  expect(read('out.ndjson')).toBe('mine')
})

test.skipIf(process.platform === 'win32')('a journal is locked under all of its names', async () => {
  const metronome = await startMetronome(() => 'hang')
  const { start, call, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(1) })
  const program = start(...CREATE, '--journal', 'j')
  while (metronome.writes.length === 0) await new Promise((resolve) => setImmediate(resolve))
  symlinkSync(path('j'), path('symlink'))
  linkSync(path('j'), path('hard-link'))
  for (const name of ['./j', 'symlink', 'hard-link'])
    expect(await call(...CREATE, '--journal', name)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is used by another run'),
    })
  program.child.kill('SIGKILL')
  await endOf(program)
})

test('a partial output is completed by a resume, and replaced by the same journal only', async () => {
  let isDown = true
  const metronome = await startMetronome(({ apply, body }) =>
    isDown && body.name === 'n1' ? { status: 403, body: { message: 'no' } } : apply(),
  )
  const { call, path, read } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(3) })
  const command = [...CREATE, '--output', 'out.ndjson', '--concurrency', '1', '--max-failures', '1'] as const
  expect((await call(...command)).code).toBe(1)
  expect([existsSync(path('out.ndjson')), existsSync(path('out.ndjson.partial'))]).toEqual([false, true])
  isDown = false
  expect(await call(...command)).toMatchObject({ code: 0, stdout: '' })
  expect(read('out.ndjson').trim().split('\n')).toHaveLength(3)
  expect(existsSync(path('out.ndjson.partial'))).toBe(false)
  expect((await call(...command)).code).toBe(0)
  expect(await call(...command, '--journal', 'other')).toMatchObject({ code: 2 })
  expect(existsSync(path('other'))).toBe(false)
  expect(metronome.store.effects).toHaveLength(3)
})

test('the sandbox leaves no journal', async () => {
  const { call, folder } = openWorkplace(undefined, { 'in.ndjson': names(2) })
  expect(await call(...CREATE, '--sandbox')).toMatchObject({ code: 0, lines: [{ row: 1 }, { row: 2 }] })
  expect(readdirSync(folder)).toEqual(['in.ndjson'])
})

test('writes are in the audit log, with the transport call; one that cannot be written stops the run', async () => {
  const metronome = await startMetronome()
  const { call, read } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(1) })
  expect((await call(...CREATE, '--audit-log', 'audit.jsonl')).code).toBe(0)
  const lines = read('audit.jsonl').trim().split('\n')
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { phase: 'begin', caller: { transport: 'call' } },
    { phase: 'end', outcome: 'applied' },
  ])
  expect(await call(...CREATE, '--journal', 'other', '--audit-log', 'missing/audit.jsonl')).toMatchObject({ code: 2 })
})

test('no rows are done at once', async () => {
  const { call } = openWorkplace('http://127.0.0.1:9', { 'in.csv': 'name\n,\n', 'in.ndjson': '\n\n', 'in.json': '[]' })
  expect(await call('create-customer', '--input', 'in.ndjson')).toMatchObject({ code: 0, stdout: '' })
  expect(await call('create-customer', '--input', 'in.json')).toMatchObject({ code: 0, stdout: '' })
  expect(await call('archive-customer', '--input', 'in.json', '--journal', 'j')).toMatchObject({ code: 0, stdout: '' })
})

test('an audit log that cannot be written any more stops the run', async () => {
  const metronome = await startMetronome(({ apply }, count) => {
    if (count === 2) {
      rmSync(path('audit.jsonl'))
      mkdirSync(path('audit.jsonl'))
    }
    return apply()
  })
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(20) })
  const options = ['--audit-log', path('audit.jsonl'), '--concurrency', '1']
  const end = await run(['create-customer', '--input', path('in.ndjson'), ...options])
  expect(end).toMatchObject({ code: 1, stderr: expect.stringMatching(/^20 rows: 2 applied, .* 1 failed, .* 17 not/m) })
  expect(metronome.writes).toHaveLength(2)
})

test('an output that was replaced while it was written is not taken for the result', async () => {
  const metronome = await startMetronome(undefined, (_, count) => {
    if (count === 2) {
      rmSync(path('out.partial'))
      write('out.partial', 'mine')
    }
    return undefined
  })
  const rows = [ACME, ACME, ACME].map((customer_id) => ({ customer_id }))
  const { run, path, read, write } = openWorkplace(metronome.baseUrl, { 'in.ndjson': ndjson(...rows) })
  const command = ['get-customer', '--input', path('in.ndjson'), '--output', path('out'), '--concurrency', '1']
  expect(await run(command)).toMatchObject({ code: 1, stderr: expect.stringContaining('is another file by now') })
  expect([existsSync(path('out')), read('out.partial')]).toEqual([false, 'mine'])
})

test('a run that ends right after its output has its name can be resumed', async () => {
  const { rename } = fs
  vi.spyOn(fs, 'rename').mockImplementationOnce(async (from, to) => {
    await rename(from, to)
    throw new Error('killed')
  })
  syncBuiltinESMExports()
  onTestFinished(() => {
    vi.restoreAllMocks()
    syncBuiltinESMExports()
  })
  const metronome = await startMetronome()
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(1) })
  const command = ['create-customer', '--input', path('in.ndjson'), '--output', path('out')]
  expect((await run(command)).code).toBe(1)
  expect((await run(command)).code).toBe(0)
})

test.skipIf(process.platform === 'win32')(
  'the entry of a journal is on disk in its folder before a row is sent',
  async () => {
    const file = await open(import.meta.filename)
    await file.close()
    const sync = vi.spyOn(Object.getPrototypeOf(file) as FileHandle, 'sync')
    onTestFinished(() => void sync.mockRestore())
    const syncsBefore: number[] = []
    const metronome = await startMetronome(({ apply }) => {
      syncsBefore.push(sync.mock.calls.length)
      return apply()
    })
    const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(1) })
    expect((await run(['create-customer', '--input', path('in.ndjson')])).code).toBe(0)
    expect(syncsBefore).toEqual([1])
  },
)

test('a journal that is moved away stops the run, and no second one begins', async () => {
  const metronome = await startMetronome(({ apply }, count) => {
    if (count === 2) renameSync(path('in.ndjson.journal'), path('moved'))
    return apply()
  })
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(100) })
  const command = ['create-customer', '--input', path('in.ndjson'), '--concurrency', '1']
  expect(await run(command)).toMatchObject({ code: 1, stderr: expect.stringContaining('moved or failed before') })
  expect(metronome.writes.length).toBeLessThan(20)
  renameSync(path('moved'), path('in.ndjson.journal'))
  expect((await run(command)).code).toBe(0)
  expect(metronome.store.effects).toHaveLength(100)
})

test('nothing follows a line of the journal of which the disk took a part only', async () => {
  const file = await open(import.meta.filename)
  await file.close()
  const methods: FileHandle = Object.getPrototypeOf(file)
  const { write } = methods
  const metronome = await startMetronome(({ apply }, count) => {
    if (count === 8)
      vi.spyOn(methods, 'write').mockImplementationOnce(function (this: FileHandle, bytes) {
        return Reflect.apply(write, this, [Buffer.from(bytes).subarray(0, 20)])
      })
    return apply()
  })
  onTestFinished(() => void vi.restoreAllMocks())
  const { run, path } = openWorkplace(metronome.baseUrl, { 'in.ndjson': names(40) })
  const command = ['create-customer', '--input', path('in.ndjson')]
  expect(await run(command)).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be written (') })
  expect(await run(command)).toMatchObject({ code: 0, lines: { length: 40 } })
  expect(metronome.store.effects).toHaveLength(40)
})
