// A search through many customers, and how long a ping takes meanwhile: npm run bench:search [-- CHECKOUT], where CHECKOUT
// is the built checkout of an earlier commit, which searches in turn with this one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { interleave, median, pairedRatio, readCpu } from './stats.mjs'
import { openServer } from './stdio-client.mjs'

const CUSTOMERS = [1_000, 10_000]
const PING_EVERY_MS = 5
const MAX_PING_MS = 50
const MAX_RATIO = 1.1
const ROUNDS = 15
const TEXT = 'no such customer'

const [earlier] = process.argv.slice(2)
const rows = []
for (const count of CUSTOMERS) rows.push(...(await compare(count)))
console.table(rows)
process.exitCode = rows.every(isWithinLimits) ? 0 : 1

function isWithinLimits(row) {
  // Seconds depend on what else the machine does, processor time less so; a short search is mostly warm-up.
  const isLong = row.customers === CUSTOMERS.at(-1)
  const ratios = isLong ? [row['processor, ratio'] ?? 1, row['memory, ratio'] ?? 1] : []
  return row.version !== 'this' || (row['slowest ping, ms'] <= MAX_PING_MS && Math.max(0, ...ratios) <= MAX_RATIO)
}

/** One row for this version and one for the earlier one, if there is any. */
async function compare(count) {
  const upstream = spawn(process.execPath, ['bench/upstream.mjs', String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [address] = await once(upstream.stdout, 'data')
  const folders = { ...(earlier && { earlier }), this: '.' }
  const searchers = {}
  for (const [version, folder] of Object.entries(folders))
    searchers[version] = await openSearcher(folder, String(address).trim())
  const runs = Object.fromEntries(Object.entries(searchers).map(([version, { search }]) => [version, search]))
  const seconds = await interleave(ROUNDS, runs)
  const used = Object.fromEntries(Object.entries(searchers).map(([version, { readUsed }]) => [version, readUsed()]))
  for (const { close } of Object.values(searchers)) await close()
  upstream.kill()
  return Object.entries(searchers).map(([version, { longestPings }]) => ({
    customers: count,
    version,
    'seconds a search': Number(median(seconds[version]).toFixed(3)),
    'processor ms a search': Math.round(used[version].cpu / ROUNDS),
    // The program's own pause is there in every round, one of the machine is not.
    'slowest ping, ms': Number(Math.min(...longestPings).toFixed(1)),
    'peak memory, MB': used[version].memory,
    ...(earlier &&
      version === 'this' && {
        'time, ratio': Number(pairedRatio(seconds.this, seconds.earlier).toFixed(2)),
        'processor, ratio': Number((used.this.cpu / used.earlier.cpu).toFixed(2)),
        'memory, ratio': Number((used.this.memory / used.earlier.memory).toFixed(2)),
      }),
  }))
}

async function openSearcher(folder, address) {
  const server = await openServer(process.execPath, [join(folder, 'bin/metronome-customers-mcp.js')], {
    METRONOME_BASE_URL: address,
    METRONOME_API_KEY: 'bench-key-0123',
    METRONOME_LOG: 'warn',
  })
  const { properties } = server.tools.find(({ name }) => name === 'list-customers').inputSchema
  const argument = 'search' in properties ? 'search' : 'name_contains'
  // The first call loads code that later ones have.
  await server.callTool('list-customers', { [argument]: TEXT })
  const longestPings = []
  const cpuBefore = readCpu(server.pid)
  return {
    longestPings,
    close: () => server.close(),
    /** Processor time of all searches in milliseconds, and the largest memory in megabytes. */
    readUsed: () => ({ cpu: readCpu(server.pid) - cpuBefore, memory: readPeakMemory(server.pid) }),
    /** Seconds of one search. */
    async search() {
      const startedAt = performance.now()
      let isDone = false
      let longest = 0
      const call = server.callTool('list-customers', { [argument]: TEXT }).finally(() => {
        isDone = true
      })
      while (!isDone) {
        const sentAt = performance.now()
        await server.ping()
        longest = Math.max(longest, performance.now() - sentAt)
        await sleep(PING_EVERY_MS)
      }
      longestPings.push(longest)
      const { structuredContent, content } = await call
      if (structuredContent?.next_page !== null) throw new Error(`the search did not end: ${content[0].text}`)
      return (performance.now() - startedAt) / 1000
    },
  }
}

/** Megabytes; only Linux tells. */
function readPeakMemory(pid) {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
}
