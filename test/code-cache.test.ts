import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { locateCacheFolder } from '../src/start/cache-folder.ts'
import { type CodeCacheOptions, createCodeCache } from '../src/start/code-cache.ts'

let root: string
let folder: string
let program: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'code-cache-'))
  folder = join(root, 'cache', 'metronome-customers-mcp')
  mkdirSync(join(root, 'dist'))
  program = join(root, 'dist', 'program.cjs')
  writeFileSync(program, 'module.exports = [1, 2, 3].map((number) => number * 2)')
})

afterEach(() => {
  chmodSync(root, 0o700)
  rmSync(root, { recursive: true })
})

/** One start: compiles the program, runs it, then does what was left for later. */
function start(options: Partial<CodeCacheOptions> = {}) {
  const tasks: (() => void)[] = []
  const userId = process.getuid?.()
  const compile = createCodeCache({ folder, userId, runtime: 'v1-x64', later: (task) => tasks.push(task), ...options })
  const script = compile(program)
  const module = { exports: undefined as unknown }
  script.runInThisContext()(module.exports, undefined, module)
  expect(tasks.length).toBeLessThan(2)
  for (const task of tasks) task()
  return { result: module.exports, cached: script.cachedDataRejected === false, stored: tasks.length > 0 }
}

const cacheFile = () => join(folder, 'v1-x64-program.cjs.bin')

test('the first start stores code which the second uses', () => {
  expect(start()).toEqual({ result: [2, 4, 6], cached: false, stored: true })
  expect(start()).toEqual({ result: [2, 4, 6], cached: true, stored: false })
})

test('nobody else can read or write what is stored', () => {
  start()
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  expect(statSync(cacheFile()).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['v1-x64-program.cjs.bin'])
})

test.each([
  ['is empty', () => Buffer.alloc(0)],
  ['is cut off', (code: Buffer) => code.subarray(0, code.length / 2)],
  ['is damaged in the middle', (code: Buffer) => flipByte(code, code.length / 2)],
  ['is damaged at the end', (code: Buffer) => flipByte(code, code.length - 1)],
  ['is something else', () => Buffer.from('console.log("never run")'.repeat(20))],
])('a cache that %s is passed over and replaced', (_, damage) => {
  start()
  writeFileSync(cacheFile(), damage(readFileSync(cacheFile())))
  expect(start()).toEqual({ result: [2, 4, 6], cached: false, stored: true })
  expect(start()).toMatchObject({ cached: true })
})

function flipByte(code: Buffer, at: number): Buffer {
  const index = Math.floor(at)
  code.writeUInt8(code.readUInt8(index) ^ 0xff, index)
  return code
}

test('code of an older build is not run, even when its source had the same length', () => {
  start()
  writeFileSync(program, 'module.exports = [1, 2, 3].map((number) => number * 3)')
  expect(start()).toEqual({ result: [3, 6, 9], cached: false, stored: true })
})

test("files of an older build are removed, another runtime's are kept", () => {
  start({ runtime: 'v2-x64' })
  start()
  rmSync(program)
  program = join(root, 'dist', 'renamed.cjs')
  writeFileSync(program, 'module.exports = 1')
  start()
  expect(readdirSync(folder)).toEqual(['v1-x64-renamed.cjs.bin', 'v2-x64-program.cjs.bin'])
})

test.runIf(process.getuid)('a folder that others may write to is neither read nor written', () => {
  start()
  const before = readFileSync(cacheFile())
  chmodSync(folder, 0o770)
  expect(start()).toMatchObject({ result: [2, 4, 6], cached: false })
  expect(readFileSync(cacheFile())).toEqual(before)
})

test.runIf(process.getuid)('a folder of another user is neither read nor written', () => {
  start()
  const before = readFileSync(cacheFile())
  expect(start({ userId: 12345 })).toMatchObject({ result: [2, 4, 6], cached: false })
  expect(readFileSync(cacheFile())).toEqual(before)
})

test('a place that cannot be written to changes nothing', () => {
  writeFileSync(join(root, 'cache'), 'a file where the folder should be')
  expect(start()).toMatchObject({ result: [2, 4, 6], cached: false })
  expect(start({ folder: undefined })).toMatchObject({ result: [2, 4, 6], cached: false })
})

test.each([
  ['linux', { HOME: '/home/me' }, '/home/me/.cache/metronome-customers-mcp'],
  ['linux', { HOME: '/home/me', XDG_CACHE_HOME: '/big/cache' }, '/big/cache/metronome-customers-mcp'],
  ['darwin', { HOME: '/Users/me' }, '/Users/me/Library/Caches/metronome-customers-mcp'],
  ['linux', { HOME: '/home/me', XDG_CACHE_HOME: 'relative' }, undefined],
  ['linux', { HOME: '/home/me', NODE_DISABLE_COMPILE_CACHE: '1' }, undefined],
  ['linux', { TMPDIR: '/tmp' }, undefined],
  ['win32', { HOME: '/home/me' }, undefined],
] as const)('on %s with %o the cache lies in %s', (platform, environment, expected) => {
  expect(locateCacheFolder(platform, environment)).toBe(expected)
})
