// Rows through `call` against a mock on loopback: npm run bench:bulk
// Time against a bare loop of fetch, with a journal, and peak memory of large inputs and exports.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROWS = 10_000
const MANY = 100_000
const PAGE = 100
const LATENCY_MS = 50
const CONCURRENCY = 10
const MAX_RATIO = 1.1
const MAX_MIB = 130
const PROGRAM = fileURLToPath(new URL('../bin/metronome-customers-mcp.js', import.meta.url))

if (process.argv[2] === 'mock') serveMock(Number(process.argv[3]))
else if (process.argv[2] === 'bare') await loopBare(process.argv[3])
else await measure()

/** In a process of its own, so that it does not share a core with what is measured. */
function serveMock(latencyMs) {
  const customer = (number) => ({
    id: `d7abd0cd-4ae9-4db7-8676-${String(number).padStart(12, '0')}`,
    external_id: `alias-${number}`,
    ingest_aliases: [`alias-${number}`],
    name: `Customer ${number}`,
    custom_fields: {},
    customer_config: { salesforce_account_id: null },
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
    archived_at: null,
  })
  const server = createServer({ keepAliveTimeout: 60_000 }, async (request, response) => {
    for await (const _ of request);
    const { searchParams } = new URL(request.url, 'http://127.0.0.1')
    const from = Number(searchParams.get('next_page') ?? 0)
    const page = Array.from({ length: searchParams.has('limit') ? PAGE : 0 }, (_, index) => customer(from + index))
    const body = searchParams.has('limit')
      ? { data: page, next_page: from + PAGE < MANY ? String(from + PAGE) : null }
      : { data: customer(0) }
    const respond = () => response.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    if (latencyMs > 0) setTimeout(respond, latencyMs)
    else respond()
  })
  server.listen(0, '127.0.0.1', () => console.log(server.address().port))
}

async function loopBare(baseUrl) {
  let next = 0
  const work = async () => {
    while (next < ROWS) {
      const body = JSON.stringify(rowOf(next++))
      await (await fetch(`${baseUrl}/v1/customers`, { method: 'POST', body })).json()
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work))
}

function rowOf(number) {
  return { name: `Customer ${number}`, ingest_aliases: [`alias-${number}`] }
}

async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-bulk-'))
  const results = []
  try {
    await writeRows(join(folder, 'rows.ndjson'), ROWS, rowOf)
    await writeRows(join(folder, 'reads.ndjson'), ROWS, () => ({ customer_id: 'd7abd0cd-4ae9-4db7-8676-000000000000' }))
    await writeRows(join(folder, 'many.ndjson'), MANY, rowOf)
    await withMock(LATENCY_MS, async (baseUrl) => {
      const bare = await run([fileURLToPath(import.meta.url), 'bare', baseUrl], folder, baseUrl)
      const many = ['--concurrency', String(CONCURRENCY)]
      const write = await run([PROGRAM, 'call', 'create-customer', '--input', 'rows.ndjson', ...many], folder, baseUrl)
      const read = await run([PROGRAM, 'call', 'get-customer', '--input', 'reads.ndjson', ...many], folder, baseUrl)
      for (const [name, { seconds }] of Object.entries({ write, read }))
        report(`${ROWS} rows, ${name}`, seconds / bare.seconds, MAX_RATIO, 'times a bare loop')
    })
    await withMock(0, async (baseUrl) => {
      const many = ['call', 'create-customer', '--input', 'many.ndjson', '--concurrency', String(CONCURRENCY)]
      for (const name of ['written', 'resumed']) {
        const { mib } = await run([PROGRAM, ...many], folder, baseUrl)
        report(`${MANY} rows, ${name}`, mib, MAX_MIB, 'MiB at peak')
      }
      const exporting = ['call', 'list-customers', '--all', '--format', 'csv', '--output', 'all.csv']
      const { mib } = await run([PROGRAM, ...exporting], folder, baseUrl)
      report(`${MANY} customers, exported as CSV`, mib, MAX_MIB, 'MiB at peak')
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
  console.table(results)
  process.exitCode = results.every(({ value, limit }) => value <= limit) ? 0 : 1

  function report(what, value, limit, unit) {
    results.push({ what, value: Number(value.toFixed(2)), limit, unit })
  }
}

async function writeRows(path, count, build) {
  const file = createWriteStream(path)
  for (let number = 0; number < count; number++)
    if (!file.write(`${JSON.stringify(build(number))}\n`)) await once(file, 'drain')
  file.end()
  await once(file, 'close')
}

async function withMock(latencyMs, use) {
  const mock = spawn(process.execPath, [fileURLToPath(import.meta.url), 'mock', String(latencyMs)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [port] = await once(mock.stdout, 'data')
    await use(`http://127.0.0.1:${String(port).trim()}`)
  } finally {
    mock.kill()
  }
}

/** Peak memory is what the child itself reports at its end. */
async function run(args, cwd, baseUrl) {
  const peak = 'process.on("exit",()=>require("fs").writeSync(3,String(process.resourceUsage().maxRSS)))'
  const hook = `data:text/javascript,${encodeURIComponent(`import { createRequire } from 'node:module'; const require = createRequire('/'); ${peak}`)}`
  const startedAt = performance.now()
  const child = spawn(process.execPath, ['--import', hook, ...args], {
    cwd,
    env: { ...process.env, METRONOME_API_KEY: 'mk_bench_0123456789', METRONOME_BASE_URL: baseUrl },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  let kib = ''
  child.stdio[3].on('data', (text) => {
    kib += text
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`)
  return { seconds: (performance.now() - startedAt) / 1000, mib: Number(kib) / 1024 }
}
