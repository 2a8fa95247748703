import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, openSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readOptions } from '../../src/cli/config/options.ts'
import { UsageError } from '../../src/cli/config/usage-error.ts'
import { loadSettings } from '../../src/cli/load-settings.ts'
import { ID } from '../contract.ts'
import { KEY } from '../support/harness.ts'
import { baseEnvironment, makeFolder, PROGRAM, runProgram, startProgram, toolCall } from '../support/program.ts'
import { answerWith, startUpstream } from '../support/upstream.ts'

// More on demand: AUDIT_WRITES=10000 AUDIT_KILLS=20.
const WRITES = Number(process.env.AUDIT_WRITES ?? 400)
const KILLS = Number(process.env.AUDIT_KILLS ?? 4)
const TINY_BYTES = 1024 * 1024

const linesOf = (path: string): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1)

test('keeps the mode of a file that others may read, with a warning', async () => {
  const path = join(makeFolder({ 'audit.jsonl': '' }), 'audit.jsonl')
  chmodSync(path, 0o644)
  const program = startProgram({ args: ['--sandbox', '--audit-log', path] })
  program.send(toolCall(1, 'update-customer-name', { customer_id: ID, name: 'Acme EU' }))
  await program.receive()
  expect(statSync(path).mode & 0o777).toBe(0o644)
  expect(program.stderr()).toMatch(/^warn audit-log message="[^"]* may be read by others; its mode is kept\."\n$/)
})

describe('a path that cannot work ends the start', () => {
  test.each<[string, (folder: string) => string, string]>([
    ['in a missing directory', (folder) => join(folder, 'missing', 'a'), 'its directory does not exist; create it.'],
    ['below a file', (folder) => join(folder, 'file', 'a'), 'part of the path is a file.'],
    ['a directory', (folder) => folder, 'it is a directory, not a regular file.'],
    ['a device', () => '/dev/null', 'it is a device, not a regular file.'],
    ['a pipe', (folder) => makePipe(join(folder, 'pipe')), 'it is a pipe, not a regular file.'],
  ])('%s', async (_, choose, reason) => {
    const path = choose(makeFolder({ file: '' }))
    const problem = `names ${path}, which cannot be appended to: ${reason}`
    await expect(loadSettings(readOptions(['--audit-log', path]), {})).rejects.toThrow(
      new UsageError(`--audit-log ${problem}`),
    )
    await expect(loadSettings(readOptions(['--http']), { METRONOME_AUDIT_LOG: path })).rejects.toThrow(
      new UsageError(`METRONOME_AUDIT_LOG ${problem}`),
    )
  })

  test.each([
    ['stdout, on stdio', ['--audit-log=/dev/stdout'], 'is stdout and carries messages or results; name another file'],
    ['stdout by another name', ['--rest', '--rest-port=0', '--audit-log=/proc/self/fd/1'], 'is stdout and carries'],
    ['stdout of a call', ['call', 'list-customers', '--audit-log=/dev/stdout'], 'is stdout and carries'],
    ['stdout over HTTP, where it is no file', ['--http', '--port=0', '--audit-log=/dev/stdout'], 'not a regular file'],
  ])('%s', async (_, args, reason) => {
    const { code, stdout, stderr } = await runProgram({ args: [...args, '--sandbox'] })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^metronome-customers-mcp: --audit-log names [^\n]+\n$/)
    expect(stderr).toContain(reason)
  })

  test('the file that stdout goes to, on stdio only', async () => {
    const path = join(makeFolder({ out: '' }), 'out')
    const run = (args: string[]) => {
      const child = spawn(process.execPath, [PROGRAM, '--sandbox', '--audit-log', path, ...args], {
        env: baseEnvironment(),
        stdio: ['ignore', openSync(path, 'a'), 'pipe'],
      })
      onTestFinished(() => void child.kill('SIGKILL'))
      return { ended: once(child, 'close'), stderr: child.stdio[2] as Readable } // a pipe, as asked for
    }
    expect(await run([]).ended).toEqual([2, null])
    const [output] = await once(run(['--http', '--port=0']).stderr, 'data')
    expect(String(output)).toContain('sandbox-enabled')
  })
})

test('a path that works is created at the start, and has no line before the first write', async () => {
  const path = join(makeFolder(), 'audit.jsonl')
  await loadSettings(readOptions(['--sandbox', '--audit-log', path]), {})
  expect(readFileSync(path, 'utf8')).toBe('')
})

function makePipe(path: string): string {
  execFileSync('mkfifo', [path])
  return path
}

/** The entry of a line; none when the process was killed while it wrote. */
// biome-ignore lint/suspicious/noExplicitAny: tests read entries field by field
function parseWhole(line: string): any[] {
  try {
    return [JSON.parse(line)]
  } catch {
    return []
  }
}

/** Starts the built program with this audit log, on the sandbox unless a base URL is given. */
function startAudited(path: string, env: Record<string, string> = {}) {
  const args = env.METRONOME_BASE_URL ? [] : ['--sandbox']
  const child = spawn(process.execPath, [PROGRAM, ...args, '--audit-log', path], {
    env: baseEnvironment(env),
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const responses = createInterface({ input: child.stdout })
  return { child, responses, send: (message: object) => child.stdin.write(`${JSON.stringify(message)}\n`) }
}

const create = (id: number) => toolCall(id, 'create-customer', { name: `Customer ${id}` })

/** A file system of one MiB, where this process may mount one. */
function mountTiny(): string | undefined {
  const folder = makeFolder()
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${TINY_BYTES}`, 'tmpfs', folder], { stdio: 'ignore' })
    onTestFinished(() => void execFileSync('umount', [folder]))
    return folder
  } catch {
    return undefined
  }
}

/** Fills the disk up to so many bytes; on a disk that is not tiny, nothing. */
function leaveRoom(disk: string, filler: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(disk)
  const free = bavail * bsize
  if (free <= TINY_BYTES) writeFileSync(filler, Buffer.alloc(Math.max(0, free - bytes)))
}

/** Kills a process when it has sent so many responses. Resolves with the ids of those that say nothing of the log. */
async function killAfter({ child, responses }: ReturnType<typeof startAudited>, count: number): Promise<number[]> {
  const lines: string[] = []
  const ended = once(child, 'close')
  responses.on('line', (line) => {
    if (lines.push(line) === count) child.kill('SIGKILL')
  })
  await ended
  return lines.filter((line) => !/audit log (cannot|could not)/.test(line)).map((line) => JSON.parse(line).id)
}

describe('the built program', () => {
  test('loses, tears and repeats no line of several processes', async () => {
    const path = join(makeFolder(), 'audit.jsonl')
    const processes = 4
    const calls = WRITES / processes
    await Promise.all(
      Array.from({ length: processes }, async () => {
        const { child, responses, send } = startAudited(path)
        for (let id = 1; id <= calls; id++) send(create(id))
        let left = calls
        for await (const _ of responses) if (--left === 0) break
        child.stdin.end()
        await once(child, 'close')
      }),
    )
    const entries = linesOf(path).map((line) => JSON.parse(line))
    const begun = entries.filter(({ phase }) => phase === 'begin').map(({ call }) => call)
    const ended = entries.filter(({ phase }) => phase === 'end').map(({ call }) => call)
    expect(begun).toHaveLength(processes * calls)
    expect(new Set(begun)).toEqual(new Set(ended))
    expect(new Set(begun).size).toBe(processes * calls)
    expect(ended).toHaveLength(processes * calls)
  }, 120_000)

  test('has a begin for every write that was sent, while two processes share it, are killed, and the disk is full', async () => {
    const upstream = await startUpstream(answerWith(200, { data: { id: ID } }))
    const disk = mountTiny() ?? makeFolder()
    const [path, filler] = [join(disk, 'audit.jsonl'), join(disk, 'filler')]
    const missing: string[] = []
    const withoutEnd: string[] = []
    for (let kill = 0; kill < KILLS; kill += 2) {
      const first = startAudited(path, { METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl })
      const second = startAudited(path, { METRONOME_API_KEY: KEY, METRONOME_BASE_URL: upstream.baseUrl })
      // Room for some lines only, and lines longer than a page of memory, so that they can be torn.
      leaveRoom(disk, filler, 4096 * (8 + (kill % 16)))
      for (let id = 1; id <= 30; id++)
        for (const [index, { send }] of [first, second].entries())
          send(toolCall(id, 'create-customer', { name: `${index} ${id} ${'x'.repeat((id * 997) % 9_000)}` }))
      const kills = [killAfter(first, 2 + ((kill * 7) % 25)), killAfter(second, 12 + ((kill * 5) % 15))]
      await kills[0]
      rmSync(filler, { force: true })
      const ids = await Promise.all(kills)
      const reported = ids.flatMap((each, index) => each.map((id) => `${index} ${id}`))

      const entries = linesOf(path).flatMap(parseWhole)
      const begun = new Set(entries.filter(({ phase }) => phase === 'begin').map((entry) => entry.idempotency_key))
      const ended = new Set(
        entries.filter(({ phase }) => phase === 'end').map((entry) => entry.arguments.name.split(' x')[0].trim()),
      )
      const sent = upstream.requests.splice(0).map(({ headers }) => String(headers['idempotency-key']))
      expect(sent).not.toEqual([])
      missing.push(...sent.filter((key) => !begun.has(key)))
      withoutEnd.push(...reported.filter((name) => !ended.has(name)))
      rmSync(path)
    }
    expect({ missing, withoutEnd }).toEqual({ missing: [], withoutEnd: [] })
  }, 900_000)

  test('rejects writes when the disk is full, and goes on reading', async ({ skip }) => {
    const folder = mountTiny() ?? skip('no file system can be mounted here')
    const path = join(String(folder), 'audit.jsonl')
    execFileSync('dd', ['if=/dev/zero', `of=${join(String(folder), 'filler')}`, 'bs=1k', 'count=1020'], {
      stdio: 'ignore',
    })
    const { responses, send } = startAudited(path)
    for (let id = 1; id <= 30; id++) send(create(id))
    const texts: string[] = []
    for await (const line of responses) if (texts.push(line) === 30) break
    expect(
      texts.filter((text) => text.includes('audit log cannot be written (ENOSPC), nothing was sent')).length,
    ).toBeGreaterThan(0)
    send(toolCall(31, 'list-customers', { limit: 1 }))
    for await (const line of responses) {
      expect(line).toContain('"structuredContent"')
      break
    }
  }, 30_000)
})
