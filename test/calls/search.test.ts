import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { foldText } from '../../src/operations/fold-text.ts'
import type { JsonObject } from '../../src/operations/json.ts'
import { customerSearch } from '../../src/operations/search-customers.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createHarness } from '../support/harness.ts'

interface MockOptions {
  /** Numbers of the requests that fail, counted from 0. */
  readonly failing?: ReadonlySet<number>
  readonly failure?: () => Response
  /** Records of a page; the server asks for 100. */
  readonly pageSize?: number
  /** Milliseconds that each request takes. */
  readonly requestMs?: number
  /** The body of each response in turn; the last one from then on. */
  readonly pages?: readonly JsonObject[]
}

/** list-customers against these customers, or customers with these names. */
function startList(list: readonly (string | JsonObject)[], options: MockOptions = {}) {
  const { failing = new Set(), failure = () => new Response('', { status: 503 }), pageSize = 100, pages } = options
  const customers = list.map((item, index) =>
    typeof item === 'string'
      ? { id: `customer-${index}`, name: item, ingest_aliases: [`alias-${index}`] }
      : { id: `customer-${index}`, name: `Customer ${index}`, ingest_aliases: [], ...item },
  )
  const requests: URLSearchParams[] = []
  const progress: string[] = []
  let time = 0
  const fetch = async (url: string) => {
    const { searchParams } = new URL(url)
    requests.push(searchParams)
    time += options.requestMs ?? 0
    if (failing.has(requests.length - 1)) return failure()
    if (pages) return Response.json(pages[Math.min(requests.length, pages.length) - 1])
    const start = Number(searchParams.get('next_page') ?? 0)
    const end = start + Math.min(pageSize, Number(searchParams.get('limit') ?? 25))
    return Response.json({ data: customers.slice(start, end), next_page: end < customers.length ? String(end) : null })
  }
  const { call, caller } = createHarness({
    upstream: { fetch, baseUrl: 'http://metronome.invalid' },
    timeoutMs: 45_000,
    clock: { now: () => time, sleep: async () => {} },
  })
  return {
    customers,
    requests,
    progress,
    list: (args: JsonObject, signal?: AbortSignal, onProgress = () => {}) =>
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
const idsOf = ({ data }: JsonObject) => (data as { id: string }[]).map(({ id }) => id) // the same

const numbered = (count: number, name = 'Other') => Array.from({ length: count }, (_, index) => `${name} ${index}`)

const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const ARCHIVED_NOT_SEARCHED = 'Archived customers were not searched: use only_archived true.'

describe('a search', () => {
  test('reads the pages with 100 records each and returns only the matches, in order', async () => {
    const names = numbered(1_340)
    names[3] = 'Meridian Freight'
    names[777] = 'MERIDIAN Labs'
    names[1_339] = 'The meridian'
    const { list, requests } = startList(names)
    const result = await list({ search: 'meridian', limit: 10 })
    expect(namesOf(result)).toEqual(['Meridian Freight', 'MERIDIAN Labs', 'The meridian'])
    expect(result.next_page).toBe(null)
    expect(result._note).toBe('3 matches; all 1,340 active customers were read.')
    expect(requests.map((query) => query.get('limit'))).toEqual(Array(14).fill('100'))
  })

  test('sends neither search nor missing, but the filters of Metronome', async () => {
    const { list, requests } = startList(['Acme'])
    await list({ search: 'acme', missing: ['custom_fields'], only_archived: true, salesforce_account_ids: ['a', 'b'] })
    expect(Object.fromEntries(requests[0] ?? [])).toEqual({
      limit: '100',
      only_archived: 'true',
      salesforce_account_ids: 'a,b',
    })
  })

  test('returns records untouched', async () => {
    const { list, customers } = startList(['Acme', 'Bolt'])
    const { data } = await list({ search: 'bolt' })
    expect(data).toEqual([customers[1]])
  })

  test('stops at the end of the page on which the limit is reached, and says why there are more matches', async () => {
    const { list, requests } = startList(numbered(500, 'Acme'))
    const result = await list({ search: 'acme', limit: 3 })
    expect(namesOf(result)).toHaveLength(100)
    expect(result.next_page).toBe('100')
    expect(result._note).toBe(
      '100 matches; 100 active customers were read. The search is not complete: limit 3 is reached. Pass next_page with the same arguments to continue. More than limit 3 are returned, because next_page can only point to the end of a page.',
    )
    expect(requests).toHaveLength(1)
  })

  test('says why there are more matches than the limit when there is no other page, too', async () => {
    const { list } = startList(numbered(5, 'Acme'))
    expect((await list({ search: 'acme', limit: 4 }))._note).toBe(
      '5 matches; all 5 active customers were read. More than limit 4 are returned, because next_page can only point to the end of a page.',
    )
    expect((await list({ search: 'acme', limit: 5 }))._note).toBe('5 matches; all 5 active customers were read.')
  })

  test('has a limit of 20 unless one is given', async () => {
    const names = [...numbered(80), ...numbered(20, 'Acme'), ...numbered(200)]
    expect((await startList(names).list({ search: 'acme' })).next_page).toBe('100')
    expect((await startList(names.slice(1)).list({ search: 'acme 1' })).next_page).toBe(null)
  })

  test('stops after 100 pages', async () => {
    const { list, requests } = startList(numbered(10_500))
    const result = await list({ search: 'acme' })
    expect(requests).toHaveLength(100)
    expect(result).toMatchObject({ data: [], next_page: '10000' })
    expect(result._note).toBe(
      '0 matches; 10,000 active customers were read. The search is not complete: 100 pages were read. Pass next_page with the same arguments to continue.',
    )
  })

  test('stops when half of the time for the call is used', async () => {
    const { list, requests } = startList(numbered(1_000), { requestMs: 6_000 })
    const result = await list({ search: 'acme' })
    expect(requests).toHaveLength(4)
    expect(result.next_page).toBe('400')
    expect(result._note).toContain('The search is not complete: half of the time for this call is used. Pass next_page')
  })

  test('returns what was found when a later page fails for good, with the cursor of that page', async () => {
    const failing = new Set([2, 3, 4])
    const { list } = startList(numbered(500, 'Acme'), { failing })
    const result = await list({ search: 'acme 19', limit: 100 })
    expect(result.next_page).toBe('200')
    expect(result._note).toMatch(
      /; 200 active customers were read\. .* not complete: the next page failed \(list-customers: Metronome responded 503/,
    )
  })

  test('retries a page like any read', async () => {
    const { list, requests } = startList(numbered(150, 'Acme'), { failing: new Set([1, 2]) })
    const result = await list({ search: 'acme', limit: 100 })
    expect(namesOf(result)).toHaveLength(100)
    expect((await list({ search: 'acme', next_page: '100' })).next_page).toBe(null)
    expect(requests.length).toBeGreaterThan(2)
  })

  test('does not wait for a long Retry-After', async () => {
    const failure = () => new Response('{"message":"slow down"}', { status: 429, headers: { 'retry-after': '60' } })
    const { list, requests } = startList(numbered(500), { failing: new Set([1]), failure })
    const result = await list({ search: 'acme' })
    expect(requests).toHaveLength(2)
    expect(result.next_page).toBe('100')
    expect(result._note).toContain('Wait 60 seconds')
  })

  test('is an error when not even the first page can be read', async () => {
    const { list } = startList(numbered(5), { failing: new Set([0, 1, 2]) })
    await expect(list({ search: 'acme' })).rejects.toMatchObject({ code: 'upstream_rejected', status: 503 })
  })

  test('stops at once when it is cancelled', async () => {
    const controller = new AbortController()
    const { list, requests, progress } = startList(numbered(5_000))
    const searching = list({ search: 'acme' }, controller.signal, () => {
      if (progress.length === 2) controller.abort()
    })
    await expect(searching).rejects.toMatchObject({ code: 'cancelled' })
    expect(requests).toHaveLength(2)
  })

  test('reports progress after each page but the last', async () => {
    const { list, progress } = startList(numbered(250))
    await list({ search: 'other 7', limit: 100 })
    expect(progress).toEqual([
      'list-customers: read 100 active customers, 11 matches',
      'list-customers: read 200 active customers, 11 matches',
    ])
  })

  test('lets other work run while it compares the records of a large page', async () => {
    const name = 'ﷺ'.repeat(2_000)
    const { list } = startList([], {
      pages: [{ data: Array.from({ length: 400 }, (_, id) => ({ id: `${id}`, name })) }],
    })
    let turns = 0
    const timer = setInterval(() => (turns += 1), 1)
    await list({ search: 'acme' })
    clearInterval(timer)
    expect(turns).toBeGreaterThan(3)
  })
})

describe('the pages of a search', () => {
  const page = (ids: readonly string[], next_page?: unknown) => ({
    data: ids.map((id) => ({ id, name: `Acme ${id}` })),
    next_page,
  })

  test.each([null, '', undefined])('end where next_page is %j', async (end) => {
    const { list, requests } = startList([], { pages: [page(['a'], 'x'), page(['b'], end)] })
    const result = await list({ search: 'acme' })
    expect(result).toMatchObject({ next_page: null, _note: '2 matches; all 2 active customers were read.' })
    expect(requests).toHaveLength(2)
  })

  test('may be empty and go on', async () => {
    const { list } = startList([], { pages: [page([], 'x'), page([], 'y'), page(['a'], null)] })
    expect(idsOf(await list({ search: 'acme' }))).toEqual(['a'])
  })

  test.each([
    ['the same cursor', [page(['a'], 'x'), page(['b'], 'x'), page(['c'], 'x')], ['a', 'b'], 2],
    [
      'two cursors in turn',
      [page(['a'], 'x'), page(['b'], 'y'), page(['c'], 'x'), page(['d'], 'y')],
      ['a', 'b', 'c'],
      3,
    ],
  ])('end as not complete at %s', async (_, pages, ids, count) => {
    const { list, requests } = startList([], { pages })
    const result = await list({ search: 'acme' })
    expect(idsOf(result)).toEqual(ids)
    expect(result.next_page).toBe(null)
    expect(result._note).toBe(
      `${count} matches; ${count} active customers were read. The search is not complete: Metronome returned the same next_page again, so the pages after it cannot be read.`,
    )
    expect(requests).toHaveLength(count)
  })

  test('end as not complete at the cursor that the search started with', async () => {
    const { list, requests } = startList([], { pages: [page(['a'], 'x'), page(['b'], 'y')] })
    const result = await list({ search: 'acme', next_page: 'x' })
    expect(result).toMatchObject({ next_page: null, _note: expect.stringContaining('not complete') })
    expect(requests).toHaveLength(1)
  })

  test('return a match once that is on two of them, with its place', async () => {
    const twice = { id: 'b', name: 'Bolt', ingest_aliases: ['acme'] }
    const [first, second] = [page(['a'], 'x'), page(['a', 'c'], null)]
    const { list } = startList([], {
      pages: [
        { ...first, data: [...first.data, twice] },
        { ...second, data: [twice, ...second.data] },
      ],
    })
    const result = await list({ search: 'acme' })
    expect(idsOf(result)).toEqual(['a', 'b', 'c'])
    expect(result._note).toMatch(/^3 matches; .* in the name: "Bolt" \(ingest alias\)\.$/)
  })

  test('may hold 170,000 matches', async () => {
    const ids = Array.from({ length: 170_000 }, (_, index) => index.toString(36))
    const data = ids.map((id) => ({ id, name: 'a' }))
    const { list } = startList([], { pages: [{ data }] })
    expect((await list({ search: 'a' })).data).toHaveLength(170_000)
  })

  test('keep their own notes', async () => {
    const data = [{ id: 'a', name: 'Acme', size: 'LARGE' }]
    const large = JSON.stringify({ data, next_page: 'x' }).replace('"LARGE"', '12345678901234567890')
    let count = 0
    const fetch = async () => new Response(count++ === 0 ? large : '{"data":[],"next_page":null}')
    const { call, caller } = createHarness({ upstream: { fetch, baseUrl: 'http://metronome.invalid' } })
    const { _note } = await call({ tool: 'list-customers', args: { search: 'acme' } }, caller)
    expect(_note).toBe(
      '1 match; all 1 active customers were read. Numbers with more digits than JavaScript can represent are given as text: "size".',
    )
  })
})

describe('_note says what was read', () => {
  test.each([
    ['', { search: 'acme' }, '1 match; all 139 active customers were read.'],
    [
      'after a cursor',
      { next_page: '100' },
      '1 match; from this page on, all 39 remaining active customers were read.',
    ],
    [
      'after a cursor',
      { next_page: '38' },
      '1 match; from this page on, 100 active customers were read. The search is not complete: limit 1',
    ],
    ['of archived ones', { only_archived: true }, '1 match; all 139 archived customers were read.'],
    [
      'with a filter',
      { ingest_alias: 'x' },
      '1 match; all 139 active customers that the filter lets through were read.',
    ],
    [
      'with a filter',
      { customer_ids: [ID] },
      '1 match; all 139 active customers that the filter lets through were read.',
    ],
    [
      'with a filter',
      { salesforce_account_ids: ['x'], next_page: '100' },
      '1 match; from this page on, all 39 remaining active customers that the filter lets through were read.',
    ],
    [
      'with no filter',
      { customer_ids: [], salesforce_account_ids: [] },
      '1 match; all 139 active customers were read.',
    ],
  ])('%s: %j', async (_, args, note) => {
    const names = numbered(139)
    names[120] = 'Acme'
    const { _note } = await startList(names).list({ search: 'acme', limit: 1, ...args })
    expect(String(_note).startsWith(note)).toBe(true)
  })

  test('and, when nothing matches, what was not', async () => {
    const { list } = startList(['Acme'])
    expect((await list({ search: 'bolt' }))._note).toBe(
      `0 matches; all 1 active customers were read. ${ARCHIVED_NOT_SEARCHED}`,
    )
    expect((await list({ search: 'bolt', only_archived: true }))._note).toBe(
      '0 matches; all 1 archived customers were read. Active customers were not searched: leave only_archived out.',
    )
  })
})

describe('a list without search', () => {
  test('is one request', async () => {
    const { list, requests } = startList(numbered(500))
    const result = await list({ limit: 7 })
    expect(result).toMatchObject({ next_page: '7' })
    expect(result).not.toHaveProperty('_note')
    expect(requests.map((query) => Object.fromEntries(query))).toEqual([{ limit: '7' }])
  })

  test.each([
    [{ ingest_alias: 'old-mill' }, ARCHIVED_NOT_SEARCHED],
    [{ customer_ids: [ID] }, ARCHIVED_NOT_SEARCHED],
    [{ salesforce_account_ids: ['x'], only_archived: false }, ARCHIVED_NOT_SEARCHED],
    [{ ingest_alias: 'x', only_archived: true }, 'Active customers were not searched: leave only_archived out.'],
  ])('says of an empty result by %j what was not searched', async (args, _note) => {
    expect(await startList([]).list(args)).toEqual({ data: [], next_page: null, _note })
  })

  test.each([
    ['without a filter', {}, { data: [], next_page: null }],
    ['on a further page', { ingest_alias: 'x', next_page: 'y' }, { data: [], next_page: null }],
    ['before another page', { ingest_alias: 'x' }, { data: [], next_page: 'y' }],
    ['with a match', { ingest_alias: 'x' }, { data: [{ id: 'a' }], next_page: null }],
  ])('adds nothing %s', async (_, args, body) => {
    expect(await startList([], { pages: [body] }).list(args)).toEqual(body)
  })
})

describe('a text is found', () => {
  const acme = {
    id: ID,
    name: 'Acme',
    external_id: 'first@acme.example',
    ingest_aliases: ['first@acme.example', 'acme-prod'],
    customer_config: { salesforce_account_id: '0015500001WO1ZiABL' },
    custom_fields: { segment: 'enterprise', sfdc_account_id: '0019900009' },
  }

  test.each([
    ['the name', 'CME', '1 match; all 1 active customers were read.'],
    ['half an alias', 'me-pr', 'Found elsewhere than in the name: "Acme" (ingest alias).'],
    ['the first alias', 'first@', 'Found elsewhere than in the name: "Acme" (ingest alias).'],
    ['the Salesforce account id', '01wo1ziabl', 'Found elsewhere than in the name: "Acme" (Salesforce account id).'],
    ['a custom field', '00199', 'Found elsewhere than in the name: "Acme" (custom field "sfdc_account_id").'],
  ])('in %s', async (_, search, note) => {
    const result = await startList([acme, 'Bolt']).list({ search })
    expect(idsOf(result)).toEqual([ID])
    expect(String(result._note).replace('all 2', 'all 1').endsWith(note)).toBe(true)
  })

  test('in an external id that is no alias', async () => {
    const { list } = startList([{ name: 'Acme', external_id: 'legacy-7' }])
    expect((await list({ search: 'legacy' }))._note).toContain('"Acme" (external id).')
  })

  test.each([
    ['the customer id', ID.slice(0, 8)],
    ['the key of a custom field', 'segment'],
    ['another field', '2024-01-08'],
    ['two fields together', 'acme first'],
  ])('not in %s', async (_, search) => {
    const { list } = startList([{ ...acme, external_id: ID.toUpperCase(), created_at: '2024-01-08T09:30:00.000Z' }])
    expect(idsOf(await list({ search }))).toEqual([])
  })

  test.each([
    ['société generale', 'Société  Générale', true],
    ['Acme ', 'Acme', true],
    ["O'Brien", 'O’Brien & Söhne', true],
    ['coca-cola', 'The Coca‑Cola Company', true],
    ['strasse', 'Straße 5', true],
    ['ı', 'I', false],
    ['🚀 co', 'Rocket 🚀 Co', true],
    ['a\u0000b', 'xA\u0000By', true],
    ['x'.repeat(200), `a${'x'.repeat(200)}`, true],
    ['longer than any name', 'name', false],
  ])('after the fold: %j in the name %j: %s', async (search, name, isFound) => {
    expect(namesOf(await startList([name]).list({ search }))).toEqual(isFound ? [name] : [])
  })

  test('in ten matches at most with the place, and the others are counted', async () => {
    const named = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ name: `N${index}`, ingest_aliases: ['acme'] }))
    const places = Array.from({ length: 10 }, (_, index) => `"N${index}" (ingest alias)`).join(', ')
    const start = 'Found elsewhere than in the name:'
    expect((await startList(named(10)).list({ search: 'acme' }))._note).toMatch(`${start} ${places}.`)
    expect((await startList(named(12)).list({ search: 'acme' }))._note).toMatch(`${start} ${places} and 2 more.`)
  })

  test.each([
    ['with a " and\nan order', String.raw`"with a \" and\nan order"`],
    ['hid\u202eden\u200b', String.raw`"hid\u{202e}den\u{200b}"`],
    ['🚀'.repeat(81), `"${'🚀'.repeat(80)}…"`],
    ['🚀'.repeat(80), `"${'🚀'.repeat(80)}"`],
  ])('with the name %j quoted', async (name, quoted) => {
    const { _note } = await startList([{ name, ingest_aliases: ['acme'] }]).list({ search: 'acme' })
    expect(_note).toContain(`in the name: ${quoted} (ingest alias)`)
  })
})

describe('customers that lack something', () => {
  const has = { ingest_aliases: ['a'], customer_config: { salesforce_account_id: 's' }, custom_fields: { a: 'b' } }

  test.each([
    ['ingest_aliases', [{ ingest_aliases: [] }, { ingest_aliases: undefined }]],
    [
      'salesforce_account_id',
      [
        { customer_config: { salesforce_account_id: null } },
        { customer_config: { salesforce_account_id: '' } },
        { customer_config: {} },
        { customer_config: null },
        { customer_config: undefined },
      ],
    ],
    ['custom_fields', [{ custom_fields: {} }, { custom_fields: null }, { custom_fields: undefined }]],
  ])('are those where %s is absent, null or empty', async (field, lacking) => {
    const { list, customers } = startList([has, ...lacking.map((record) => ({ ...has, ...record }))])
    expect(idsOf(await list({ missing: [field] }))).toEqual(idsOf({ data: customers.slice(1) }))
  })

  test('lack all that are named', async () => {
    const { list } = startList([
      { ...has, custom_fields: {} },
      { ...has, ingest_aliases: [], custom_fields: {} },
    ])
    expect(idsOf(await list({ missing: ['ingest_aliases', 'custom_fields'] }))).toEqual(['customer-1'])
    expect(idsOf(await list({ missing: ['ingest_aliases', 'salesforce_account_id', 'custom_fields'] }))).toEqual([])
  })

  test('have the text too, when one is given', async () => {
    const { list } = startList([{ name: 'Acme', ingest_aliases: [] }, { name: 'Bolt' }, { name: 'Acme', ...has }])
    expect(idsOf(await list({ missing: ['ingest_aliases'], search: 'acme' }))).toEqual(['customer-0'])
  })
})

test.each([
  ["o'brien & sohne", 'O’Brien & Söhne'],
  ['rock-paper ', 'Rock\u2011Paper Studios'],
  ['"blue harbor"', '“Blue Harbor” Media'],
  ['orsted - lodz duric', 'Ørsted – Łódź Đurić Energy'],
  ['STRASSE', 'Große Straße Logistik'],
  ['ΠΑΠΠΑΣ', 'Παππάς Τρόφιμα'],
  ['tokyo data', 'Ｔｏｋｙｏ Ｄａｔａ'],
  ['novastream labs', 'Nova\u00adstream\u200b Labs'],
  ['two rivers water', 'Two  Rivers\u00a0Water '],
  ['YAZıLıM', 'Işık Yazılım'],
  ['0015500001WX5Rp', 'Rock\u2011Paper Studios'],
])('on the sandbox %j finds %j', async (search, name) => {
  const { call, caller } = createHarness({ upstream: createSandbox() })
  expect(namesOf(await call({ tool: 'list-customers', args: { search } }, caller))).toEqual([name])
})

test.each([
  { name: null, ingest_aliases: null, external_id: null, custom_fields: null, customer_config: null },
  {
    name: 5,
    ingest_aliases: 'acme',
    external_id: {},
    custom_fields: ['acme'],
    customer_config: { salesforce_account_id: 1 },
  },
  { ingest_aliases: [null, 5, { acme: 'acme' }], custom_fields: { acme: null } },
])('a record such as %j has no text, and breaks no search', (record) => {
  const match = customerSearch.createMatcher({ search: 'acme' })
  expect(match({ id: ID, ...record, custom_fields: null })).toBe(undefined)
  expect(match({ id: ID, ...record, customer_config: { salesforce_account_id: 'acme' } })?.place).toMatch(/account id/)
})

test('records with null in the place of their fields are searched like any other', async () => {
  const empty = { id: ID, name: null, ingest_aliases: null, custom_fields: null, customer_config: null }
  const { list } = startList([], { pages: [{ data: [empty, { id: 'b', name: 'Acme' }], next_page: null }] })
  expect(idsOf(await list({ search: 'acme' }))).toEqual(['b'])
  expect(idsOf(await list({ missing: ['ingest_aliases', 'custom_fields'] }))).toEqual([ID, 'b'])
})

test.each([
  { search: '' },
  { search: '\u0301' },
  { search: ' \u200b\n' },
  { search: 'x'.repeat(201) },
  { search: 5.5 },
  { missing: [] },
  { missing: ['name'] },
  { missing: ['ingest_aliases', 'custom_fields', 'salesforce_account_id', 'custom_fields'] },
  { name_contains: 'acme' },
])('%j is invalid', async (args) => {
  const { list, requests } = startList(['Acme'])
  await expect(list(args)).rejects.toMatchObject({ code: 'invalid_arguments' })
  expect(requests).toEqual([])
})

test('a text that folds to nothing is rejected with the reason', async () => {
  await expect(startList([]).list({ search: '\u200b' })).rejects.toThrow(
    'search must have a character that is not white space, an accent or invisible',
  )
})

const name = fc.constantFrom('Acme', 'acme EU', 'ÁCME', 'Bolt', 'Meridian', '', 'A  c m e')

test('following next_page to the end finds every match once, in order', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.tuple(name, fc.integer({ min: 0, max: 150 })), { maxLength: 30 }),
    fc.constantFrom('acme', 'e', 'bolt ', 'zzz', ' C M'),
    fc.integer({ min: 1, max: 100 }),
    fc.constantFrom(7, 50, 100),
    fc.array(fc.nat(60), { maxLength: 6 }),
    async (runs, search, limit, pageSize, failing) => {
      const names = runs.flatMap(([each, count]) => Array<string>(count).fill(each)).slice(0, 2_500)
      const { list, customers } = startList(
        names.map((each) => ({ name: each })),
        { pageSize, failing: new Set(failing) },
      )
      const found: unknown[] = []
      let next_page: unknown
      do {
        const args: JsonObject = { search, limit, ...(typeof next_page === 'string' && { next_page }) }
        const result = await list(args).catch(() => ({ data: [], next_page: next_page ?? '0' }))
        found.push(...(result.data as unknown[])) // the mock's records
        next_page = result.next_page
      } while (next_page !== null)
      expect(found).toEqual(customers.filter((customer) => foldText(customer.name).includes(foldText(search))))
    },
  )
  await fc.assert(property, { numRuns: 200, seed: 20261125 })
}, 60_000)
