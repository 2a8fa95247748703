import { asObjects, type JsonObject, type ReadOperation, type Search } from '../operations/operation.ts'
import { CallError } from './errors.ts'

/** Every page is requested with the most records that Metronome returns. */
const PAGE_SIZE = 100
const MAX_PAGES = 100
const DEFAULT_LIMIT = 20
/** A search stops at the end of a page when so much of the call's budget is spent, so that a retry still fits. */
const BUDGET_SHARE = 0.5

export interface SearchCall {
  readonly op: ReadOperation
  readonly search: Search
  readonly args: JsonObject
  /** Budget of the call in milliseconds. */
  readonly timeoutMs: number
  /** Reads one page, with retries. Throws a `CallError` when it fails for good. */
  readonly read: (args: JsonObject) => Promise<JsonObject>
  readonly onProgress: (message: string) => void
}

/**
 * Reads the pages of a list one after the other and returns the records that match, in Metronome's shape and order, with
 * Metronome's own cursor of the page that would be read next. Throws when not even one page can be read.
 */
export async function searchPages({ op, search, args, timeoutMs, read, onProgress }: SearchCall): Promise<JsonObject> {
  const startedAt = performance.now()
  const { limit = DEFAULT_LIMIT, next_page: start, [search.argument]: _, ...filters } = args
  const isMatch = search.createFilter(args)
  const matches: JsonObject[] = []
  let records = 0
  let pages = 0
  let cursor = start
  let stopped: string | undefined

  while (stopped === undefined) {
    const page = await readPage()
    if (page === undefined) break
    const found = asObjects(page.data)
    matches.push(...found.filter(isMatch))
    records += found.length
    pages += 1
    cursor = page.next_page || null
    if (cursor === null) break
    onProgress(`${op.tool}: searched ${formatCount(records)} customers, ${matches.length} matches`)
    stopped = whyStop(Number(limit), matches.length, pages, performance.now() - startedAt, timeoutMs)
  }

  const scope = args.only_archived === true ? 'archived' : 'active'
  const from = start === undefined ? 'Searched' : 'From this page on, searched'
  const state =
    cursor === null
      ? 'the search is complete.'
      : `the search is not complete: ${stopped}. Pass next_page with the same arguments to go on.`
  return {
    data: matches,
    next_page: cursor ?? null,
    _note: `${from} ${formatCount(records)} ${scope} customers in ${pages} ${pages === 1 ? 'request' : 'requests'}: ${matches.length} ${matches.length === 1 ? 'match' : 'matches'}; ${state}`,
  }

  /** `undefined` when the page fails and there is something to return. */
  async function readPage(): Promise<JsonObject | undefined> {
    try {
      return await read({ ...filters, limit: PAGE_SIZE, ...(typeof cursor === 'string' && { next_page: cursor }) })
    } catch (error) {
      if (pages === 0 || !(error instanceof CallError) || error.code === 'cancelled') throw error
      stopped = `the next page failed (${error.message.replace(/\.$/, '')})`
      return undefined
    }
  }
}

function whyStop(limit: number, matches: number, pages: number, ms: number, timeoutMs: number): string | undefined {
  if (matches >= limit) return `${limit} matches were asked for`
  if (ms >= timeoutMs * BUDGET_SHARE) return 'half of the time for this call is used'
  return pages >= MAX_PAGES ? `${MAX_PAGES} pages were read` : undefined
}

const formatCount = (count: number): string => count.toLocaleString('en-US')
