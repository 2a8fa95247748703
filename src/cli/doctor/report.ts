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

export const ok = (check: string, message: string): CheckResult => ({ check, status: 'ok', message })

export const warning = (check: string, message: string, fix: string): CheckResult => ({
  check,
  status: 'warning',
  message,
  fix,
})

export const error = (check: string, message: string, fix: string): CheckResult => ({
  check,
  status: 'error',
  message,
  fix,
})

export const hasErrors = (results: readonly CheckResult[]): boolean => results.some(({ status }) => status === 'error')

const COLORS = { ok: 'green', warning: 'yellow', error: 'red' } as const

/** A line for each check, followed by the fix, and a summary. */
export function buildTextReport(results: readonly CheckResult[], hasColors: boolean): string {
  const statusWidth = 'warning'.length
  const checkWidth = Math.max(...results.map(({ check }) => check.length))
  const indent = ' '.repeat(statusWidth + checkWidth + 4)
  const paint = (text: string) =>
    hasColors ? styleText(COLORS[text.trim() as CheckResult['status']], text, { validateStream: false }) : text
  const lines = results.flatMap(({ check, status, message, fix }) => [
    `${paint(status.padEnd(statusWidth))}  ${check.padEnd(checkWidth)}  ${escapeInvisible(message)}`,
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
