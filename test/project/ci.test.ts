import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeFolder } from '../support/program.ts'

/** In the place of npm, npx and node: notes that it ran, writes the report of the tests, and fails for the words of FAIL. */
const STUB = `#!/bin/sh
case "$*" in
  -p*|-e*) exec "$REAL_NODE" "$@" ;;
  *outputFile.json=*) echo '{"numPassedTests": 7}' > "\${5#--outputFile.json=}" ;;
esac
[ -n "$FAIL" ] && case "$*" in *"$FAIL"*) exit 3 ;; esac
exit 0
`

function runCi(failing: string) {
  const folder = makeFolder()
  const bin = join(folder, 'bin')
  for (const path of ['.ci', 'bin']) mkdirSync(join(folder, path))
  copyFileSync('.ci/run', join(folder, '.ci/run'))
  for (const name of ['npm', 'npx', 'node']) {
    writeFileSync(join(bin, name), STUB)
    chmodSync(join(bin, name), 0o755)
  }
  const env = { PATH: bin + delimiter + process.env.PATH, REAL_NODE: process.execPath, FAIL: failing }
  const { status, stdout } = spawnSync('bash', ['.ci/run'], { cwd: folder, env, encoding: 'utf8' })
  return { status, lastLine: stdout.trim().split('\n').at(-1) }
}

describe.skipIf(process.platform === 'win32')('the last line of .ci/run', () => {
  test('counts the tests when every step passed', () => {
    expect(runCi('')).toEqual({ status: 0, lastLine: '7 passed, 0 failed' })
  })

  test.each([
    ['npm ci', 'ci --ignore-scripts'],
    ['biome', 'biome'],
    ['types', 'tsc'],
    ['npm test', 'outputFile.json'],
    ['package', 'publint'],
    ['budgets', 'budgets'],
    ['manifests', 'manifests'],
  ])('names the step %s when that failed', (step, failing) => {
    expect(runCi(failing)).toEqual({ status: 3, lastLine: `failed in step: ${step}` })
  })
})
