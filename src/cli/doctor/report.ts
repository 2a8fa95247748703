import { styleText } from 'node:util'
import { escapeInvisible } from '../../sanitize.ts'
import { VERSION } from '../../version.ts'

/** What one check found. */
export interface CheckResult {
  readonly check: string
  /** Only an `error` has to be fixed. */
  readonly status: 'ok' | 'warning' | 'error'
  /** Never contains any part of a secret. */
  readonly message: string
  readonly fix?: string
}

const createResult =
  (status: CheckResult['status']) =>
  (check: string, message: string, fix?: string): CheckResult => ({ check, status, message, ...(fix && { fix }) })

export const ok = createResult('ok')
export const warning = createResult('warning')
export const error = createResult('error')

export const hasErrors = (results: readonly CheckResult[]): boolean => results.some(({ status }) => status === 'error')

const COLORS = { ok: 'green', warning: 'yellow', error: 'red' } as const

/** A line for each check, followed by the fix, and a summary. */
export function buildTextReport(results: readonly CheckResult[], hasColors: boolean): string {
  const statusWidth = 'warning'.length
  const checkWidth = Math.max(...results.map(({ check }) => check.length))
  const indent = ' '.repeat(statusWidth + checkWidth + 4)
  const paint = (status: CheckResult['status'], text: string) =>
    hasColors ? styleText(COLORS[status], text, { validateStream: false }) : text
  const lines = results.flatMap(({ check, status, message, fix }) => [
    `${paint(status, status.padEnd(statusWidth))}  ${check.padEnd(checkWidth)}  ${escapeInvisible(message)}`,
    ...(fix ? [`${indent}-> ${fix}`] : []),
  ])
  return [...lines, '', summarize(results), ''].join('\n')
}

function summarize(results: readonly CheckResult[]): string {
  const count = results.filter(({ status }) => status === 'error').length
  if (count === 0) return 'No problems found.'
  return count === 1 ? '1 problem found.' : `${count} problems found.`
}

export function buildJsonReport(results: readonly CheckResult[]): string {
  return `${JSON.stringify({ ok: !hasErrors(results), version: VERSION, checks: results }, null, 2)}\n`
}
