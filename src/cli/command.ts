import type { Command } from './config/command-line.ts'
import { quoteSetting } from './config/setting-text.ts'
import { UsageError } from './config/usage-error.ts'
import { findNearest } from './suggest.ts'

export type { CommandContext } from './config/command-line.ts'

export interface CommandEntry {
  /** The command with its arguments, without options. */
  readonly usage: string
  readonly summary: string
  /** Each command loads its own code, so that a server start does not pay for it. */
  readonly load: () => Promise<Command>
}

/** The commands by name; without one, the program is a server. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  call: {
    usage: 'call TOOL',
    summary: 'call a tool once, or for each row of a file',
    load: async () => (await import('./call/command.ts')).call,
  },
  doctor: {
    usage: 'doctor',
    summary: 'diagnose the installation',
    load: async () => (await import('./doctor/command.ts')).doctor,
  },
  openapi: {
    usage: 'openapi',
    summary: 'print the OpenAPI document of the REST API',
    load: async () => (await import('./openapi.ts')).openapi,
  },
  sandbox: {
    usage: 'sandbox',
    summary: 'serve the sandbox as an HTTP Metronome on loopback',
    load: async () => (await import('./sandbox-server.ts')).serveSandbox,
  },
  'print-config': {
    usage: 'print-config CLIENT',
    summary: 'print the configuration for an MCP client',
    load: async () => (await import('./print-config/command.ts')).printConfig,
  },
}

/** `undefined` for a server. Throws {@link UsageError}, which repeats the word only where it is nearly a command: it might be a secret. */
export function findCommand(word: string | undefined): (() => Promise<Command>) | undefined {
  if (word === undefined || word.startsWith('-')) return undefined
  if (Object.hasOwn(COMMANDS, word)) return COMMANDS[word]?.load
  const nearest = findNearest(word, Object.keys(COMMANDS))
  throw new UsageError(
    nearest
      ? `unknown command ${quoteSetting(word)}; did you mean ${nearest}?`
      : `unknown command; the commands are ${Object.keys(COMMANDS).join(', ')}. Do not pass API keys on the command line.`,
  )
}
