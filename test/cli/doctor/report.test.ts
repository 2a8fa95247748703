import { expect, test } from 'vitest'
import { buildTextReport, error, ok } from '../../../src/cli/doctor/report.ts'

const RESULTS = [ok('Node', '24.0.0'), error('npx', 'not found in PATH', 'Install npm.')]

test('a line for each check, its fix below, and a summary', () => {
  expect(buildTextReport(RESULTS, false)).toBe(
    'ok       Node  24.0.0\nerror    npx   not found in PATH\n               -> Install npm.\n\n1 problem found.\n',
  )
})

test('only the status has a color', () => {
  expect(buildTextReport(RESULTS, true)).toBe(
    buildTextReport(RESULTS, false)
      .replace('ok     ', '\u001b[32mok     \u001b[39m')
      .replace('error  ', '\u001b[31merror  \u001b[39m'),
  )
})
