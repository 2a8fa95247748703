// Load on `--http` side by side with two bare SDK servers: npm run bench:http [-- SECONDS]
// 32 connections of tools/call get-customer; rounds take turns, so that a busy machine slows all three alike.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { Agent, request as sendRequest } from 'node:http'

const CONNECTIONS = 32
const ROUNDS = 10
// Until then the compiler is at work, which is no part of a call.
const WARM_UP_CALLS = 3_000
const SECONDS = Number(process.argv[2] ?? 10)
const TICKS_A_SECOND = 100
const WANTED = { requests: 0.9, cpu: 0.6 }

const SERVERS = {
  ours: ['bin/metronome-customers-mcp.js', '--http', '--port', '0', '--sandbox'],
  'McpServer a session': ['bench/bare-server.mjs', 'session'],
  'McpServer a request': ['bench/bare-server.mjs', 'request'],
}

const NOTHING = { calls: 0, errors: 0, seconds: 0, cpu: 0 }

const message = (method, params) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
const INITIALIZE = message('initialize', {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1' },
})
const CALL = message('tools/call', {
  name: 'get-customer',
  arguments: { customer_id: 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc' },
})

async function start(argv) {
  const child = spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  for await (const chunk of child.stderr) {
    text += chunk
    const url = /url=(\S+)/.exec(text)?.[1]
    if (url) break
  }
  child.stderr.resume()
  return { child, url: /url=(\S+)/.exec(text)?.[1], ...NOTHING, times: [] }
}

function post(url, agent, body, session) {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'content-length': Buffer.byteLength(body),
      ...(session && { 'mcp-session-id': session }),
    }
    const request = sendRequest(url, { method: 'POST', agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ text, session: response.headers['mcp-session-id'] }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Seconds of processor time that the process has used; only Linux tells. */
function readCpu(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
}

async function load(server, seconds) {
  const end = performance.now() + seconds * 1000
  const [cpuBefore, startedAt] = [readCpu(server.child.pid), performance.now()]
  const connections = Array.from({ length: CONNECTIONS }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const { session } = await post(server.url, agent, INITIALIZE)
    while (performance.now() < end) {
      const sentAt = performance.now()
      const { text } = await post(server.url, agent, CALL, session)
      server.times.push(performance.now() - sentAt)
      server.calls += 1
      if (!text.includes('"structuredContent"')) server.errors += 1
    }
    agent.destroy()
  })
  await Promise.all(connections)
  server.seconds += (performance.now() - startedAt) / 1000
  server.cpu += readCpu(server.child.pid) - cpuBefore
}

const servers = {}
for (const [name, argv] of Object.entries(SERVERS)) servers[name] = await start(argv)
for (const server of Object.values(servers)) {
  while (server.calls < WARM_UP_CALLS) await load(server, 1)
  Object.assign(server, NOTHING)
  server.times = []
}
for (let round = 0; round < ROUNDS; round++)
  for (const server of Object.values(servers)) await load(server, SECONDS / ROUNDS)

const results = Object.entries(servers).map(([name, { calls, errors, seconds, cpu, times }]) => ({
  name,
  calls,
  errors,
  'requests/s': Math.round(calls / seconds),
  'cpu ms/call': Number(((cpu * 1000) / calls).toFixed(3)),
  'p99 ms': Number(times.sort((a, b) => a - b)[Math.floor(times.length * 0.99)].toFixed(1)),
}))
console.table(results)
const [ours, session, request] = results
const requests = ours['requests/s'] / session['requests/s']
const cpu = ours['cpu ms/call'] / request['cpu ms/call']
console.log(`requests/s against one McpServer a session: ${requests.toFixed(2)} (at least ${WANTED.requests})`)
console.log(`CPU a call against a new McpServer a request: ${cpu.toFixed(2)} (at most ${WANTED.cpu})`)
for (const { child } of Object.values(servers)) child.kill()
process.exitCode = requests >= WANTED.requests && cpu <= WANTED.cpu && ours.errors === 0 ? 0 : 1
