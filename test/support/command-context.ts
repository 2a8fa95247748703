import { EventEmitter } from 'node:events'
import type { CommandContext } from '../../src/cli/config/command-line.ts'

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
    program: '/clone/bin/metronome-customers-mcp.js',
    hasColors: false,
    signals: new EventEmitter(),
    stdout: (text) => stdout.push(text),
    stderr: (text) => stderr.push(text),
    ...options,
  }
  return { context, stdout: () => stdout.join(''), stderr: () => stderr.join('') }
}
