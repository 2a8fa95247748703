import { NAME, VERSION } from '../version.ts'

/** What this server says of itself to every client, whichever revision it speaks. */
export function describeServer(title: string) {
  return { name: NAME, title, version: VERSION }
}

export const CAPABILITIES = { tools: {} }

/** The sandbox marks itself wherever a client shows the server's name. */
export const titleOf = (sandbox: boolean): string => `Metronome customers${sandbox ? ' (sandbox)' : ''}`
