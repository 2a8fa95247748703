import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/operations/operation.ts'
import { createHarness } from '../support/harness.ts'

interface MockOptions {
  /** Numbers of the requests that fail, counted from 0. */
  readonly failing?: ReadonlySet<number>
  readonly failure?: () => Response
  /** Records of a page; the server asks for 100. */
  readonly pageSize?: number
  readonly timeoutMs?: number
}

/** list-customers against customers with these names. */
function startList(names: readonly string[], options: MockOptions = {}) {
  const { failing = new Set(), failure = () => new Response('', { status: 503 }), pageSize = 100 } = options
  const customers = names.map((name, index) => ({ id: `customer-${index}`, name, ingest_aliases: [`alias-${index}`] }))
  const requests: URLSearchParams[] = []
  const progress: string[] = []
  const fetch = async (url: string) => {
    const { searchParams } = new URL(url)
    requests.push(searchParams)
    if (failing.has(requests.length - 1)) return failure()
    const start = Number(searchParams.get('next_page') ?? 0)
    const end = start + Math.min(pageSize, Number(searchParams.get('limit') ?? 25))
    return Response.json({ data: customers.slice(start, end), next_page: end < customers.length ? String(end) : null })
  }
  const { call, caller } = createHarness({
    upstream: { fetch, baseUrl: 'http://metronome.invalid' },
    timeoutMs: options.timeoutMs ?? 45_000,
  })
  return {
    customers,
    requests,
    progress,
    search: (args: JsonObject, signal?: AbortSignal, onProgress = () => {}) =>
      call({ tool: 'list-customers', args }, caller, {
        signal,
        onProgress(message) {
          progress.push(message)
          onProgress()
        },
      }),
  }
}

const namesOf = ({ data }: JsonObject) => (data as { name: string }[]).map(({ name }) => name) // the mock's records

const numbered = (count: number, name = 'Other') => Array.from({ length: count }, (_, index) => `${name} ${index}`)

describe('a search by name', () => {
  test('reads the pages with 100 records each and returns only the matches, in order', async () => {
    const names = numbered(1_340)
    names[3] = 'Meridian Freight'
    names[777] = 'MERIDIAN Labs'
    names[1_339] = 'The meridian'
    const { search, requests } = startList(names)
    const result = await search({ name_contains: 'meridian', limit: 10 })
    expect(namesOf(result)).toEqual(['Meridian Freight', 'MERIDIAN Labs', 'The meridian'])
    expect(result.next_page).toBe(null)
    expect(result._note).toBe('Searched 1,340 active customers in 14 requests: 3 matches; the search is complete.')
    expect(requests.map((query) => query.get('limit'))).toEqual(Array(14).fill('100'))
    expect(requests.some((query) => query.has('name_contains'))).toBe(false)
  })

  test('passes the other filters on', async () => {
    const { search, requests } = startList(['Acme'])
    const result = await search({ name_contains: 'acme', only_archived: true, salesforce_account_ids: ['a', 'b'] })
    expect(Object.fromEntries(requests[0] ?? [])).toEqual({
      limit: '100',
      only_archived: 'true',
      salesforce_account_ids: 'a,b',
    })
    expect(result._note).toContain('1 archived customers in 1 request: 1 match;')
  })

  test('returns records and cursor untouched', async () => {
    const { search, customers } = startList(['Acme', 'Bolt'])
    const { data } = await search({ name_contains: 'bolt' })
    expect(data).toEqual([customers[1]])
  })

  test('stops at the end of the page on which the limit is reached', async () => {
    const { search, requests } = startList(numbered(500, 'Acme'))
    const first = await search({ name_contains: 'acme', limit: 3 })
    expect(namesOf(first)).toHaveLength(100)
    expect(first.next_page).toBe('100')
    expect(first._note).toBe(
      'Searched 100 active customers in 1 request: 100 matches; the search is not complete: 3 matches were asked for. Pass next_page with the same arguments to go on.',
    )
    const second = await search({ name_contains: 'acme', limit: 3, next_page: '400' })
    expect(second._note).toBe(
      'From this page on, searched 100 active customers in 1 request: 100 matches; the search is complete.',
    )
    expect(requests).toHaveLength(2)
  })

  test('stops after 100 pages', async () => {
    const { search, requests } = startList(numbered(10_500))
    const result = await search({ name_contains: 'acme' })
    expect(requests).toHaveLength(100)
    expect(result).toMatchObject({ data: [], next_page: '10000' })
    expect(result._note).toContain('the search is not complete: 100 pages were read.')
  })

  test('returns what was found when a later page fails for good, with the cursor of that page', async () => {
    const failing = new Set([2, 3, 4])
    const { search } = startList(numbered(500, 'Acme'), { failing })
    const result = await search({ name_contains: 'acme 19', limit: 100 })
    expect(result.next_page).toBe('200')
    expect(result._note).toMatch(/^Searched 200 .*the next page failed \(list-customers: Metronome responded 503/)
  })

  test('retries a page like any read', async () => {
    const { search, requests } = startList(numbered(150, 'Acme'), { failing: new Set([1, 2]) })
    const result = await search({ name_contains: 'acme', limit: 100 })
    expect(namesOf(result)).toHaveLength(100)
    expect((await search({ name_contains: 'acme', next_page: '100' })).next_page).toBe(null)
    expect(requests.length).toBeGreaterThan(2)
  })

  test('does not wait for a long Retry-After', async () => {
    const failure = () => new Response('{"message":"slow down"}', { status: 429, headers: { 'retry-after': '60' } })
    const { search, requests } = startList(numbered(500), { failing: new Set([1]), failure })
    const result = await search({ name_contains: 'acme' })
    expect(requests).toHaveLength(2)
    expect(result.next_page).toBe('100')
    expect(result._note).toContain('Wait 60 seconds')
  })

  test('is an error when not even the first page can be read', async () => {
    const { search } = startList(numbered(5), { failing: new Set([0, 1, 2]) })
    await expect(search({ name_contains: 'acme' })).rejects.toMatchObject({ code: 'upstream_rejected', status: 503 })
  })

  test('stops at once when it is cancelled', async () => {
    const controller = new AbortController()
    const { search, requests, progress } = startList(numbered(5_000))
    const searching = search({ name_contains: 'acme' }, controller.signal, () => {
      if (progress.length === 2) controller.abort()
    })
    await expect(searching).rejects.toMatchObject({ code: 'cancelled' })
    expect(requests).toHaveLength(2)
  })

  test('reports progress after each page', async () => {
    const { search, progress } = startList(numbered(250))
    await search({ name_contains: 'other 7' })
    expect(progress).toEqual([
      expect.stringMatching(/^list-customers: searched 100 customers, \d+ matches$/),
      expect.stringMatching(/^list-customers: searched 200 customers, \d+ matches$/),
    ])
  })
})

test('without name_contains a list is one request', async () => {
  const { search, requests } = startList(numbered(500))
  expect(await search({ limit: 7 })).toMatchObject({ next_page: '7' })
  expect(requests.map((query) => Object.fromEntries(query))).toEqual([{ limit: '7' }])
})

test.each([
  ['société generale', 'Société  Générale', true],
  ['SOCIE', 'société', true],
  ['straße', 'Straße 5', true],
  ['strasse', 'Straße 5', false],
  ['istanbul', 'İstanbul', true],
  ['ı', 'I', false],
  ['i', 'I', true],
  ['ﬁn', 'Finance', true],
  ['a\tb', 'A B', true],
  ['🚀 co', 'Rocket 🚀 Co', true],
  ['a\u0000b', 'xA\u0000By', true],
  ['x'.repeat(160), 'x'.repeat(160), true],
  ['longer than any name', 'name', false],
])('%j in the name %j: %s', async (name_contains, name, isFound) => {
  const { search } = startList([name])
  expect(namesOf(await search({ name_contains }))).toEqual(isFound ? [name] : [])
})

test.each(['', '\u0301', 'x'.repeat(161), true])('%j is not a valid name_contains', async (name_contains) => {
  const { search, requests } = startList(['Acme'])
  await expect(search({ name_contains })).rejects.toMatchObject({ code: 'invalid_arguments' })
  expect(requests).toEqual([])
})

const name = fc.constantFrom('Acme', 'acme EU', 'ÁCME', 'Bolt', 'Meridian', '', 'A  c m e')

test('following next_page to the end finds every match once, in order', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(name, fc.integer({ min: 0, max: 150 })), { maxLength: 30 }),
    fc.constantFrom('acme', 'e', 'bolt', 'zzz', ' '),
    fc.integer({ min: 1, max: 100 }),
    fc.constantFrom(7, 50, 100),
    fc.array(fc.nat(60), { maxLength: 6 }),
    async (runs, name_contains, limit, pageSize, failing) => {
      const names = runs.flatMap(([each, count]) => Array<string>(count).fill(each)).slice(0, 2_500)
      const { search, customers } = startList(names, { pageSize, failing: new Set(failing) })
      const found: unknown[] = []
      let next_page: unknown
      do {
        const args: JsonObject = { name_contains, limit, ...(typeof next_page === 'string' && { next_page }) }
        const result = await search(args).catch(() => ({ data: [], next_page: next_page ?? '0' }))
        found.push(...(result.data as unknown[])) // the mock's records
        next_page = result.next_page
      } while (next_page !== null)
      const fold = (text: string) => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase().replace(/\s+/g, ' ')
      expect(found).toEqual(customers.filter((customer) => fold(customer.name).includes(fold(name_contains))))
    },
  )
  await fc.assert(property, { numRuns: 200, seed: 20261125 })
}, 60_000)
