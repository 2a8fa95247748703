import type { Command } from './command-line.ts'

export type { CommandContext } from './command-line.ts'

export interface CommandEntry {
  /** The command with its arguments, without options. */
  readonly usage: string
  readonly summary: string
  /** Each command loads its own code, so that a server start does not pay for it. */
  readonly load: () => Promise<Command>
}

/** The commands by name; without one, the program is a server. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  doctor: {
    usage: 'doctor',
    summary: 'diagnose the installation',
    load: async () => (await import('./doctor/command.ts')).doctor,
  },
  'print-config': {
    usage: 'print-config CLIENT',
    summary: 'print the configuration for an MCP client',
    load: async () => (await import('./print-config/command.ts')).printConfig,
  },
}

export function findCommand(name: string | undefined): (() => Promise<Command>) | undefined {
  return name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name]?.load : undefined
}
