import { spawn, spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { tools } from '../../src/mcp/tools.ts'

const BIN = 'bin/metronome-customers-mcp.js'
const OLDEST_NODE = manifest.engines.node.replace('>=', '')
const MESSAGES = [
  {
    id: 1,
    method: 'initialize',
    params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'test', version: '1' } },
  },
  { method: 'notifications/initialized' },
  { id: 2, method: 'tools/list' },
].map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'start-'))
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Starts the built program, lists its tools, and lets it end. */
async function listTools(environment: Record<string, string>, nodeFlags: string[] = []) {
  const env = { PATH: process.env.PATH, METRONOME_API_KEY: 'test-key-0123456789', ...environment }
  const child = spawn(process.execPath, [...nodeFlags, BIN], { env })
  const output = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      output[stream] += chunk
    })
  child.stdin.end(MESSAGES.join(''))
  const code = await new Promise((resolve) => child.on('close', resolve))
  const responses = output.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  return { code, stderr: output.stderr, tools: responses[1]?.result.tools }
}

test('the built program lists the tools of the source', async () => {
  expect(await listTools({ HOME: folder })).toEqual({ code: 0, stderr: '', tools })
})

test('before the first response, nothing of HTTP, sandbox, runtime or REST is loaded', async () => {
  const { files, modules } = await recordLoads()
  const source = files.map((path) => readFileSync(path, 'utf8')).join('')
  expect(files.map((path) => basename(path)).join(' ')).toContain('main.js')
  // What all starts share is one file; each more takes time.
  expect(files.filter((path) => path.includes('dist')).length).toBeLessThanOrEqual(3)
  expect(files.map((path) => basename(path)).join(' ')).not.toMatch(/sandbox|runtime|http|app|command|help/)
  for (const [path, marker] of LEFT_OUT) {
    expect(readFileSync(join('node_modules', path), 'utf8').includes(marker), path).toBe(true)
    expect(source.includes(marker), path).toBe(false)
  }
  expect(modules.filter((name) => builtinModules.includes(name))).not.toEqual(
    expect.arrayContaining([expect.stringMatching(/^(http|https|http2|tls|crypto|child_process|worker_threads)$/)]),
  )
  expect(modules).not.toContain('internal/deps/undici/undici')
})

// Text that a package's code contains, minified or not.
const LEFT_OUT = [
  ['ajv/dist/core.js', 'schema with key or id'],
  ['express/lib/application.js', 'x-powered-by'],
  ['zod/v3/types.js', 'ZodFirstPartyTypeKind'],
  ['zod-to-json-schema/dist/esm/Options.js', 'strictUnions'],
  ['node-fetch-native/dist/node.mjs', 'node-fetch'],
  ['undici/lib/core/errors.js', 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH'],
] as const

/** Files of dist/ and modules of Node that were loaded when the tools have been listed. */
async function recordLoads(): Promise<{ files: string[]; modules: string[] }> {
  const recorder = join(folder, 'recorder.mjs')
  // ES modules are loaded with fs.readFileSync or its promise; a loader hook sees them all.
  writeFileSync(
    recorder,
    `import fs from 'node:fs'
    import { register } from 'node:module'
    const log = ${JSON.stringify(join(folder, 'loads.txt'))}
    register('data:text/javascript,' + encodeURIComponent(\`
      import fs from 'node:fs'
      export async function load(url, context, next) {
        if (url.includes('/dist/')) fs.appendFileSync(\${JSON.stringify(log)}, url + '\\\\n')
        return next(url, context)
      }\`))
    const before = new Set(process.moduleLoadList)
    process.on('exit', () => {
      const modules = process.moduleLoadList.filter((name) => !before.has(name)).map((name) => name.split(' ')[1])
      const files = fs.readFileSync(log, 'utf8').trim().split('\\n').map((url) => new URL(url).pathname)
      fs.writeSync(2, JSON.stringify({ files, modules }))
    })`,
  )
  const { code, stderr } = await listTools({ HOME: folder }, ['--import', recorder])
  expect(code).toBe(0)
  return JSON.parse(stderr)
}

describe('a Node that is too old', () => {
  /** Runs the program as if this version of Node ran it. */
  function runOn(version: string, args: string[]) {
    // Node 21 and 22.0 to 22.2 have no `getBuiltinModule` either.
    const preload = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })
      delete process.getBuiltinModule`
    const flags = ['--import', `data:text/javascript,${encodeURIComponent(preload)}`]
    return spawnSync(process.execPath, [...flags, BIN, ...args], { encoding: 'utf8', env: { PATH: process.env.PATH } })
  }

  test.each(['14.21.3', '16.20.2', '18.20.8', '20.0.0', '20.18.3'])('is rejected in one line: %s', (version) => {
    for (const args of [[], ['--http'], ['doctor'], ['--help']]) {
      expect(runOn(version, args)).toMatchObject({
        status: 1,
        stdout: '',
        stderr: `metronome-customers-mcp: needs Node ${OLDEST_NODE} or newer, but ${process.execPath} is Node ${version}\n`,
      })
    }
  })

  test.each([`${OLDEST_NODE}.0`, '21.0.0', '22.0.0', '100.0.0'])('is not %s', (version) => {
    expect(runOn(version, ['--version'])).toMatchObject({ status: 0, stderr: '' })
  })

  test('reads the program, which waits with each import until the version is checked', () => {
    const source = readFileSync(BIN, 'utf8')
    expect(source).not.toMatch(/^import\b(?!\()/m)
    expect(source).not.toMatch(/\?\?=|\|\|=|&&=|\bawait\b/)
  })
})

test('a clone that was not built says how to build it', () => {
  cpSync('bin', join(folder, 'bin'), { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, BIN), 'doctor'], { encoding: 'utf8' })
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: 'metronome-customers-mcp: not built yet: npm ci && npm run build\n',
  })
})
