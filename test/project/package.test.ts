import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { findInlined, readNotice } from '../../scripts/notices.ts'
import { baseEnvironment, makeFolder } from '../support/program.ts'

const run = promisify(execFile)
// The packages that are bundled on purpose.
const INLINED = [
  '@hono/node-server',
  '@modelcontextprotocol/sdk',
  '@opentelemetry/api',
  'bintrees',
  'content-type',
  'cross-spawn',
  'csv-parse',
  'destr',
  'dotenv',
  'eventsource-parser',
  'hono',
  'isexe',
  'jsonc-parser',
  'leven',
  'ofetch',
  'path-key',
  'pkce-challenge',
  'prom-client',
  'shebang-command',
  'shebang-regex',
  'smol-toml',
  'tdigest',
  'ufo',
  'undici',
  'which',
  'zod',
]

const folder = { path: '', tarball: '', unpacked: '' }

beforeAll(async () => {
  const cleanUps: (() => Promise<void>)[] = []
  folder.path = makeFolder({}, (clean) => void cleanUps.push(clean))
  // The tests run on a fresh build; building again would pull it away from under the others.
  const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder.path])
  const [{ filename }] = JSON.parse(stdout)
  folder.tarball = join(folder.path, filename)
  await run('tar', ['-xzf', folder.tarball, '-C', folder.path])
  folder.unpacked = join(folder.path, 'package')
  return async () => {
    for (const clean of cleanUps) await clean()
  }
}, 60_000)

const listFiles = (path: string) => readdirSync(path, { recursive: true, encoding: 'utf8' })

test('the tarball has the built program, its documents and nothing else', () => {
  const others = listFiles(folder.unpacked).filter(
    (name) => !/^(bin|dist)($|\/)/.test(name) && !/^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(name),
  )
  expect(others).toEqual(['THIRD_PARTY_NOTICES'])
  expect(listFiles(join(folder.unpacked, 'dist')).filter((name) => !/\.js$/.test(name))).toEqual([])
})

test('the package has no dependencies and runs nothing when it is installed', () => {
  const packed = JSON.parse(readFileSync(join(folder.unpacked, 'package.json'), 'utf8'))
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies'])
    expect(packed).not.toHaveProperty(kind)
  for (const script of ['preinstall', 'install', 'postinstall', 'prepare'])
    expect(packed.scripts).not.toHaveProperty(script)
})

test('every chunk can be loaded from the package', async () => {
  const chunks = listFiles(join(folder.unpacked, 'dist')).filter((name) => name !== 'main.js')
  expect(chunks.length).toBeGreaterThan(3)
  const script = `for (const name of ${JSON.stringify(chunks)}) await import('./dist/' + name)`
  const options = { cwd: folder.unpacked, env: baseEnvironment() }
  // Each of them imports the entry, which runs once, with what follows the name of a program.
  const argv = ['--input-type=module', '-e', script, 'program', '--version']
  const { stdout, stderr } = await run(process.execPath, argv, options)
  expect({ stdout, stderr }).toEqual({ stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' })
})

test('the package has the licence of every bundled package', () => {
  const notices = readFileSync(join(folder.unpacked, 'THIRD_PARTY_NOTICES'), 'utf8')
  const named = Array.from(notices.matchAll(/^-{80}\n\n(\S+) \d+\.\d+\.\d+ \(.+\)\n\n\S/gm), ([, name]) => name)
  expect(named).toEqual(INLINED)
})

test('no second zod is bundled', () => {
  const dist = join(folder.unpacked, 'dist')
  expect(
    listFiles(dist).filter((name) => readFileSync(join(dist, name), 'utf8').includes('ZodFirstPartyTypeKind')),
  ).toEqual([])
})

test('a package without a licence text fails the build', () => {
  const bare = { 'package.json': JSON.stringify({ name: 'bare', version: '1.0.0', license: 'MIT' }) }
  expect(() => readNotice(makeFolder(bare))).toThrow('bare 1.0.0 is inlined but has no licence text')
  expect(() => readNotice(makeFolder({ ...bare, LICENSE: '\n' }))).toThrow('no licence text')
  expect(readNotice(makeFolder({ ...bare, license: 'Do as you like.\n' }))).toBe(
    'bare 1.0.0 (MIT)\n\nDo as you like.\n',
  )
})

test('only packages that reached the output count as bundled, nested ones separately', () => {
  const input = (bytesInOutput: number) => ({ bytesInOutput })
  const inputs = {
    'src/cli.ts': input(1),
    'node_modules/zod/v4/index.js': input(9),
    'node_modules/@scope/name/a.js': input(9),
    'node_modules/zod/node_modules/inner/b.js': input(9),
    'node_modules/dropped/c.js': input(0),
  }
  const outputs = { 'dist/cli.js': { inputs, imports: [], exports: [], bytes: 9 } }
  expect(findInlined({ inputs: {}, outputs })).toEqual(
    new Set(['node_modules/zod', 'node_modules/@scope/name', 'node_modules/zod/node_modules/inner']),
  )
})
