import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { beforeAll, onTestFinished } from 'vitest'

export const PROGRAM = resolve('bin/metronome-customers-mcp.js')

export interface ProgramOptions {
  /** Path of the program's own file. */
  readonly program?: string
  readonly args?: readonly string[]
  /** The whole environment, but for PATH and HOME. */
  readonly env?: Record<string, string>
  readonly cwd?: string
}

export interface ProgramEnd {
  readonly code: number | null
  readonly signal: string | null
}

export interface Program {
  readonly child: ChildProcessWithoutNullStreams
  readonly pid: number
  /** Everything written so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Writes one line: text as it is, anything else as JSON. */
  send(line: unknown): void
  /** The next line of stdout, parsed. */
  receive(): Promise<ReceivedMessage>
  /** Resolves when stderr holds the text. */
  seeOnStderr(text: string): Promise<void>
  readonly ended: Promise<ProgramEnd>
}

export interface ReceivedMessage {
  readonly jsonrpc?: string
  readonly id?: string | number
  readonly result?: Record<string, unknown>
  readonly error?: { code: number; message: string }
}

/** Takes what has to be cleaned up: the end of a test by default. */
export type AtEnd = (clean: () => Promise<void>) => void

/** Starts the built program in an empty folder; what is left of it in the end is killed. */
export function startProgram(options: ProgramOptions = {}, atEnd: AtEnd = onTestFinished): Program {
  const { program = PROGRAM, args = [], env = {}, cwd = makeFolder({}, atEnd) } = options
  const child = spawn(process.execPath, [program, ...args], { cwd, env: baseEnvironment(env) })
  const ended = once(child, 'close').then(([code, signal]): ProgramEnd => ({ code, signal }))
  atEnd(async () => {
    child.kill('SIGKILL')
    await ended
  })
  child.stdin.on('error', () => {}) // the program may leave before it has read everything
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    send: (line) => void child.stdin.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`),
    async receive() {
      const { value, done } = await lines.next()
      if (done) throw new Error(`stdout ended; stderr: ${stderr}`)
      return JSON.parse(value)
    },
    async seeOnStderr(text) {
      while (!stderr.includes(text)) await once(child.stderr, 'data')
    },
    ended,
  }
}

/** Runs the program without input until it ends by itself. */
export async function runProgram(options: ProgramOptions): Promise<ProgramEnd & { stdout: string; stderr: string }> {
  const program = startProgram(options)
  program.child.stdin.end()
  return { ...(await program.ended), stdout: program.stdout(), stderr: program.stderr() }
}

/** One program for all tests of a group: for tests that leave it as it was. */
export function shareProgram(options: ProgramOptions): () => Program {
  let program: Program | undefined
  beforeAll(() => {
    const cleanUps: (() => Promise<void>)[] = []
    program = startProgram(options, (clean) => void cleanUps.unshift(clean))
    return async () => {
      for (const clean of cleanUps) await clean()
    }
  })
  return () => {
    if (!program) throw new Error('the program starts with the first test')
    return program
  }
}

/** A new folder with the given files, removed in the end. */
export function makeFolder(files: Record<string, string> = {}, atEnd: AtEnd = onTestFinished): string {
  const folder = mkdtempSync(join(tmpdir(), 'metronome-test-'))
  // Windows releases the files of a program that has ended a moment later.
  atEnd(async () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

// Windows starts no program without the first three.
const WINDOWS_VARIABLES = ['SystemRoot', 'ComSpec', 'PATHEXT', 'TEMP', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA']
const KEPT_VARIABLES = ['PATH', 'HOME', ...(process.platform === 'win32' ? WINDOWS_VARIABLES : [])]

export function baseEnvironment(env: Record<string, string> = {}): Record<string, string> {
  return { ...Object.fromEntries(KEPT_VARIABLES.map((name) => [name, process.env[name] ?? ''])), ...env }
}

export const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'init',
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '0' } },
}

/** A `tools/call` request. */
export function toolCall(id: string | number, name: string, args: object = {}): object {
  return { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args } }
}
