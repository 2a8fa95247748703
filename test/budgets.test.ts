import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'

const MAX_PACKED_BYTES = 300_000

test('the tarball stays small, and brings nothing for npm to install', () => {
  const listing = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { encoding: 'utf8' })
  const [packed] = Object.values(JSON.parse(listing)) as { size: number; files: { path: string }[] }[]
  expect(packed?.size).toBeGreaterThan(100_000)
  expect(packed?.size).toBeLessThan(MAX_PACKED_BYTES)
  const paths = packed?.files.map(({ path }) => path)
  expect(paths).toEqual(
    expect.arrayContaining(['bin/metronome-customers-mcp.js', 'bin/package.json', 'dist/start.cjs']),
  )
})
