import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const SOURCE = 'src'
const MAX_LINES = 200

/** What each room of the house may import, beside itself and the leaves. */
const MAY_SEE: Readonly<Record<string, readonly string[]>> = {
  operation: [],
  operations: ['operation'],
  upstream: ['operation', 'operations', 'config'],
  mcp: ['operation', 'operations', 'upstream', 'http'],
  rest: ['operation', 'operations', 'upstream', 'http'],
  sandbox: ['operation', 'operations', 'upstream'],
  http: [],
  config: [],
  start: [],
  setup: ['operation', 'operations', 'commands.ts'],
  doctor: ['operation', 'operations', 'upstream', 'config', 'setup', 'commands.ts', 'open-upstream.ts'],
  library: ['operation', 'operations', 'upstream', 'config', 'mcp', 'open-upstream.ts'],
}
/** Files that import nothing of ours, or only each other. */
const LEAVES = [
  'callers.ts',
  'flag-reader.ts',
  'flags.ts',
  'lazy.ts',
  'log.ts',
  'loopback.ts',
  'redact.ts',
  'text.ts',
  'program-error.ts',
  'version.ts',
]
/** Between these only types. */
const TYPES_ONLY = ['sandbox > upstream', 'upstream > config', 'setup > commands.ts', 'doctor > commands.ts']

interface Import {
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
const textOf = (file: string) => readFileSync(join(SOURCE, file), 'utf8')
const roomOf = (file: string) => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')

const IMPORT = /^(?:import|export)\s+(type\s)?[^'";]*?from '(\.[^']+)'|import\('(\.[^']+)'\)|^import '(\.[^']+)'/gm
const imports: readonly Import[] = files.flatMap((from) =>
  Array.from(textOf(from).matchAll(IMPORT), ([, type, ...paths]) => ({
    from,
    to: relative(SOURCE, join(SOURCE, dirname(from), paths.find(Boolean) ?? '')),
    isType: type !== undefined,
  })),
)

const show = ({ from, to }: Import) => `${from} imports ${to}`

test('there are imports to look at, and each names a file', () => {
  expect(imports.length).toBeGreaterThan(100)
  expect(imports.filter(({ to }) => !files.includes(to)).map(show)).toEqual([])
})

test('rooms import in one direction', () => {
  const wrong = imports.filter(({ from, to, isType }) => {
    const [room, seen] = [roomOf(from), roomOf(to) || to]
    if (room === '' || room === seen || LEAVES.includes(to)) return false
    return !MAY_SEE[room]?.includes(seen) || (TYPES_ONLY.includes(`${room} > ${seen}`) && !isType)
  })
  expect(wrong.map(show)).toEqual([])
})

test('leaves import leaves only, and nothing imports the entries', () => {
  const fromLeaves = imports.filter(({ from, to }) => LEAVES.includes(from) && !LEAVES.includes(to))
  const ofEntries = imports.filter(({ to }) => ['index.ts', 'cli.ts', 'start/start.ts'].includes(to))
  expect([...fromLeaves, ...ofEntries].map(show)).toEqual([])
})

test('no file imports itself in a circle', () => {
  const nextOf = (file: string) => imports.filter(({ from, isType }) => from === file && !isType)
  const circles = files.filter((start) => {
    const seen = new Set<string>()
    const open = [start]
    for (let file = open.pop(); file; file = open.pop()) {
      for (const { to } of nextOf(file)) {
        if (to === start) return true
        if (!seen.has(to)) open.push(to)
        seen.add(to)
      }
    }
    return false
  })
  expect(circles).toEqual([])
})

test(`no file of the source is longer than ${MAX_LINES} lines`, () => {
  expect(files.filter((file) => textOf(file).split('\n').length > MAX_LINES + 1)).toEqual([])
})

test('only the entries read the process', () => {
  const readers = files.filter((file) => /\bprocess\.\w|\bconsole\.|from 'node:process'/.test(textOf(file)))
  expect(readers.filter((file) => file !== 'cli.ts' && roomOf(file) !== 'start')).toEqual([])
})

test('no adapter asks which operation it holds', () => {
  const asking = files.filter((file) => ['mcp', 'rest'].includes(roomOf(file)) && /\.tool [!=]==/.test(textOf(file)))
  expect(asking).toEqual([])
})
