import { execFile } from 'node:child_process'
import { expect, test } from 'vitest'
import { operations } from '../../src/operations/index.ts'

interface Run {
  readonly code: number | string | null | undefined
  readonly stdout: string
  readonly stderr: string
}

function runDemo(...flags: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['scripts/demo.mjs', ...flags], (error, stdout, stderr) => {
      resolve({ code: error ? error.code : 0, stdout, stderr })
    })
  })
}

test('the demo runs every step and exits with 0', async () => {
  const { code, stdout, stderr } = await runDemo()
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout.split('\n').map((line) => line.trim())
  expect(lines.filter((line) => /^(reads|writes) /.test(line))).toHaveLength(operations.length)
  const expected = [
    'Metronome customers (sandbox): no account, no key, no network.',
    'Acme Robotics, customer d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc',
    expect.stringMatching(/^Created customer [0-9a-f-]{36}$/),
    'Rejected (409): the alias belongs to customer d7abd0cd-4ae9-4db7-8676-e986a4ebd8dc.',
    'Now called Bolt Analytics Europe',
    'Removed there first, then added here: bolt-prod, acme-prod',
    'To stripe, customer cus_bolt',
    'https://embeddable-dashboards.metronome.com/customers/invoices/v1',
    'Archived, with its Stripe configuration; this cannot be undone.',
    expect.stringContaining('Outcome: applied'),
    'Done: every step had the expected result.',
  ]
  for (const line of expected) expect(lines).toContainEqual(line)
  expect(stdout).not.toContain('token=')
  expect(stdout).not.toContain('{')
})

test('the demo exits with 1 and the reason when a step fails', async () => {
  const { code, stderr } = await runDemo('--sandbox-faults', 'error-500')
  expect(code).toBe(1)
  expect(stderr).toMatch(/^\nThe demo failed: expected that create-customer works, but it said: .*responded 500/)
})

test('the demo reports an invalid fault in one line on stderr', async () => {
  const { code, stderr } = await runDemo('--sandbox-faults', 'meteor')
  expect(code).toBe(1)
  expect(stderr).toContain('metronome-customers-mcp: --sandbox-faults: fault 1 is invalid')
})
