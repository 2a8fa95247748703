/** For all bodies in flight; parsed, and with the request to Metronome, a body takes several times its size. */
export const MAX_MIB_IN_FLIGHT = 32

/** Bytes of requests, from their arrival to their response, over all interfaces of the process. */
export interface ByteBudget {
  left: number
}

export function createByteBudget(): ByteBudget {
  return { left: MAX_MIB_IN_FLIGHT * 1024 * 1024 }
}
