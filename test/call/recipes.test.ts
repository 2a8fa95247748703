import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { OPTIONS } from '../../src/cli/call/options.ts'
import type { OptionSpec } from '../../src/cli/config/command-line.ts'
import { OPTIONS as SERVER_OPTIONS } from '../../src/cli/config/options.ts'
import { operations } from '../../src/operations/index.ts'
import { createStore } from '../../src/sandbox/store.ts'
import { readPage, readRows } from '../support/docs.ts'
import { type AtEnd, baseEnvironment, makeFolder, PROGRAM, startProgram } from '../support/program.ts'

// A recipe starts the program several times.
vi.setConfig({ testTimeout: 60_000 })

const page = readPage('docs/bulk.md')
const sections = new Map(
  page.split(/^##+ /m).map((section) => [section.slice(0, section.indexOf('\n')), section] as const),
)
const samples = Object.fromEntries(
  Array.from(page.matchAll(/`([\w-]+\.csv)`:\n\n```csv\n(.*?)```/gs), ([, name = '', text = '']) => [name, text]),
)
const findBlocks = (text: string): string[] => Array.from(text.matchAll(/```sh\n(.*?)```/gs), ([, block = '']) => block)
const readBlocks = (title: string): string[] => findBlocks(sections.get(title) ?? '')

const active = Array.from(createStore().customers.values()).filter(({ archived_at }) => archived_at === null)
// Windows has no such links.
const hasTools =
  process.platform !== 'win32' && ['bash', 'jq'].every((name) => spawnSync(name, ['--version']).status === 0)

interface Shell {
  readonly folder: string
  readonly env: Record<string, string>
}

/** A folder with the samples of the page, in which the program is called as the page calls it. */
function openShell(env: Record<string, string>, atEnd: AtEnd = onTestFinished): Shell {
  const folder = makeFolder(samples, atEnd)
  mkdirSync(join(folder, 'bin'))
  symlinkSync(PROGRAM, join(folder, 'bin/metronome-customers-mcp'))
  const { PATH = '', ...others } = baseEnvironment({ ...env, METRONOME_LOG: 'off' })
  return { folder, env: { ...others, PATH: `${join(folder, 'bin')}${delimiter}${PATH}` } }
}

function runShell({ folder, env }: Shell, script: string) {
  const args = ['-euo', 'pipefail', '-c', script]
  const { status, stdout, stderr } = spawnSync('bash', args, { cwd: folder, env, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Starts the command `sandbox`. */
async function startSandbox(args: readonly string[], atEnd: AtEnd = onTestFinished): Promise<string> {
  const { child } = startProgram({ args: ['sandbox', ...args] }, atEnd)
  const [address] = await once(child.stdout.setEncoding('utf8'), 'data')
  return String(address).trim()
}

interface Customer {
  readonly id: string
  readonly name: string
  readonly ingest_aliases: readonly string[]
  readonly customer_config: { readonly salesforce_account_id: string | null }
}

describe.runIf(hasTools)('the recipes of docs/bulk.md, one after the other on a sandbox,', () => {
  const titles = Array.from(page.slice(page.indexOf('\n## Recipes')).matchAll(/^### (.*)/gm), ([, title = '']) => title)
  const results = new Map<string, ReturnType<typeof runShell>>()
  const customers = new Map<string, Customer>()
  const state: { shell?: Shell; archived: string[] } = { archived: [] }
  const read = (name: string) => readFileSync(join(state.shell?.folder ?? '', name), 'utf8')

  beforeAll(async () => {
    const cleanUps: Parameters<AtEnd>[0][] = []
    const atEnd: AtEnd = (clean) => void cleanUps.unshift(clean)
    const baseUrl = await startSandbox(['--port', '0'], atEnd)
    const shell = openShell({ METRONOME_BASE_URL: baseUrl, METRONOME_API_KEY: 'rehearsal' }, atEnd)
    state.shell = shell
    for (const title of titles) results.set(title, runShell(shell, readBlocks(title).join('')))
    const list = async (query: string): Promise<Customer[]> => {
      const response = await fetch(`${baseUrl}/v1/customers?limit=100${query}`, {
        headers: { authorization: 'Bearer rehearsal' },
      })
      return ((await response.json()) as { data: Customer[] }).data
    }
    for (const customer of await list('')) customers.set(customer.name, customer)
    state.archived = (await list('&only_archived=true')).map(({ name }) => name)
    return async () => {
      for (const clean of cleanUps) await clean()
    }
  }, 180_000)

  test.each(titles)('%s: every command ends with 0', (title) => {
    expect(results.get(title)).toMatchObject({ status: 0, stderr: expect.not.stringContaining('Nothing was sent') })
  })

  test('import the rows of a CSV, with the Salesforce ids that were carried', () => {
    expect(customers.get('Juniper Works')).toMatchObject({ ingest_aliases: ['juniper'] })
    expect(customers.get('Bolt Analytics')?.customer_config.salesforce_account_id).toBe('0015500001XB1BoAAL')
  })

  test('find the customers without a billing configuration', () => {
    const lines = results.get('Customers without a billing configuration')?.stdout.trim().split('\n') ?? []
    const billed = new Set(Array.from(createStore().billing.values(), ({ customer_id }) => customer_id))
    const expected = [...active.filter(({ id }) => !billed.has(id)).map(({ name }) => name)]
    expect(lines.map((line) => line.split('\t')[1]).sort()).toEqual(
      [...expected, 'Bolt Analytics', 'Juniper Works', 'Test Import'].sort(),
    )
  })

  test('find what is missing, different and extra in Metronome', () => {
    const lines = results.get('Reconcile a CRM export by Salesforce id')?.stdout.trim().split('\n') ?? []
    const known = ['0015500001WO1ZiABL', '0015500001WP2HbAAL']
    const extra = active
      .map(({ name, salesforce_account_id }) => [salesforce_account_id, name])
      .filter(([id]) => id && !known.includes(id))
    // Rows come as they finish.
    const expected = [
      'missing\t0015500001XX0ZzAAL\tKestrel Mills',
      'missing\t\tLoose Ends Ltd',
      'different\t0015500001WP2HbAAL\tHarborline Freight Inc.\tHarborline Freight',
      ...[...extra, ['0015500001XB1BoAAL', 'Bolt Analytics']].map(([id, name]) => `extra\t${id}\t${name}`),
    ]
    expect(lines.sort()).toEqual(expected.sort())
  })

  test('rename the customers, and keep what undoes it', () => {
    const renamed = Array.from(customers.keys()).filter((name) => /Tidepool|Seahorse/.test(name))
    expect(renamed).toEqual(['Seahorse Games'])
    const undo = read('undo.ndjson').trim().split('\n')
    expect(undo.map((line) => JSON.parse(line).name)).toEqual(['Tidepool Games', 'Tidepool Games'])
  })

  test('move the aliases of a prefix from all their holders', () => {
    expect(customers.get('Harborline Freight')?.ingest_aliases).toEqual([])
    expect(customers.get('Bolt Analytics')?.ingest_aliases).toEqual(['bolt-prod', 'harborline', 'harborline-staging'])
  })

  test('archive the test customers and no other', () => {
    const before = Array.from(createStore().customers.values()).filter(({ archived_at }) => archived_at !== null)
    expect(state.archived.sort()).toEqual([...before.map(({ name }) => name), 'Test Import'].sort())
  })

  test('export active and archived customers and their billing', () => {
    const count = (name: string) => read(name).trim().split('\r\n').length - 1
    expect(count('finance.csv')).toBe(active.length + 2)
    expect(count('finance-archived.csv')).toBe(state.archived.length)
    expect(count('finance-billing.csv')).toBe(active.length + 3)
    expect(read('finance-billing.csv')).toMatch(/^row,arguments\.customer_id,carried\._name,/)
  })
})

test.runIf(hasTools)('the rehearsal of docs/bulk.md ends with every row once, though it is killed', async () => {
  const [start = '', first = '', rest = '', ...others] = readBlocks('Rehearsal')
  const [, , ...args] = start.trim().replace('4010', '0').split(' ')
  const baseUrl = await startSandbox(args)
  const shell = openShell({})
  const script = first.replace('http://127.0.0.1:4010', baseUrl)
  const child = spawn('bash', ['-c', script], { cwd: shell.folder, env: shell.env, detached: true })
  await once(child.stdout, 'data')
  process.kill(-Number(child.pid), 'SIGKILL')
  await once(child, 'close')
  const [setUp = ''] = script.split('\n')
  const end = runShell(shell, [setUp, rest, ...others].join('\n'))
  expect(end.stdout.split('\n')).toContain(String(active.length + 1000))
  expect(readPage('docs/bulk.md')).toContain(`That prints ${active.length + 1000}: `)
  expect(end.stderr).toMatch(/^1000 rows: \d+ applied, \d+ already applied, 0 failed, 0 unknown, 0 not started/m)
  expect(end).toMatchObject({ status: 0, stdout: expect.stringContaining('{"faults":"","seed":1}') })
})

describe('the skill', () => {
  const folder = 'skills/metronome-customers'
  const skill = readPage(`${folder}/SKILL.md`)
  const [, head = ''] = /^---\n(.*?)\n---\n/s.exec(skill) ?? []

  test('has a name, that of its folder, a description, and less than 120 lines', () => {
    expect(parseYaml(head)).toEqual({
      name: basename(folder),
      description: expect.stringMatching(/^Manage many customers.{100,1000}$/),
    })
    expect(skill.split('\n').length).toBeLessThan(120)
  })

  test('names tools that exist', () => {
    const named = Array.from(skill.matchAll(/\bcall ([a-z]+(?:-[a-z]+)+)/g), ([, name]) => name)
    expect(named.filter((name) => !operations.some(({ tool }) => tool === name))).toEqual([])
    expect(named.length).toBeGreaterThan(5)
  })

  test.runIf(hasTools)('has commands that work one after the other', async () => {
    const shell = openShell({
      METRONOME_BASE_URL: await startSandbox(['--port', '0']),
      METRONOME_API_KEY: 'rehearsal',
    })
    expect(runShell(shell, findBlocks(skill).join(''))).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('"Kestrel Mills"'),
      stderr: expect.not.stringContaining('Nothing was sent'),
    })
    expect(readFileSync(join(shell.folder, 'rename.ndjson'), 'utf8').split('\n')).toHaveLength(3)
  })
})

describe('the options in docs/bulk.md', () => {
  const own = Object.entries<OptionSpec>(OPTIONS).filter(([name]) => name === 'help' || !(name in SERVER_OPTIONS))

  test('are those of the command, with their defaults', () => {
    const rows = readRows(page, /^`--/)
    expect(rows.map(([cell = '']) => /--([a-z-]+)/.exec(cell)?.[1]).sort()).toEqual(own.map(([name]) => name).sort())
    for (const [name, spec] of own) {
      const [, meaning = ''] = rows.find(([cell]) => cell?.includes(`--${name} `) || cell === `\`--${name}\``) ?? []
      const shown = /default `?([\w.]+)`?/.exec(meaning)?.[1]
      expect([name, shown]).toEqual([name, 'default' in spec ? String(spec.default) : undefined])
    }
  })

  test('are followed by those of the server that hold', () => {
    const [, sentence = ''] = /These options of the server hold here(.*?)\n\n/s.exec(page) ?? []
    const named = Array.from(sentence.matchAll(/`--([a-z-]+)`/g), ([, name]) => name)
    expect(named).toEqual(Object.keys(OPTIONS).filter((name) => name !== 'help' && name in SERVER_OPTIONS))
  })
})
