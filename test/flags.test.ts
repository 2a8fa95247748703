import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { loadSources } from '../src/config/load.ts'
import { parseFlags } from '../src/flags.ts'
import { UsageError } from '../src/program-error.ts'

test.each<[string[], object]>([
  [[], { help: false, version: false, sandbox: false, envFile: undefined }],
  [['-h'], { help: true }],
  [['-v'], { version: true }],
  [['-vh'], { version: true, help: true }],
  [['--sandbox', '--env-file', 'a b'], { sandbox: true, envFile: 'a b' }],
  [['--env-file=x=y'], { envFile: 'x=y' }],
])('%j is understood', (argv, flags) => {
  expect(parseFlags(argv)).toMatchObject(flags)
})

test.each<[string[], RegExp]>([
  [['--sandbx'], /^--sandbx is not a known flag; did you mean --sandbox\?/],
  [['--envfile=secretword'], /^--envfile is not a known flag; did you mean --env-file\?/],
  [['--no-sandbox'], /^--no-sandbox is not a known flag/],
  [['--api-key', 'secretword'], /^--api-key is not a known flag/],
  [['-x'], /^-x is not a known flag/],
  [['-xsecretword'], /^-x is not a known flag/],
  [['--__proto__'], /^--__proto__ is not a known flag/],
  [['--constructor=secretword'], /^--constructor is not a known flag/],
  [['secretword'], /^unexpected argument; see --help\. An API key is never given on the command line\./],
  [['--', 'secretword'], /^unexpected argument/],
  [['--sandbox', 'secretword'], /^unexpected argument/],
  [['--sandbox=secretword'], /^--sandbox takes no value/],
  [['--env-file'], /^--env-file needs a value/],
  [['--env-file='], /^--env-file needs a value/],
  [['--env-file', '--sandbox'], /^--env-file needs a value/],
])('%j is wrong usage, and no value is repeated', (argv, message) => {
  expect(() => parseFlags(argv)).toThrow(UsageError)
  expect(() => parseFlags(argv)).toThrow(message)
  expect(() => parseFlags(argv)).not.toThrow(/secret/)
})

test.each([
  ['/secretword', /^--env-file names a file that cannot be read \(ENOENT\); correct the path\.$/],
  [tmpdir(), /^--env-file names a file that cannot be read \(EISDIR\); correct the path\.$/],
])('an env file that cannot be read is wrong usage', async (path, message) => {
  await expect(loadSources({}, path)).rejects.toThrow(message)
  await expect(loadSources({}, path)).rejects.toThrow(UsageError)
})
