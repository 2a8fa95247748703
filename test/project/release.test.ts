import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from '../support/program.ts'

const FILES = ['package.json', 'package-lock.json', 'manifest.json', 'server.json', 'gemini-extension.json']

function copyProject(changelog: string): string {
  const files = Object.fromEntries(FILES.map((file) => [file, readFileSync(file, 'utf8')]))
  return makeFolder({ ...files, 'CHANGELOG.md': changelog })
}

function release(folder: string, ...args: string[]) {
  return spawnSync(process.execPath, [resolve('scripts/release.mjs'), ...args], { cwd: folder, encoding: 'utf8' })
}

const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')
const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const CHANGES = '# Changelog\n\n## Unreleased\n\n### Added\n\n- A thing.\n\n## 0.0.9 - 2026-01-01\n\n- Before.\n'

test('a release gives every file the new version and nothing else', () => {
  const folder = copyProject(CHANGES)
  expect(release(folder, '98.7.6')).toMatchObject({ status: 0, stderr: '' })
  for (const file of FILES) {
    const before = readFileSync(file, 'utf8').split('\n')
    const changed = read(folder, file)
      .split('\n')
      .filter((line, index) => line !== before[index])
    expect(new Set(changed.map((line) => line.trim()))).toEqual(new Set(['"version": "98.7.6",']))
    expect(changed.length).toBe(['package-lock.json', 'server.json'].includes(file) ? 2 : 1)
  }
})

test('what was unreleased becomes a dated section, and its notes can be printed', () => {
  const folder = copyProject(CHANGES)
  release(folder, '98.7.6')
  expect(read(folder, 'CHANGELOG.md')).toMatch(
    /^# Changelog\n\n## Unreleased\n\n## 98\.7\.6 - \d{4}-\d\d-\d\d\n\n### Added\n\n- A thing\.\n\n## 0\.0\.9 - /,
  )
  expect(release(folder, '--notes', '98.7.6').stdout).toBe('### Added\n\n- A thing.\n')
})

test.each([
  ['a version that is not newer', version, CHANGES, 'after'],
  ['what is no version', 'v9.9', CHANGES, 'X.Y.Z'],
  ['a release of nothing', '98.7.6', '# Changelog\n\n## Unreleased\n\n## 0.0.9\n\n- Before.\n', 'nothing'],
])('%s is refused and changes no file', (_, next, changes, reason) => {
  const folder = copyProject(changes)
  const { status, stderr } = release(folder, next)
  expect(status).toBe(1)
  expect(stderr).toContain(reason)
  for (const file of FILES) expect(read(folder, file)).toBe(readFileSync(file, 'utf8'))
})
