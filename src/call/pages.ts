import { CallError } from '../calls/errors.ts'
import { asObjects, type JsonObject } from '../operations/json.ts'
import { createLimits, type LimitsOptions } from './limits.ts'

export const PAGE_SIZE = 100

export interface PagesRun extends LimitsOptions {
  readonly args: JsonObject
  readonly call: (args: JsonObject) => Promise<JsonObject>
  readonly onRecord: (record: JsonObject) => Promise<void>
}

/** Reads every page. Throws when one fails, or would come again. */
export async function readPages({ args, call, onRecord, ...options }: PagesRun): Promise<void> {
  const { waitForAll, waitAfter } = createLimits(options)
  const seen = new Set<unknown>()
  const pauses = {}
  let cursor: unknown
  do {
    await waitForAll()
    try {
      const page = await call({ ...args, limit: PAGE_SIZE, ...(seen.size > 0 && { next_page: cursor }) })
      await waitAfter(undefined, pauses)
      for (const record of asObjects(page.data)) await onRecord(record)
      cursor = page.next_page || undefined
      if (seen.has(cursor)) throw new Error('Metronome returned the cursor of a page that was read already.')
      seen.add(cursor)
    } catch (error) {
      const isLimited = error instanceof CallError && error.status === 429
      if (!isLimited || !(await waitAfter(error, pauses))) throw error
    }
  } while (cursor !== undefined || seen.size === 0)
}
