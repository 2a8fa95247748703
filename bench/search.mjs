// A search by name through many customers, and how long a ping takes meanwhile: npm run bench:search
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openServer } from './stdio-client.mjs'

const CUSTOMERS = [1_000, 10_000]
const PING_EVERY_MS = 5
const MAX_PING_MS = 50
const ROUNDS = 5

const results = []
for (const count of CUSTOMERS) results.push(await search(count))
console.table(results)
process.exitCode = results.every((result) => result['slowest ping, ms'] <= MAX_PING_MS) ? 0 : 1

async function search(count) {
  const upstream = spawn(process.execPath, ['bench/upstream.mjs', String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [address] = await once(upstream.stdout, 'data')
  const server = await openServer(process.execPath, ['bin/metronome-customers-mcp.js'], {
    METRONOME_BASE_URL: String(address).trim(),
    METRONOME_API_KEY: 'bench-key-0123',
    METRONOME_LOG: 'warn',
  })
  const pings = []
  let seconds = 0
  let note
  for (let round = 0; round < ROUNDS; round++) {
    let isDone = false
    const startedAt = performance.now()
    const call = server.callTool('list-customers', { name_contains: 'no such customer' }).finally(() => {
      isDone = true
    })
    while (!isDone) {
      const sentAt = performance.now()
      await server.ping()
      pings.push(performance.now() - sentAt)
      await sleep(PING_EVERY_MS)
    }
    note = (await call).structuredContent._note
    seconds += (performance.now() - startedAt) / 1000
  }
  const peak = readPeakMemory(server.pid)
  await server.close()
  upstream.kill()
  return {
    note,
    'seconds a search': Number((seconds / ROUNDS).toFixed(2)),
    'slowest ping, ms': Number(Math.max(...pings).toFixed(1)),
    'peak memory, MB': peak,
  }
}

/** Megabytes; only Linux tells. */
function readPeakMemory(pid) {
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)
}
