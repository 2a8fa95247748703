// The figures of docs/performance.md, as Markdown: npm run bench [-- NODE ...]
// Each NODE is the path of another Node that the start is measured on as well.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { measureCalls } from './calls.mjs'
import { measurePackage, measureTokens } from './sizes.mjs'
import { measureHttpStart, measureStart } from './start.mjs'

const HEAD =
  '| figure | ours | compared with | ratio or number | at most | stretch | |\n| --- | --- | --- | --- | --- | --- | --- |'

const upstream = spawn(process.execPath, ['bench/upstream.mjs'], { stdio: ['ignore', 'pipe', 'inherit'] })
const [address] = await once(upstream.stdout, 'data')
const cacheFolder = mkdtempSync(join(tmpdir(), 'bench-cache-'))
const env = {
  METRONOME_BASE_URL: String(address).trim(),
  METRONOME_API_KEY: 'bench-key-0123',
  METRONOME_LOG: 'warn',
  XDG_CACHE_HOME: cacheFolder,
}

try {
  for (const node of [process.execPath, ...process.argv.slice(2)]) await measure(node)
} finally {
  upstream.kill()
  rmSync(cacheFolder, { recursive: true })
}

async function measure(node) {
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
  const limits = version.startsWith('v20.') ? { stdio: [2.3, 2.0], http: [2.8, 2.4] } : { stdio: [2.7, 2.4], http: [] }
  console.log(`\n${version}, ${process.platform}, ${availableParallelism()} cores\n\n${HEAD}`)
  const sections = [
    () => measureStart(node, env, limits),
    () => measureHttpStart(node, env, limits),
    () => measureCalls(node, env),
    ...(node === process.execPath ? [() => measureTokens(node, env), () => measurePackage()] : []),
  ]
  for (const section of sections) console.log((await section()).join('\n'))
}
