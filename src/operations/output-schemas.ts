import * as z from 'zod'

/** The response's envelope; `data` is all that every response with a body promises. */
export function response<Data extends z.ZodType>(data: Data) {
  return z.looseObject({ data })
}

/** Metronome answers 200 without a body; callers receive `{"success": true}`. */
export const noContent = z.looseObject({})

export const customer = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  ingest_aliases: z.array(z.string()).optional(),
})

export const customerDetail = z.looseObject({
  ...customer.shape,
  archived_at: z.string().nullable().optional(),
})

/** A billing or revenue configuration, as the fetch and set operations return it. */
export const configuration = z.looseObject({
  id: z.string(),
  archived_at: z.string().nullable().optional(),
})
