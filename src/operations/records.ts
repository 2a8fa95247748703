import * as z from 'zod'

/** The answer's envelope; `data` is all that every answer with a body promises. */
export function reply<Data extends z.ZodType>(data: Data) {
  return z.looseObject({ data })
}

export const customer = z.looseObject({
  id: z.string(),
  name: z.string().optional(),
  ingest_aliases: z.array(z.string()).optional(),
})

export const customerDetail = z.looseObject({
  ...customer.shape,
  archived_at: z.string().nullable().optional(),
})

/** A configuration of either kind, as the fetch and set operations return it. */
export const configuration = z.looseObject({
  id: z.string(),
  archived_at: z.string().nullable().optional(),
})
