import type { Variables } from './config/sources.ts'

/** What a command may know of the machine. */
export interface Surroundings {
  readonly environment: Variables
  readonly platform: NodeJS.Platform
  readonly nodeVersion: string
  /** Home folder of the user. */
  readonly home: string
  /** Working directory. */
  readonly folder: string
  /** Writes what was asked for: stdout. */
  readonly print: (text: string) => void
  /** Writes what explains it: stderr. */
  readonly explain: (text: string) => void
}

/** Runs to its end and returns the exit code. */
export type Command = (argv: readonly string[], surroundings: Surroundings) => Promise<number>

/** Words that may stand first on the command line. Each loads its own code, so that a server start does not pay for it. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  doctor: async () => (await import('./doctor/command.ts')).doctor,
  'print-config': async () => (await import('./setup/command.ts')).printConfig,
}

export function findCommand(word: string | undefined): (() => Promise<Command>) | undefined {
  return word !== undefined && Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined
}
