import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { call as run } from '../../src/cli/call/command.ts'
import type { CommandContext } from '../../src/cli/config/command-line.ts'
import { UsageError } from '../../src/cli/config/usage-error.ts'
import { fingerprint, type SandboxRequest, type SandboxResponse } from '../../src/sandbox/http-messages.ts'
import { findRoute, respond } from '../../src/sandbox/router.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import { createCommandContext } from './command-context.ts'
import { KEY } from './harness.ts'
import { makeFolder, type Program, type ProgramEnd, startProgram } from './program.ts'
import { listen } from './upstream.ts'

/** One attempt of a write, as it arrived. */
export interface Write {
  readonly key: string
  readonly path: string
  readonly body: Record<string, unknown>
  readonly request: SandboxRequest
  /** Processes the request as Metronome does. */
  readonly apply: () => SandboxResponse
}

/** Sent as it is; `cut` closes the connection, `hang` leaves it open. */
export type Reply = SandboxResponse | 'cut' | 'hang'

export interface BulkMetronome {
  readonly baseUrl: string
  readonly store: Store
  readonly writes: Write[]
  readonly reads: string[]
  /** The most requests that were in flight at once. */
  maxInFlight(): number
  /** How often the write with this Idempotency-Key was applied. */
  effectsOf(key: string): number
}

/** Metronome with its effects by key, behind a port of loopback. `reply` is asked for each write. */
export async function startMetronome(
  reply: (write: Write, count: number) => Reply | Promise<Reply> = ({ apply }) => apply(),
  read: (path: string, count: number) => Reply | undefined | Promise<Reply | undefined> = () => undefined,
): Promise<BulkMetronome> {
  const store = createStore()
  const writes: Write[] = []
  const reads: string[] = []
  let inFlight = 0
  let most = 0
  const server = createServer(async (incoming, response) => {
    inFlight += 1
    most = Math.max(most, inFlight)
    response.on('close', () => {
      inFlight -= 1
    })
    let body = ''
    for await (const chunk of incoming.setEncoding('utf8')) body += chunk
    const url = new URL(incoming.url ?? '', 'http://127.0.0.1')
    const key = incoming.headers['idempotency-key']?.toString()
    const request = {
      method: incoming.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      body,
      idempotencyKey: key,
    }
    const apply = () => respond(store, request)
    const isWrite = findRoute(request)?.handler.op.kind === 'write'
    const write = { key: key ?? '', path: url.pathname, body: body ? JSON.parse(body) : {}, request, apply }
    if (isWrite) writes.push(write)
    else reads.push(incoming.url ?? '')
    const result = isWrite
      ? await reply(write, writes.length)
      : ((await read(incoming.url ?? '', reads.length)) ?? apply())
    if (result === 'hang') return
    if (result === 'cut') return incoming.socket.destroy()
    response.writeHead(result.status, { 'content-type': 'application/json', ...result.headers })
    response.end(result.body ? JSON.stringify(result.body) : '')
  })
  const port = await listen(server)
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    store,
    writes,
    reads,
    maxInFlight: () => most,
    effectsOf: (key) => store.effects.filter(({ idempotencyKey }) => idempotencyKey === key).length,
  }
}

/** Metronome's own 500, which it keeps under the key. */
export function storeServerError(store: Store, { request, key }: Write): SandboxResponse {
  const response = { status: 500, body: { message: 'Unexpected internal error' } }
  if (!store.responses.has(key)) store.responses.set(key, { fingerprint: fingerprint(request), response })
  return store.responses.get(key)?.response ?? response
}

export interface CallEnd extends ProgramEnd {
  readonly stdout: string
  readonly stderr: string
  /** Lines of standard output, parsed. */
  readonly lines: readonly Record<string, unknown>[]
}

/** A folder and an upstream for runs of `call`. */
export interface Workplace {
  readonly folder: string
  readonly env: Record<string, string>
  path(name: string): string
  read(name: string): string
  write(name: string, text: string): void
  start(...args: string[]): Program
  /** Runs to the end without standard input. */
  call(...args: string[]): Promise<CallEnd>
  /** Runs the command in this process, where no test needs the built one; paths are those of `path`. */
  run(args: readonly string[], context?: Partial<CommandContext>): Promise<CallEnd>
}

export function openWorkplace(
  baseUrl: string | undefined,
  files: Record<string, string> = {},
  env: Record<string, string> = {},
): Workplace {
  const folder = makeFolder(files)
  const all = { METRONOME_API_KEY: KEY, METRONOME_LOG: 'off', ...(baseUrl && { METRONOME_BASE_URL: baseUrl }), ...env }
  const start = (...args: string[]) => startProgram({ args: ['call', ...args], env: all, cwd: folder })
  return {
    folder,
    env: all,
    path: (name) => join(folder, name),
    read: (name) => readFileSync(join(folder, name), 'utf8'),
    write: (name, text) => writeFileSync(join(folder, name), text),
    start,
    async call(...args) {
      const program = start(...args)
      program.child.stdin.end()
      return endOf(program)
    },
    async run(args, options) {
      const output = new PassThrough()
      const stdout = text(output)
      const { context, stderr } = createCommandContext({ environment: all, output, ...options })
      const { code, message } = await run(args, context).then(
        (code) => ({ code, message: '' }),
        (error) => {
          if (!(error instanceof UsageError)) throw error
          return { code: 2, message: error.message }
        },
      )
      output.end()
      return { code, signal: null, ...readOutput(await stdout), stderr: stderr() + message }
    },
  }
}

export async function endOf(program: Program): Promise<CallEnd> {
  const end = await program.ended
  return { ...end, ...readOutput(program.stdout()), stderr: program.stderr() }
}

function readOutput(stdout: string): Pick<CallEnd, 'stdout' | 'lines'> {
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'))
  return { stdout, lines: lines.map((line) => JSON.parse(line)) }
}

/** A module that moves the clock of a program. */
export const moveClock = (ms: number): string =>
  `data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() + ${ms}`)}`

/** NDJSON text. */
export const ndjson = (...rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('')
