import type { Refusal } from './route.ts'

const MAX_BODY_MIB = 1
const MAX_BODY_BYTES = MAX_BODY_MIB * 1024 * 1024

export const TOO_LARGE: Refusal = {
  status: 413,
  message: `The body is larger than ${MAX_BODY_MIB} MiB.`,
  // What is still on its way is not read.
  headers: { connection: 'close' },
}

/** Whether the request says by itself that its body is too large. */
export function announcesTooMuch(headers: Headers): boolean {
  return Number(headers.get('content-length') ?? 0) > MAX_BODY_BYTES
}

/** Reads the body as JSON, up to its limit. */
export async function readJson(request: Request): Promise<{ json: unknown } | Refusal> {
  const bytes = await readBytes(request)
  if (!bytes) return TOO_LARGE
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return { json: JSON.parse(text) }
  } catch {
    return { status: 400, message: 'The body is not JSON in UTF-8.' }
  }
}

/** `undefined` when there are too many. */
async function readBytes(request: Request): Promise<Uint8Array | undefined> {
  // node:http reads no more than the announced length, so only a body without one must be counted.
  if (request.headers.has('content-length')) return new Uint8Array(await request.arrayBuffer())
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
