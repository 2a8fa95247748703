import { escapeControls } from '../text.ts'
import type { Finding } from './finding.ts'

/** A line for each finding, and below it what to do. */
export function writeTextReport(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, verdict, saw, fix }) => [
    `${verdict.padEnd(4)}  ${check.padEnd(width)}  ${escapeControls(saw)}`,
    ...(fix ? [`${' '.repeat(width + 8)}-> ${fix}`] : []),
  ])
  const failures = findings.filter(({ verdict }) => verdict === 'fail').length
  const summary = failures === 0 ? 'Nothing has to be done.' : `To be done: ${failures}.`
  return [...lines, '', summary, ''].join('\n')
}

export function writeJsonReport(version: string, findings: readonly Finding[]): string {
  const ok = findings.every(({ verdict }) => verdict !== 'fail')
  return `${JSON.stringify({ ok, version, findings }, null, 2)}\n`
}
