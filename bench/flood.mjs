// The largest requests of every tool, again and again, at a server with little memory: npm run bench:flood
// It has to stay up and answer /healthz in time.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

const MEMORY_MB = 256
const REQUESTS = 50
const MAX_BODY_BYTES = 1024 * 1024
const MAX_ITEMS = 2_000
const HEALTH_EVERY_MS = 20
const MAX_HEALTH_MS = 500

const server = spawn(
  process.execPath,
  [`--max-old-space-size=${MEMORY_MB}`, 'bin/metronome-customers-mcp.js', '--http', '--port', '0', '--sandbox'],
  { stdio: ['ignore', 'ignore', 'pipe'] },
)
let exitCode
server.on('exit', (code, signal) => {
  exitCode = signal ?? code
})
const url = await readUrl(server.stderr)
const { result } = await (await send('tools/list')).json()

const results = []
for (const { name, inputSchema } of result.tools)
  for (const [body, args] of Object.entries(createBodies(inputSchema))) results.push(await flood(name, body, args))
console.table(results)

const survived = exitCode === undefined
console.log(survived ? 'The server is up.' : `The server ended with ${exitCode}.`)
server.kill()
if (survived) await once(server, 'exit')
process.exitCode = survived && results.every((row) => row['slowest /healthz, ms'] <= MAX_HEALTH_MS) ? 0 : 1

/** Arguments of a tool as JSON text of nearly the largest body. */
function createBodies(schema) {
  const space = MAX_BODY_BYTES - 1_000
  let valid = ''
  for (let share = 1; valid === '' || valid.length > space; share *= 2) valid = JSON.stringify(fill(schema, share))
  const fields = Array.from({ length: Math.floor(space / 20) }, (_, index) => `"field${index}":null`)
  return {
    'every field, full': valid,
    'unknown fields': `{${fields.join(',')}}`,
    'nested lists': `{"customer_id":${'['.repeat(space / 2 - 50)}${']'.repeat(space / 2 - 50)}}`,
  }
}

/** A valid value with every field, lists full and texts long; `share` divides their lengths. */
function fill(schema, share, name = '') {
  const branch = schema.anyOf?.[0] ?? schema
  if (branch.enum) return branch.enum[0]
  if ('const' in branch) return branch.const
  if (branch.type === 'array')
    return Array.from({ length: (branch.maxItems ?? MAX_ITEMS) / share }, () => fill(branch.items, share * 20, name))
  if (branch.type === 'object') {
    const known = Object.entries(branch.properties ?? {}).map(([key, field]) => [key, fill(field, share, key)])
    const free = branch.properties ? 0 : 2_000 / share
    return Object.fromEntries([
      ...known,
      ...Array.from({ length: free }, (_, index) => [`key${index}`, 'x'.repeat(50)]),
    ])
  }
  if (branch.type === 'integer' || branch.type === 'number') return branch.minimum ?? 1
  if (branch.type === 'boolean') return true
  if (/ids?$/.test(name)) return 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
  if (/_at$/.test(name)) return '2026-01-01T00:00:00Z'
  return 'x'.repeat(Math.min(branch.maxLength ?? 100, 100) / share)
}

async function flood(tool, body, args) {
  const health = []
  const answers = {}
  let isDone = false
  const watch = (async () => {
    while (!isDone) {
      const sentAt = performance.now()
      await fetch(new URL('/healthz', url)).then((response) => response.text())
      health.push(performance.now() - sentAt)
      await sleep(HEALTH_EVERY_MS)
    }
  })()
  for (let count = 0; count < REQUESTS; count++) {
    const answer = await (await send('tools/call', `{"name":"${tool}","arguments":${args}}`)).text()
    const kind = /"isError":true/.test(answer) ? 'error result' : /"error":/.test(answer) ? 'error' : 'result'
    answers[kind] = (answers[kind] ?? 0) + 1
  }
  isDone = true
  await watch
  return {
    tool,
    body,
    bytes: args.length,
    answers: Object.entries(answers)
      .map(([kind, count]) => `${count} × ${kind}`)
      .join(', '),
    'slowest /healthz, ms': Math.round(Math.max(...health)),
  }
}

function send(method, params = '{}') {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: `{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`,
  })
}

async function readUrl(stderr) {
  let text = ''
  for await (const chunk of stderr.iterator({ destroyOnReturn: false })) {
    text += chunk
    const found = /url=(\S+)/.exec(text)?.[1]
    if (found) break
  }
  stderr.resume()
  return /url=(\S+)/.exec(text)[1]
}
