import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import timers from 'node:timers/promises'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { type AppendFile, createAppendFile } from '../../src/cli/append-file.ts'
import { makeFolder } from '../support/program.ts'

// In the place of Node's own: vi.mock would reach the modules that other test files loaded, or be too late for them.
const delay = vi.fn(async () => {})
beforeEach(() => {
  vi.spyOn(timers, 'setTimeout').mockImplementation(delay)
  syncBuiltinESMExports()
})

afterEach(() => {
  vi.restoreAllMocks()
  syncBuiltinESMExports()
  delay.mockReset()
})

/** Closed when the test ends. */
function appendTo(path: string): AppendFile {
  const file = createAppendFile(path)
  onTestFinished(file.close)
  return file
}

const textOf = (path: string): string => readFileSync(path, 'utf8')

/** What every open file inherits, to see and to disturb what is done to one. */
async function loadFileMethods(): Promise<FileHandle> {
  const file = await open(import.meta.filename)
  await file.close()
  return Object.getPrototypeOf(file)
}

const methods = await loadFileMethods()
const { write } = methods

/** Calls `act` just before the bytes of the next write reach the file. */
function beforeNextWrite(act: () => void): void {
  vi.spyOn(methods, 'write').mockImplementationOnce(function (this: FileHandle, ...args) {
    act()
    return Reflect.apply(write, this, args)
  })
}

/** As a full disk: the next write takes so many bytes only. */
function cutNextWrite(length: number): void {
  vi.spyOn(methods, 'write').mockImplementationOnce(function (this: FileHandle, bytes) {
    return Reflect.apply(write, this, [Buffer.from(bytes).subarray(0, length)])
  })
}

test('creates the file for its owner only, and appends whole lines in order', async () => {
  const path = join(makeFolder(), 'lines')
  const { append } = appendTo(path)
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}`)
  await Promise.all(lines.map(append))
  expect(textOf(path)).toBe(lines.map((line) => `${line}\n`).join(''))
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('syncs before a line counts as appended, and syncs the lines that came meanwhile together', async () => {
  const sync = vi.spyOn(methods, 'datasync')
  const { append } = appendTo(join(makeFolder(), 'lines'))
  await append('first')
  expect(sync).toHaveBeenCalledTimes(1)
  await Promise.all(Array.from({ length: 50 }, (_, index) => append(`line ${index}`)))
  expect(sync.mock.calls.length).toBeLessThanOrEqual(3)
})

test('rejects a line that could not be synced', async () => {
  const { append } = appendTo(join(makeFolder(), 'lines'))
  vi.spyOn(methods, 'datasync').mockRejectedValueOnce(Object.assign(new Error('disk'), { code: 'EIO' }))
  await expect(append('lost')).rejects.toMatchObject({ code: 'EIO' })
  await append('kept')
})

test('writes more than fits into one write in several', async () => {
  const path = join(makeFolder(), 'lines')
  const { append } = appendTo(path)
  const write = vi.spyOn(methods, 'write')
  const lines = Array.from({ length: 5 }, (_, index) => String(index).repeat(600_000))
  await Promise.all(lines.map(append))
  expect(textOf(path)).toBe(lines.map((line) => `${line}\n`).join(''))
  expect(write).toHaveBeenCalledTimes(5)
})

test('writes a line that is longer than a batch on its own', async () => {
  const path = join(makeFolder(), 'lines')
  const { append } = appendTo(path)
  const write = vi.spyOn(methods, 'write')
  const lines = ['first', 'x'.repeat(1024 * 1024), 'last']
  await Promise.all(lines.map(append))
  expect(textOf(path)).toBe(lines.map((line) => `${line}\n`).join(''))
  expect(write).toHaveBeenCalledTimes(3)
})

test.each([
  ['moved away', () => {}],
  ['replaced', (path: string) => writeFileSync(path, '')],
])('opens the file again when it was %s', async (_, replace) => {
  const path = join(makeFolder(), 'lines')
  const { append } = appendTo(path)
  await append('1')
  renameSync(path, `${path}.1`)
  replace(path)
  await append('2')
  expect([textOf(`${path}.1`), textOf(path)]).toEqual(['1\n', '2\n'])
})

test('goes on at the start of a file that was truncated', async () => {
  const path = join(makeFolder(), 'lines')
  const { append } = appendTo(path)
  await append('long before')
  beforeNextWrite(() => truncateSync(path))
  await append('after')
  expect(textOf(path)).toBe('after\n')
})

test('closes the file when all lines are written', async () => {
  const path = join(makeFolder(), 'lines')
  const file = appendTo(path)
  const appended = file.append('1')
  await file.close()
  expect(textOf(path)).toBe('1\n')
  await appended
})

test('does not join a line to part of one that it finds', async () => {
  const path = join(makeFolder({ lines: 'whole\npart' }), 'lines')
  await appendTo(path).append('next')
  expect(textOf(path)).toBe('whole\npart\nnext\n')
})

test('does not join a line to part of one that another process leaves after the first line', async () => {
  const path = join(makeFolder(), 'lines')
  const { append } = appendTo(path)
  await append('1')
  appendFileSync(path, 'part')
  await append('2')
  expect(textOf(path)).toBe('1\npart\n2\n')
})

test('takes half of what another process is writing for no torn line', async () => {
  const path = join(makeFolder({ lines: 'first ha' }), 'lines')
  delay.mockImplementationOnce(async () => appendFileSync(path, 'lf\n'))
  await appendTo(path).append('next')
  expect(textOf(path)).toBe('first half\nnext\n')
})

test('repeats a line on its own when another process tore one just before it', async () => {
  const path = join(makeFolder({ lines: '0\n' }), 'lines')
  const { append } = appendTo(path)
  beforeNextWrite(() => appendFileSync(path, 'part'))
  await append('1')
  await append('2')
  expect(textOf(path)).toBe('0\npart1\n\n1\n2\n')
})

test('repeats no line when another process appended whole ones just before it', async () => {
  const path = join(makeFolder({ lines: '0\n' }), 'lines')
  beforeNextWrite(() => appendFileSync(path, 'other\n'))
  await appendTo(path).append('1')
  expect(textOf(path)).toBe('0\nother\n1\n')
})

test('keeps the whole lines of a write that the disk took only in part', async () => {
  const path = join(makeFolder(), 'lines')
  const { append } = appendTo(path)
  beforeNextWrite(() => cutNextWrite(4))
  const results = await Promise.allSettled(['1', '22', '33', '44'].map(append))
  expect(results).toMatchObject([
    { status: 'fulfilled' },
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'ENOSPC' } },
    { status: 'rejected' },
  ])
  await append('5')
  expect(textOf(path)).toBe('1\n22\n3\n5\n')
})

test('rejects a line whose end the disk did not take, after the line break before it', async () => {
  const path = join(makeFolder({ lines: 'part' }), 'lines')
  cutNextWrite(3)
  await expect(appendTo(path).append('22')).rejects.toMatchObject({ code: 'ENOSPC' })
  expect(textOf(path)).toBe('part\n22')
})

test('rejects when the file cannot be opened, and works again when it can', async () => {
  const folder = makeFolder({ blocked: '' })
  const path = join(folder, 'blocked', 'lines')
  const { append } = appendTo(path)
  await expect(append('1')).rejects.toMatchObject({ code: 'ENOTDIR' })
  renameSync(join(folder, 'blocked'), join(folder, 'other'))
  mkdirSync(join(folder, 'blocked'))
  await append('2')
  expect(textOf(path)).toBe('2\n')
})

test.each<[string, (path: string) => void]>([
  ['a directory', (path) => mkdirSync(path)],
  ['a pipe', (path) => execFileSync('mkfifo', [path])],
  ['a device', (path) => execFileSync('ln', ['-s', '/dev/null', path])],
])('does not open %s', async (kind, make) => {
  const path = join(makeFolder(), 'lines')
  make(path)
  await expect(appendTo(path).open()).rejects.toThrow(`it is ${kind}`)
})

test('opens a file without writing to it', async () => {
  const path = join(makeFolder(), 'lines')
  writeFileSync(path, 'part')
  await appendTo(path).open()
  expect(textOf(path)).toBe('part')
})
