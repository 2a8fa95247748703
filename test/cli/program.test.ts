import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { describeProgram, quoteForShell } from '../../src/cli/program.ts'
import { makeFolder } from '../support/program.ts'

const BIN = 'bin/metronome-customers-mcp.js'

/** A folder with the program at a path, and a link to it. */
function install(path: string, link?: string): { folder: string; file: string; argument: string } {
  const folder = makeFolder()
  const file = join(folder, path, BIN)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, '')
  const argument = link === undefined ? file : join(folder, link)
  mkdirSync(dirname(argument), { recursive: true })
  if (link !== undefined) symlinkSync(file, argument)
  return { folder, file, argument }
}

test('a clone is started by its file, as seen from the working directory', () => {
  const { folder, file, argument } = install('clone')
  expect(describeProgram(argument, join(folder, 'clone'))).toEqual({ file, isClone: true, invocation: `node ${BIN}` })
  expect(describeProgram(argument, folder).invocation).toBe(`node clone/${BIN}`)
  expect(describeProgram(argument, '/').invocation).toBe(`node ${file.slice(1)}`)
  expect(describeProgram(argument, join(folder, 'clone/src')).invocation).toBe(`node ${file}`)
})

test.each([
  [
    'npx',
    'cache/_npx/0123/node_modules/metronome-customers-mcp',
    'cache/_npx/0123/node_modules/.bin/metronome-customers-mcp',
    'npx -y metronome-customers-mcp',
  ],
  [
    'npx on Windows',
    'cache/_npx/0123/node_modules/metronome-customers-mcp',
    undefined,
    'npx -y metronome-customers-mcp',
  ],
  [
    'a global installation',
    'lib/node_modules/metronome-customers-mcp',
    'bin/metronome-customers-mcp',
    'metronome-customers-mcp',
  ],
  [
    'a global installation on Windows',
    'npm/node_modules/metronome-customers-mcp',
    undefined,
    'metronome-customers-mcp',
  ],
])('%s', (_, path, link, invocation) => {
  const { file, argument } = install(path, link)
  expect(describeProgram(argument, '/')).toEqual({ file, isClone: false, invocation })
})

test('a clone that npm has linked is in PATH, and still a clone', () => {
  const { file, argument } = install('clone', 'prefix/bin/metronome-customers-mcp')
  expect(describeProgram(argument, '/')).toEqual({ file, isClone: true, invocation: 'metronome-customers-mcp' })
})

test('npx in a clone starts a file of that clone', () => {
  const { folder, argument } = install('clone', '.npm/_npx/0123/node_modules/.bin/metronome-customers-mcp')
  expect(describeProgram(argument, join(folder, 'clone')).invocation).toBe(`node ${BIN}`)
})

test.each([
  ['', '""', "''"],
  ['a b', '"a b"', "'a b'"],
  ['a"b', '"a""b"', `'a"b'`],
  ['C:\\my dir\\', '"C:\\my dir\\\\"', "'C:\\my dir\\'"],
  ["it's", '"it\'s"', "'it'\\''s'"],
  ['--tools=writes', '--tools=writes', '--tools=writes'],
])('%j is quoted for the shell of the platform', (word, forWindows, forPosix) => {
  expect(quoteForShell(word, true)).toBe(forWindows)
  expect(quoteForShell(word, false)).toBe(forPosix)
})
