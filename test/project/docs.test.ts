import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse as parseToml } from 'smol-toml'
import { describe, expect, test } from 'vitest'
import { IS_PUBLISHED, startWords, writeSetUp } from '../../scripts/set-up.ts'
import type { OptionSpec } from '../../src/cli/config/command-line.ts'
import { OPTIONS, VARIABLES, type VariableSpec } from '../../src/cli/config/options.ts'
import { WRITE_RULES } from '../../src/metronome/retry.ts'
import { operations } from '../../src/operations/index.ts'
import { PAGES, readPage, readRows } from '../support/docs.ts'
import { baseEnvironment, makeFolder, PROGRAM } from '../support/program.ts'

test('generated parts of the documentation are current (npm run docs)', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/docs.mjs', '--check'], { encoding: 'utf8' })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test('the first 50 lines of the README have what a newcomer needs', () => {
  const screen = readPage('README.md').split('\n').slice(0, 50).join(' ')
  const needs = [
    'not official',
    '`not_applied`',
    '--sandbox',
    '--read-only',
    'API tokens',
    'git clone',
    'npm run build',
  ]
  for (const need of [...needs, 'print-config claude-code --sandbox | sh', 'claude -p']) expect(screen).toContain(need)
})

describe('until the package is on npm', () => {
  const START = /npx (-y )?metronome-customers-mcp|"-y",\s+"metronome-customers-mcp|add-mcp metronome/

  test.runIf(!IS_PUBLISHED)('no page starts it with npx, but under "Once published"', () => {
    // The owner tries the package at its release.
    for (const page of PAGES.filter((page) => page !== 'docs/releasing.md')) {
      const sections = readPage(page).split(/^(?=##+ )/m)
      const starting = sections.filter((section) => START.test(section))
      expect({ page, titles: starting.map((section) => section.split('\n')[0]?.replace(/^#+ /, '')) }).toEqual({
        page,
        titles: starting.map(() => 'Once published'),
      })
    }
  })

  test('one switch gives the package the first place', () => {
    const before = writeSetUp(false, String, String)
    const after = writeSetUp(true, String, String)
    expect(before).toMatch(/^```sh\ngit clone .*### Once published\n\n\*\*Not before that/s)
    expect(after).toMatch(/^Put this into .*### From a clone\n\n```sh\ngit clone /s)
    expect(after).not.toContain('Not before')
    expect(startWords(false).join(' ')).toBe('node /path/to/metronome-customers-mcp/bin/metronome-customers-mcp.js')
    expect(startWords(true).join(' ')).toBe('npx -y metronome-customers-mcp')
    expect(readPage('docs/releasing.md')).toContain('In `scripts/set-up.ts` set `IS_PUBLISHED` to `true`')
  })
})

describe.each(PAGES)('%s', (page) => {
  test('links have a target', () => {
    const targets = Array.from(readPage(page).matchAll(/\]\((?!https?:)([^)\s]+)\)/g), ([, target = '']) => target)
    const dead = targets.filter((target) => {
      const [path = '', anchor] = target.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      return !existsSync(file) || (anchor && !readPage(file).includes(`\n## ${anchor}\n`))
    })
    expect(dead).toEqual([])
  })

  test('files of the repository that it names exist, and have the names that are said to be in them', () => {
    const text = readPage(page).replace(/\s+/g, ' ')
    for (const [, path = ''] of text.matchAll(/`((?:src|test|bench|scripts|deploy|skills)\/[\w./-]+)`/g))
      expect(existsSync(path), path).toBe(true)
    for (const [, name = '', path = ''] of text.matchAll(/`(\w+)` in `((?:src|bench|scripts)\/[\w./-]+\.\w+)`/g))
      expect(readPage(path), path).toMatch(new RegExp(`\\b${name}\\b`))
  })

  test('samples of JSON and TOML parse', () => {
    for (const [, language, sample = ''] of readPage(page).matchAll(/```(json|toml)\n(.*?)```/gs))
      expect(() => (language === 'json' ? JSON.parse(sample) : parseToml(sample))).not.toThrow()
  })

  test('commands of this program work as written', () => {
    const written = Array.from(
      readPage(page).matchAll(/`(?:npx -y )?metronome-customers-mcp ([^`\n]+)`/g),
      ([, words = '']) => words.replace('CLIENT', 'cursor').split(' '),
    )
    for (const words of written) {
      // This one serves until it is stopped.
      const help = words[0] === 'sandbox' ? ['--help'] : []
      const { status, stderr } = spawnSync(process.execPath, [PROGRAM, ...words, ...help], {
        encoding: 'utf8',
        input: '',
        cwd: makeFolder(),
        env: baseEnvironment({ HOME: makeFolder() }),
      })
      // Here doctor reports that there is no key.
      expect({ words, status, stderr }).toMatchObject({ status: words[0] === 'doctor' ? 1 : 0 })
    }
  })

  test('npm scripts that it mentions exist', () => {
    const { scripts } = JSON.parse(readPage('package.json'))
    const named = Array.from(readPage(page).matchAll(/npm run ([\w:]+)/g), ([, name = '']) => name)
    expect(named.filter((name) => !(name in scripts))).toEqual([])
  })
})

describe('docs/write-outcomes.md', () => {
  const page = readPage('docs/write-outcomes.md')

  test('shows the retry rules of the code', () => {
    const first = new Set(WRITE_RULES.map(({ when }) => when))
    const rows = readRows(page, /./).filter(([cell = '']) => first.has(cell))
    expect(rows).toEqual(
      WRITE_RULES.map(({ when, retry, effect }) => [
        when,
        { always: 'yes', never: 'no', after_ambiguous: 'after an ambiguous attempt' }[retry],
        effect,
      ]),
    )
  })

  test('shows how each tool that writes is verified, and no other', () => {
    const named = readRows(page, /^`[a-z]+-[a-z-]+`/).map(([cell = '']) => cell.match(/`([a-z-]+)`/)?.[1])
    const writing = operations.filter(({ kind }) => kind === 'write').map(({ tool }) => tool)
    expect(new Set(named)).toEqual(new Set(writing))
  })
})

describe('docs/configuration.md', () => {
  test('documents every variable that the code reads, and no other', () => {
    const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'src/cli/*.ts'], {
      encoding: 'utf8',
    })
      .trim()
      .split('\n')
    const used = new Set(files.flatMap((file) => readPage(file).match(/\bMETRONOME_[A-Z_]*[A-Z]\b/g) ?? []))
    const documented = new Set(readPage('docs/configuration.md').match(/\bMETRONOME_[A-Z_]*[A-Z]\b/g))
    expect(documented).toEqual(used)
  })

  test.each([
    ...Object.entries<OptionSpec>(OPTIONS).map(([name, spec]) => [`--${name}`, spec] as const),
    ...Object.entries<VariableSpec>(VARIABLES),
  ])('shows the default of %s, or that it has none', (name, spec) => {
    const [, help = ''] = readPage('docs/configuration.md').split('<!-- generated: help -->')
    const entry = new RegExp(`^ {2}${name}\\b.*(?:\\n {33}.*)*`, 'm').exec(help)?.[0].replaceAll(/\s+/g, ' ') ?? ''
    expect(entry).toContain(name)
    const shown = /\(default ([^)\s]+)\)$/.exec(entry)?.[1]
    expect(shown).toBe('default' in spec && spec.default !== undefined ? String(spec.default) : undefined)
  })
})
