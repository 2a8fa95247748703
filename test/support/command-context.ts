import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import type { CommandContext } from '../../src/cli/config/command-line.ts'
import type { Program } from '../../src/cli/program.ts'

export const INSTALLED: Program = {
  file: '/usr/lib/node_modules/metronome-customers-mcp/bin/metronome-customers-mcp.js',
  isClone: false,
  invocation: 'metronome-customers-mcp',
}

export const CLONE: Program = {
  file: '/clone/bin/metronome-customers-mcp.js',
  isClone: true,
  invocation: 'node bin/metronome-customers-mcp.js',
}

/** A context that collects what a command prints. */
export function createCommandContext(options: Partial<CommandContext> = {}) {
  const stdout: string[] = []
  const stderr: string[] = []
  const context: CommandContext = {
    environment: {},
    platform: 'linux',
    nodeVersion: '22.1.0',
    home: '/home/user',
    cwd: '/work',
    program: INSTALLED,
    hasColors: false,
    hasErrorTerminal: false,
    isInteractive: false,
    stdin: new PassThrough(),
    output: new PassThrough(),
    signals: new EventEmitter(),
    now: Date.now,
    stdout: (text) => stdout.push(text),
    stderr: (text) => stderr.push(text),
    ...options,
  }
  return { context, stdout: () => stdout.join(''), stderr: () => stderr.join('') }
}
