import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { makeFolder } from '../support/program.ts'

const hasJq = spawnSync('jq', ['--version']).status === 0

const today = new Date().toISOString()
const LINES = [
  {
    call: 'a',
    phase: 'begin',
    at: today,
    tool: 'update-customer-name',
    arguments: { name: 'A' },
    idempotency_key: 'k1',
  },
  {
    call: 'a',
    phase: 'end',
    at: today,
    tool: 'update-customer-name',
    arguments: { name: 'A' },
    outcome: 'applied',
    caller: { client: { name: 'test' } },
  },
  { call: 'b', phase: 'begin', at: today, tool: 'archive-customer', arguments: { id: 'x' }, idempotency_key: 'k2' },
  { call: 'c', phase: 'begin', at: today, tool: 'archive-customer', arguments: { id: 'y' }, idempotency_key: 'k3' },
  {
    call: 'c',
    phase: 'end',
    at: today,
    tool: 'archive-customer',
    arguments: { id: 'y' },
    outcome: 'unknown',
    idempotency_key: 'k3',
  },
  { call: 'd', phase: 'single', at: today, tool: 'get-embeddable-customer-dashboard', outcome: 'applied' },
  ...[
    { call: 'e', phase: 'end', outcome: 'applied', confirmation: { by: 'form', ms: 731, result: 'accepted' } },
    { call: 'f', phase: 'end', outcome: 'applied', confirmation: { by: 'form', ms: 4_200, result: 'accepted' } },
    { call: 'g', phase: 'single', outcome: 'not_applied', confirmation: { by: 'form', ms: 3, result: 'cancelled' } },
  ].map((line) => ({
    at: '2026-01-01T00:00:00.000Z',
    tool: 'archive-customer',
    arguments: { id: line.call },
    ...line,
  })),
]

// Machines without jq have no use for the examples.
describe.runIf(hasJq)('the jq examples of docs/audit-log.md', () => {
  const commands = Array.from(
    readFileSync('docs/audit-log.md', 'utf8').matchAll(/```sh\n(jq .*?)\n```/gs),
    ([, command = '']) => command,
  )
  const folder = () => makeFolder({ 'audit.jsonl': LINES.map((line) => `${JSON.stringify(line)}\n`).join('') })
  const run = (command: string | undefined) => execFileSync('sh', ['-c', String(command)], { cwd: folder() }).toString()

  test('find what was changed today', () => {
    expect(run(commands[0])).toBe(
      `${today}\tupdate-customer-name\ttest\t${JSON.stringify({ name: 'A' }).replaceAll('\\', '\\\\')}\n`,
    )
  })

  test('find writes without an end', () => {
    expect(JSON.parse(run(commands[1]))).toMatchObject({ tool: 'archive-customer', idempotency_key: 'k2' })
  })

  test('find unknown outcomes', () => {
    expect(JSON.parse(run(commands[2]))).toMatchObject({ arguments: { id: 'y' }, idempotency_key: 'k3' })
  })

  test('find archives that were confirmed in under two seconds', () => {
    expect(JSON.parse(run(commands[3]))).toEqual({
      at: '2026-01-01T00:00:00.000Z',
      tool: 'archive-customer',
      arguments: { id: 'e' },
      outcome: 'applied',
      ms: 731,
      client: null,
    })
  })
})
