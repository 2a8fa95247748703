import { execFile, execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
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

function runDemo(flags: string[] = [], environment: Record<string, string> = {}): Promise<Run> {
  const { FORCE_COLOR: _, ...inherited } = process.env
  return new Promise((resolve) => {
    const options = { env: { ...inherited, ...environment } }
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
    'list-customers {"search":"ACME"}',
    'Acme Robotics, customer d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc',
    expect.stringMatching(/^Created customer [0-9a-f-]{36}$/),
    'Rejected (409): customer d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc has the alias.',
    'Outcome: not_applied',
    'Bolt Analytics has it: bolt-prod, acme-prod',
    'To stripe, customer cus_bolt',
    'https://embeddable-dashboards.metronome.com/customers/invoices/v1',
    'Archived, with its Stripe configuration; this cannot be undone.',
    expect.stringMatching(/^update-customer-name: waiting .* attempt 3$/),
    'update-customer-name: no definitive response; verifying',
    expect.stringContaining('Outcome: applied'),
    '1 customer has the new name.',
    'Done: every step had the expected result.',
  ]
  for (const line of expected) expect(lines).toContainEqual(line)
  expect(stdout).not.toContain('token=')
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
})

test('docs/demo.svg shows the output of the demo (npm run docs)', () => {
  const folder = makeFolder({ output: recorded.stdout })
  execFileSync(process.execPath, ['scripts/demo-picture.mjs', join(folder, 'demo.svg'), join(folder, 'output')])
  expect(readFileSync(join(folder, 'demo.svg'), 'utf8')).toBe(readFileSync('docs/demo.svg', 'utf8'))
})

test('the demo explains its options, and rejects others', async () => {
  const help = await runDemo(['--help'])
  expect(help).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Usage: npm run demo.*--sandbox-faults/s) })
  expect(await runDemo(['--fault', 'x'])).toEqual({
    code: 2,
    stdout: '',
    stderr: "demo: Unknown option '--fault'; see npm run demo -- --help\n",
  })
})

test('the demo exits with 1 and the reason when a step fails, and has no colors in a pipe', async () => {
  const { code, stdout, stderr } = await runDemo(['--sandbox-faults', 'error-500'])
  expect(code).toBe(1)
  expect(stdout).not.toContain('\u001b[')
  expect(stderr).toMatch(/^The demo failed: expected that create-customer works, but it said: .*responded 500/m)
})

test('the demo reports an invalid fault in one line on stderr', async () => {
  const { code, stderr } = await runDemo(['--sandbox-faults', 'meteor'])
  expect(code).toBe(1)
  expect(stderr).toContain('metronome-customers-mcp: --sandbox-faults: fault 1 is invalid')
})
