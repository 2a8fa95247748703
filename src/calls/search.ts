import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../metronome/retry.ts'
import { asObjects, type JsonObject } from '../operations/json.ts'
import type { Matcher, ReadOperation, Search } from '../operations/operation.ts'
import { CallError } from './errors.ts'

/** Every page is requested with the most records that Metronome returns. */
const PAGE_SIZE = 100
export const MAX_PAGES = 100
export const DEFAULT_LIMIT = 20
/** A search stops at the end of a page when so much of the call's time is used, so that a retry still fits. */
const TIME_SHARE = 0.5
/** Other calls get a turn after so many milliseconds of comparing records. */
const MAX_TURN_MS = 10
const MAX_PLACES = 10

export interface SearchCall {
  readonly op: ReadOperation
  readonly search: Search
  readonly args: JsonObject
  readonly clock: Pick<Clock, 'now'>
  /** When the call must have ended, on the clock. */
  readonly deadline: number
  /** Reads one page, with retries. Throws a `CallError` when it fails for good. */
  readonly read: (args: JsonObject) => Promise<JsonObject>
  readonly onProgress: (message: string) => void
}

/** What a search has found so far. */
interface Findings {
  /** How many records were read. */
  count: number
  /** By id: pages may overlap while records are added and removed. */
  readonly matches: Map<unknown, JsonObject>
  /** Where the text was found when it was not in the name. */
  readonly places: string[]
  /** What the pages say about themselves. */
  readonly notes: Set<string>
  /** Cursor of the page that would be read next; null at the end. */
  cursor: unknown
  /** Why the search ended before the last page. */
  stopped?: string
}

/**
 * Reads the pages of a list one after the other and returns the records that match, in Metronome's shape and order, with
 * Metronome's own cursor of the page that would be read next. Throws when not even one page can be read.
 */
export async function searchPages(call: SearchCall): Promise<JsonObject> {
  const { limit = DEFAULT_LIMIT, next_page: cursor = null, ...others } = call.args
  const filters = Object.entries(others).filter(([name]) => !call.search.arguments.includes(name))
  const findings: Findings = { count: 0, matches: new Map(), places: [], notes: new Set(), cursor }
  await readPages(call, Object.fromEntries(filters), Number(limit), findings)
  return {
    data: Array.from(findings.matches.values()),
    next_page: findings.cursor,
    _note: writeNote(call, Number(limit), findings),
  }
}

async function readPages(call: SearchCall, filters: JsonObject, limit: number, findings: Findings): Promise<void> {
  const { op, search, args, clock, deadline, onProgress } = call
  const match = search.createMatcher(args)
  const { records } = search.describeScope(args)
  const startedAt = clock.now()
  const stopAt = startedAt + (deadline - startedAt) * TIME_SHARE
  const seen = new Set<unknown>()
  for (let pages = 1; findings.stopped === undefined; pages++) {
    const { cursor } = findings
    seen.add(cursor)
    try {
      const page = await call.read({ ...filters, limit: PAGE_SIZE, ...(cursor !== null && { next_page: cursor }) })
      await collect(page, match, findings)
    } catch (error) {
      if (pages === 1 || !(error instanceof CallError) || error.code === 'cancelled') throw error
      findings.stopped = `the next page failed (${error.message.replace(/\.$/, '')})`
      return
    }
    if (findings.cursor === null) return
    onProgress(`${op.tool}: read ${formatCount(findings.count)} ${records}, ${countMatches(findings)}`)
    if (seen.has(findings.cursor)) {
      findings.cursor = null
      findings.stopped = 'Metronome returned the same next_page again, so the pages after it cannot be read'
    } else if (findings.matches.size >= limit) findings.stopped = `limit ${limit} is reached`
    else if (clock.now() >= stopAt) findings.stopped = 'half of the time for this call is used'
    else if (pages === MAX_PAGES) findings.stopped = `${MAX_PAGES} pages were read`
  }
}

/** Adds the matches of a page, each once. */
async function collect(page: JsonObject, match: Matcher, findings: Findings): Promise<void> {
  let turnStartedAt = performance.now()
  for (const record of asObjects(page.data)) {
    findings.count += 1
    const found = match(record)
    if (found && !findings.matches.has(record.id)) {
      findings.matches.set(record.id, record)
      if (found.place !== undefined) findings.places.push(found.place)
    }
    if (performance.now() - turnStartedAt < MAX_TURN_MS) continue
    await nextTurn()
    turnStartedAt = performance.now()
  }
  if (typeof page._note === 'string') findings.notes.add(page._note)
  // Metronome's SDK takes an empty cursor for the end, too.
  findings.cursor = page.next_page || null
}

function writeNote(call: SearchCall, limit: number, findings: Findings): string {
  const sentences = [
    describeReading(call, findings),
    ...(findings.matches.size > limit
      ? [`More than limit ${limit} are returned, because next_page can only point to the end of a page.`]
      : []),
    ...describePlaces(findings.places),
    ...findings.notes,
  ]
  return sentences.join(' ')
}

/** States what was read, never that something does not exist. */
function describeReading({ search, args }: SearchCall, findings: Findings): string {
  const { records, excluded } = search.describeScope(args)
  const isContinued = 'next_page' in args
  const read = `${formatCount(findings.count)} ${isContinued && !findings.stopped ? 'remaining ' : ''}${records}`
  const start = `${countMatches(findings)}; ${isContinued ? 'from this page on, ' : ''}`
  if (findings.stopped !== undefined) {
    const advice = findings.cursor === null ? '' : ' Pass next_page with the same arguments to continue.'
    return `${start}${read} were read. The search is not complete: ${findings.stopped}.${advice}`
  }
  return `${start}all ${read} were read.${findings.matches.size > 0 ? '' : ` ${excluded}`}`
}

function describePlaces(places: readonly string[]): string[] {
  if (places.length === 0) return []
  const others = places.length > MAX_PLACES ? ` and ${places.length - MAX_PLACES} more` : ''
  return [`Found elsewhere than in the name: ${places.slice(0, MAX_PLACES).join(', ')}${others}.`]
}

/** An empty page of a filtered list says which records the filter was not applied to. */
export function noteOnEmptyList(search: Search, args: JsonObject, body: JsonObject): JsonObject {
  const isWholeList = !body.next_page && !('next_page' in args)
  if (!isWholeList || asObjects(body.data).length > 0) return body
  const { isFiltered, excluded } = search.describeScope(args)
  return isFiltered ? { ...body, _note: excluded } : body
}

function countMatches({ matches }: Findings): string {
  return `${formatCount(matches.size)} ${matches.size === 1 ? 'match' : 'matches'}`
}

const formatCount = (count: number): string => count.toLocaleString('en-US')
