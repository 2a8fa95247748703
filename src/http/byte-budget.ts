/** For all bodies in flight; parsed, and with the request to Metronome, a body takes several times its size. */
export const MAX_MIB_IN_FLIGHT = 32

/** Bytes of requests, from their arrival to their response, over all interfaces of the process. */
export interface ByteBudget {
  /** Takes bytes; `false` when so many are not left. */
  take(bytes: number): boolean
  giveBack(bytes: number): void
}

export function createByteBudget(): ByteBudget {
  let left = MAX_MIB_IN_FLIGHT * 1024 * 1024
  return {
    take(bytes) {
      if (bytes > left) return false
      left -= bytes
      return true
    },
    giveBack(bytes) {
      left += bytes
    },
  }
}

const BYTES_PER_VALUE = 128
/** No call may have more values; a body with more is rejected before it can wait. */
const MAX_VALUES = 20_000
const [COMMA, LIST, OBJECT, BACKSLASH] = Buffer.from(',[{\\')
/** The first byte of characters beyond Latin-1 in UTF-8 is no less. */
const WIDE = 0xc4

/**
 * What a body of JSON takes of the budget: its length, twice that with characters beyond Latin-1, since V8 keeps two bytes
 * for each character of such a text, or what many values in few bytes take, such as `[{},{}]`.
 */
export function weighJson(json: Uint8Array): number {
  let values = 1
  let width = 1
  // A for-of loop takes six times as long.
  for (let index = 0; index < json.length; index++) {
    const byte = json[index] ?? 0
    if (byte === COMMA || byte === LIST || byte === OBJECT) values += 1
    else if (byte >= WIDE || byte === BACKSLASH) width = 2
  }
  return Math.max(json.length * width, Math.min(values, MAX_VALUES) * BYTES_PER_VALUE)
}
