import { execFile, execFileSync } from 'node:child_process'
import { cpSync, readFileSync, symlinkSync } from 'node:fs'
import { join, resolve as resolvePath } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { beforeAll, expect, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { makeFolder } from '../support/program.ts'

interface Run {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

function runDemo(flags: string[] = [], environment: Record<string, string> = {}, cwd = '.'): Promise<Run> {
  const { FORCE_COLOR: _, ...inherited } = process.env
  return new Promise((resolve) => {
    const options = { env: { ...inherited, ...environment }, cwd }
    execFile(process.execPath, ['scripts/demo.mjs', '--no-build', ...flags], options, (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr })
    })
  })
}

let recorded: Run
beforeAll(async () => {
  recorded = await runDemo([], { FORCE_COLOR: '1' })
})

test('the demo runs every step, shows its calls and exits with 0', () => {
  const { code, stderr } = recorded
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const stdout = stripVTControlCharacters(recorded.stdout)
  const lines = stdout.split('\n').map((line) => line.trim())
  const expected = [
    'Metronome customers (sandbox): no account, no key, no network.',
    expect.stringMatching(`^${operations.length} tools: \\d+ read, \\d+ write\\.$`),
    '1. Create a customer while every response is lost: does it exist?',
    'create-customer {"name":"Bolt Analytics","ingest_aliases":["bolt-prod"]}',
    expect.stringMatching(/^create-customer: waiting .* attempt 3$/),
    'create-customer: no definitive response; verifying',
    'Outcome: applied',
    'It exists, and it was created once.',
    '2. Create one without an alias, and finish it under its key',
    'Outcome: unknown',
    expect.stringMatching(/^create-customer {"name":"Nova Freight","idempotency_key":"\w{8}…"}$/),
    'It was created once.',
    'list-customers {"search":"ACME"}',
    'Acme Robotics, customer d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc',
    '"stripe_collection_method":"charge_automatically"}}]}',
    'Its invoices go to stripe, customer cus_bolt',
    'Rejected (409): customer d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc has the alias.',
    'Outcome: not_applied',
    '"ingest_aliases":["bolt-prod","acme-prod"]}',
    'Bolt Analytics has it: bolt-prod, acme-prod',
    expect.stringMatching(/^fetch-billing-provider-configurations-customer .*,$/),
    '"include_archived":true}',
    'Archived, and its Stripe configuration with it; this cannot be undone.',
    'Done: every step had the expected result.',
  ]
  for (const line of expected) expect(lines).toContainEqual(line)
  // The owner of the production alias stays.
  const archived = stdout.match(/archive-customer \{"id":"(\w{8})…/)?.[1]
  expect(stdout.match(/create-update-customer-ingest-aliases \{"customer_id":"\w{8}/g)?.join()).not.toContain(archived)
  expect(
    Math.max(
      ...stdout
        .split('\n')
        .filter((line) => !line.includes('.js"'))
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(80)
})

test('the demo ends with a configuration that starts this clone', () => {
  const { stdout } = recorded
  const { mcpServers } = JSON.parse(stdout.slice(stdout.indexOf('\n{'), stdout.lastIndexOf('}') + 1))
  expect(mcpServers.metronome).toEqual({
    command: 'node',
    args: [resolvePath('bin/metronome-customers-mcp.js'), '--sandbox'],
  })
  expect(stdout).toMatch(/start with "--read-only"\nin the place of "--sandbox"\.\n$/)
})

test('docs/demo.svg shows the output of the demo (npm run docs)', () => {
  const folder = makeFolder({ output: recorded.stdout })
  execFileSync(process.execPath, ['scripts/demo-picture.mjs', join(folder, 'demo.svg'), join(folder, 'output')])
  // Ids, times and waits are those of the demo that was drawn.
  const [drawn, committed] = [join(folder, 'demo.svg'), 'docs/demo.svg'].map((path) =>
    readFileSync(path, 'utf8').replace(/\b[0-9a-f]{8}(?=…|-)[0-9a-f-]*|\d{4}-\d\d-\d\dT[\d:.]+Z|waiting [\d.]+ s/g, ''),
  )
  expect(drawn).toBe(committed)
})

test('the demo explains its options, and rejects others', async () => {
  const help = await runDemo(['--help'])
  expect(help).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: npm run demo.*--no-build/s) })
  expect(await runDemo(['--fault', 'x'])).toEqual({
    code: 2,
    stdout: '',
    stderr: "demo: Unknown option '--fault'; see npm run demo -- --help\n",
  })
})

test('green and the lost response do not stand in one line', () => {
  const green = recorded.stdout.split('\n').filter((line) => line.includes('\u001b[32m'))
  expect(green.map((line) => stripVTControlCharacters(line).trim())).toEqual([
    'Outcome: applied',
    'Done: every step had the expected result.',
  ])
})

test('the demo exits with 1 and the reason when a step fails, and has no colors in a pipe', async () => {
  const clone = makeFolder({ 'package.json': '{"type":"module"}' })
  for (const part of ['bin', 'scripts/demo.mjs']) cpSync(part, join(clone, part), { recursive: true })
  symlinkSync(resolvePath('node_modules'), join(clone, 'node_modules'))
  const { code, stdout, stderr } = await runDemo([], {}, clone)
  expect(code).toBe(1)
  expect(stderr).toMatch(/not built yet.*\nThe demo failed: .*Connection closed/s)
  expect(stdout).not.toContain('\u001b[')
})
