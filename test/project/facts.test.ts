import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FORM_TIMEOUT_MS, STATE_LIFETIME_MS } from '../../src/calls/guards/confirmation.ts'
import { DEFAULT_LIMIT, MAX_PAGES } from '../../src/calls/search.ts'
import { OPTIONS, VARIABLES } from '../../src/cli/config/options.ts'
import { MAX_BODY_KIB } from '../../src/http/body.ts'
import { MAX_MIB_IN_FLIGHT } from '../../src/http/byte-budget.ts'
import { CHECKS } from '../../src/http/guard.ts'
import { buildToolList } from '../../src/mcp/tool-list.ts'
import { parseBody } from '../../src/metronome/response.ts'
import { MAX_RETRIES, MAX_RETRY_AFTER_SECONDS, mayRetryRead } from '../../src/metronome/retry.ts'
import { operations } from '../../src/operations/index.ts'
import { PAGES, readPage, readRows } from '../support/docs.ts'

const TEXTS = [
  ...PAGES,
  'AGENTS.md',
  'GEMINI.md',
  'package.json',
  'server.json',
  'manifest.json',
  'gemini-extension.json',
]
const CALL_SECONDS = VARIABLES.METRONOME_TIMEOUT_MS.default / 1000
const SEVERAL = Array.from({ length: 300 }, (_, index) => 300 + index)

const find = (page: string, pattern: RegExp): string[] => {
  const flat = readFileSync(page, 'utf8').replaceAll(/\s+/g, ' ')
  return Array.from(flat.matchAll(new RegExp(pattern, 'g')), ([, found = '']) => found)
}

test('every text that counts the tools counts right', () => {
  const counts = TEXTS.flatMap((page) => find(page, /\b(\d+) (?:tools|operations|routes|names)\b/))
  expect(counts.length).toBeGreaterThan(5)
  expect(new Set(counts)).toEqual(new Set([String(operations.length)]))
})

test.each<[what: string, page: string, pattern: RegExp, number]>([
  ['attempts of a write', 'docs/write-outcomes.md', /A write is sent at most (\d+) times/, MAX_RETRIES + 1],
  ['retries of a read', 'docs/write-outcomes.md', /Reads are retried at most (\d+) times/, MAX_RETRIES],
  ['Retry-After', 'docs/write-outcomes.md', /`Retry-After` of at most (\d+) seconds/, MAX_RETRY_AFTER_SECONDS],
  ['time for a form', 'docs/safety.md', /no response within (\d+) seconds/, FORM_TIMEOUT_MS / 1000],
  ['life of a confirmation', 'docs/safety.md', /A confirmation counts for (\d+) minutes/, STATE_LIFETIME_MS / 60_000],
  ['matches of a search', 'docs/tools.md', /found \((\d+) unless given/, DEFAULT_LIMIT],
  ['pages of a search', 'docs/tools.md', /or after (\d+) pages/, MAX_PAGES],
  ['the largest body', 'docs/http.md', /413 above (\d+) KiB/, MAX_BODY_KIB],
  ['the largest body', 'deploy/nginx.conf', /client_max_body_size (\d+)k;/, MAX_BODY_KIB],
  ['the largest sum of bodies', 'docs/http.md', /would be larger than (\d+) MiB/, MAX_MIB_IN_FLIGHT],
  [
    'time of an idle connection',
    'docs/http.md',
    /`--keep-alive-seconds` \((\d+)\)/,
    OPTIONS['keep-alive-seconds'].default,
  ],
  ['time of a call', 'deploy/nginx.conf', /the budget of a call, which is (\d+) s/, CALL_SECONDS],
  ['the grace of a drain', 'docs/http.md', /`--drain-ms` \((\d+)\)/, OPTIONS['drain-ms'].default],
])('%s in %s is that of the code', (_, page, pattern, value) => {
  expect(find(page, pattern)).toEqual([String(value)])
})

test('deploy/nginx.conf waits longer for a response than a call takes', () => {
  const [seconds] = find('deploy/nginx.conf', /proxy_read_timeout (\d+)s;/)
  expect(Number(seconds)).toBeGreaterThan(CALL_SECONDS)
})

test('addresses of this machine have the ports of the code', () => {
  const ports = (pattern: RegExp) => new Set(PAGES.flatMap((page) => find(page, pattern)))
  expect(ports(/127\.0\.0\.1:(\d+)\/mcp/)).toEqual(new Set([String(OPTIONS.port.default)]))
  expect(ports(/127\.0\.0\.1:(\d+)(?:\/v1|\/openapi)/)).toEqual(new Set([String(OPTIONS['rest-port'].default)]))
})

test('docs/tools.md names no argument or field that no tool has', () => {
  const [prose = ''] = readFileSync('docs/tools.md', 'utf8').split('<!-- generated: tool-pages -->')
  const named = Array.from(prose.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g), ([, name = '']) => name)
  const tools = JSON.stringify(buildToolList())
  expect(named.length).toBeGreaterThan(1)
  expect(named.filter((name) => !tools.includes(`"${name}"`))).toEqual([])
})

test('docs/rest.md names the statuses of the checks of docs/http.md', () => {
  const [inRest = ''] = find('docs/rest.md', /those of the \[checks\]\(http\.md\) of each request \(([^)]+)\)/)
  const statuses = readRows(readPage('docs/http.md'), /^`/).flatMap(([check = '', response = '']) =>
    [...CHECKS.map(({ name }) => name), 'parse'].includes(check.slice(1, -1)) ? [response.slice(0, 3)] : [],
  )
  expect(inRest.match(/\d+/g)).toEqual(Array.from(new Set(statuses)).sort())
})

describe('the sentence about reads in docs/write-outcomes.md', () => {
  test('names the statuses after which they are retried', () => {
    const [sentence = ''] = find('docs/write-outcomes.md', /Reads are retried ([^.]+)\./)
    const named = Array.from(sentence.matchAll(/\b\d{3}\b/g), ([status]) => Number(status))
    const body = parseBody('{"message":"Bad thing"}')
    const retried = SEVERAL.filter((status) =>
      mayRetryRead([{ result: { kind: 'response', status, headers: new Headers(), body } }]),
    )
    expect(sentence).toContain('any 5xx')
    expect(retried).toEqual([...named, ...SEVERAL.filter((status) => status >= 500)])
  })
})

test('the map of AGENTS.md names files that exist, and what is in them', () => {
  const [, map = ''] = /## Map\n(.*?)\n## /s.exec(readFileSync('AGENTS.md', 'utf8')) ?? []
  for (const row of map.split('\n').filter((line) => line.startsWith('| ') && line.includes('`'))) {
    const quoted = Array.from((row.split('|')[2] ?? '').matchAll(/`([^`]+)`/g), ([, word = '']) => word)
    const folder = quoted.find((word) => word.startsWith('src/'))?.replace(/[^/]*$/, '') ?? ''
    const paths = quoted.filter((word) => /[/.]/.test(word) && !/[<*]/.test(word))
    const files = paths.map((path) => (existsSync(path) ? path : join(folder, path)))
    for (const file of files) expect(existsSync(file), file).toBe(true)
    const code = files
      .filter((file) => file.endsWith('.ts'))
      .map((file) => readFileSync(file, 'utf8'))
      .join('')
    for (const name of quoted.filter((word) => /^[A-Z_]+$|^(report|mayRetryRead)$/.test(word)))
      expect(code, row).toMatch(new RegExp(`\\b${name}\\b`))
  }
})
