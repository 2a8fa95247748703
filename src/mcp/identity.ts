import { NAME, VERSION } from '../version.ts'

/** What this server says of itself to every client, whichever revision it speaks. */
export function describeServer(title: string) {
  return { name: NAME, title, version: VERSION }
}

export const CAPABILITIES = { tools: {} }
