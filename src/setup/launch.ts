import { NAME } from '../version.ts'

/** The name under which clients know this server. With a longer one some drop tools: see `tool-names.ts`. */
export const SERVER_KEY = 'metronome'

/** Stands where the person puts the key. */
export const KEY_PLACEHOLDER = 'YOUR_METRONOME_API_KEY'

export const HTTP_URL = 'http://127.0.0.1:9090/mcp'

/** How a client starts the program. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export interface LaunchOptions {
  /** What the client puts into METRONOME_API_KEY. */
  readonly key?: string
  readonly sandbox?: boolean
  /** Windows starts npx, a batch file, only through cmd. */
  readonly windows?: boolean
}

export function buildLaunch({ key = KEY_PLACEHOLDER, sandbox = false, windows = false }: LaunchOptions): Launch {
  const npx = ['-y', NAME, ...(sandbox ? ['--sandbox'] : [])]
  return {
    command: windows ? 'cmd' : 'npx',
    args: windows ? ['/c', 'npx', ...npx] : npx,
    env: sandbox ? {} : { METRONOME_API_KEY: key },
  }
}
