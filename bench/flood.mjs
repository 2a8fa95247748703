// The worst that callers and Metronome can send, one after the other, to a server with little memory. It has to stay
// up, within MAX_RSS_MIB, and answer /healthz in time. npm run bench:flood; an argument selects scenarios. Linux only.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, createServer, request as sendRequest } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'

const MEMORY_MB = 256
const MAX_RSS_MIB = 300
const MAX_HEALTH_MS = 500
// An earlier version may accept larger ones.
const MAX_BODY_BYTES = Number(process.env.FLOOD_BODY_KIB ?? 512) * 1024
const MAX_LINE_BYTES = 4 * 1024 * 1024
const MAX_RESPONSE_BYTES = 5 * 1024 * 1024
const BODIES = 1_050
const CONNECTIONS = 1_000
const LINES = 300
/** Of a call, so that those without a response end soon. */
const TIMEOUT_MS = 4_000
const ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'

const list = (length, build) => Array.from({ length }, (_, index) => build(index))
const record = (length, build) => Object.fromEntries(list(length, build))
const isWanted = (scenario) => scenario.includes(process.argv[2] ?? '')
const rows = []

// What Metronome does with the next requests; `undefined`: nothing.
let respond
const upstream = createServer((request, response) => respond?.(request.resume(), response))
await once(upstream.listen(0, '127.0.0.1'), 'listening')

const env = {
  PATH: process.env.PATH,
  METRONOME_API_KEY: 'key-of-the-flood',
  METRONOME_BASE_URL: `http://127.0.0.1:${upstream.address().port}`,
  METRONOME_TIMEOUT_MS: String(TIMEOUT_MS),
  METRONOME_LOG: 'info',
}

function startServer(argv, stdio) {
  const node = [`--max-old-space-size=${MEMORY_MB}`, 'bin/metronome-customers-mcp.js', ...argv]
  const child = spawn(process.execPath, node, { env, stdio: [...stdio, 'pipe'] })
  const server = { child, stderr: '', end: undefined }
  child.stderr.on('data', (chunk) => {
    if (server.stderr.length < 10_000) server.stderr += chunk
  })
  child.on('exit', (code, signal) => {
    server.end = signal ?? code
  })
  return server
}

function toolCall(tool, args, id = 1) {
  const params = `{"name":"${tool}","arguments":${JSON.stringify(args)}}`
  return `{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":${params}}`
}

/** A request with as many blanks as the size needs. */
const pad = (text, bytes) => Buffer.concat([Buffer.from(text), Buffer.alloc(bytes - Buffer.byteLength(text), ' ')])

/** What came back, in a word. */
function nameResult(text) {
  if (/"isError":true/.test(text)) return 'error result'
  return /"error":/.test(text) ? 'error' : 'result'
}

function addRow({ scenario, responses, server, startedAt, slowestMs, mostMs }) {
  const peak = server.end === undefined ? readPeak(server.child.pid) : undefined
  const isMet = peak !== undefined && peak <= MAX_RSS_MIB && !(slowestMs > mostMs)
  const counts = new Map()
  for (const kind of responses) counts.set(kind, (counts.get(kind) ?? 0) + 1)
  const row = {
    scenario,
    responses: Array.from(counts, ([kind, times]) => `${times} × ${kind}`).join(', '),
    s: Math.round((performance.now() - startedAt) / 1000),
    'peak RSS, MiB': peak ?? `ended with ${server.end}`,
    'slowest /healthz, ms': slowestMs ?? '',
    'at most, ms': mostMs === undefined ? '' : Math.round(mostMs),
    '': isMet ? 'met' : 'MISSED',
  }
  console.log(`| ${Object.values(row).join(' | ')} |`)
  rows.push(row)
}

const readPeak = (pid) =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024)

/** Serves HTTP for all scenarios, and probes /healthz in a thread of its own, since this one is busy with sending. */
async function openHttp() {
  const server = startServer(['--http', '--port', '0'], ['ignore', 'ignore'])
  while (!/url=\S+\/mcp/.test(server.stderr)) await once(server.child.stderr, 'data')
  const { hostname, port, origin } = new URL(/url=(\S+)/.exec(server.stderr)[1])
  const prober = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads')
     const times = []
     parentPort.on('message', () => parentPort.postMessage(times.splice(0)))
     ;(async () => {
       for (;;) {
         const sentAt = performance.now()
         await fetch(workerData).then((response) => response.text()).catch(() => {})
         times.push(performance.now() - sentAt)
         await new Promise((resolve) => setTimeout(resolve, 20))
       }
     })()`,
    { eval: true, workerData: `${origin}/healthz` },
  )
  async function readSlowest() {
    prober.postMessage('read')
    const [times] = await once(prober, 'message')
    return Math.round(Math.max(0, ...times))
  }
  /** Runs one scenario, which returns what came back; `mostMs` is how long /healthz may take. */
  async function measure(scenario, run, mostMs = MAX_HEALTH_MS) {
    if (server.end !== undefined || !isWanted(scenario)) return
    await readSlowest()
    // Resets the peak of the resident memory.
    writeFileSync(`/proc/${server.child.pid}/clear_refs`, '5')
    const startedAt = performance.now()
    const responses = await run()
    // The last probe may still wait.
    await sleep(100)
    addRow({ scenario, responses, server, startedAt, slowestMs: await readSlowest(), mostMs })
  }
  async function close() {
    await prober.terminate()
    server.child.kill()
    if (server.end !== undefined) console.log(server.stderr.slice(-1_000))
  }
  return { address: { host: hostname, port }, measure, close }
}

const { address, measure, close } = await openHttp()
const agent = new Agent({ keepAlive: true, maxSockets: BODIES })

function post(body) {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length }
    const request = sendRequest({ ...address, agent, method: 'POST', path: '/mcp', headers }, async (response) => {
      let text = ''
      for await (const chunk of response) if (text.length < 100_000) text += chunk
      resolve(response.statusCode === 200 ? nameResult(text) : response.statusCode)
    })
    request.on('error', ({ code }) => resolve(code))
    request.end(body)
  })
}

/** Opens connections, sends text on each, and leaves after some seconds. */
async function holdConnections(text) {
  const hold = async () => {
    const socket = connect(address).on('error', () => {})
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.write(text)
    await sleep(3_000)
    socket.destroy()
    return /^HTTP\/1.1 (\d+)/.exec(received)?.[1] ?? 'no response'
  }
  return Promise.all(list(CONNECTIONS, hold))
}

/** JSON of the largest response that is accepted. */
function fill(start, element, end = '],"next_page":null}') {
  const count = Math.floor((MAX_RESPONSE_BYTES - 200) / (element.length + 1))
  return start + Array(count).fill(element).join() + end
}

const READ = toolCall('list-customers', {})
const WRITE = toolCall('update-customer-name', { customer_id: ID, name: 'x' })
const manyFields = `{"message":"no",${list(400_000, (index) => `"f${index}":0`).join()}}`
const RESPONSES = {
  'a list of 0': [200, fill('{"data":[', '0'), [READ]],
  'a list of {}': [200, fill('{"data":[', '{}'), [READ]],
  'a list of lists': [200, fill('{"data":[', '[]'), [READ]],
  'ids that are numbers': [200, fill('{"data":[', '{"id":1}'), [READ]],
  'aliases that are numbers': [
    200,
    fill(`{"data":[{"id":"${ID}","ingest_aliases":[`, '0', ']}],"next_page":null}'),
    [READ],
  ],
  'records as documented': [200, fill('{"data":[', JSON.stringify({ id: ID, name: 'x' })), [READ]],
  'an object of 400,000 fields, 400': [400, manyFields, [READ, WRITE]],
  'an object of 400,000 fields, 409': [409, manyFields, [READ, WRITE]],
  'an object of 400,000 fields, 500': [500, manyFields, [READ, WRITE]],
}

for (const [name, [status, text, calls]] of Object.entries(RESPONSES)) {
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
  const compressed = gzipSync(text)
  respond = (_, response) => response.writeHead(status, headers).end(compressed)
  const parsedAt = performance.now()
  JSON.parse(text)
  const mostMs = Math.max(MAX_HEALTH_MS, 2 * (performance.now() - parsedAt))
  const run = async () => {
    const kinds = []
    for (const call of calls) kinds.push(await post(Buffer.from(call)))
    return kinds
  }
  await measure(`response: ${name}`, run, mostMs)
}
respond = undefined

/** Arguments by name: valid, or as costly to reject as possible. */
const ARGUMENTS = {
  aliases: [
    'create-update-customer-ingest-aliases',
    { customer_id: ID, ingest_aliases: list(1_950, (index) => String(index).padEnd(128, 'ü')) },
  ],
  'texts beyond Latin-1': [
    'create-customer',
    { name: 'x', custom_fields: record(50, (index) => [`key${index}`, `Ā${'x'.repeat(9_900)}`]) },
  ],
  'small values': ['create-customer', { name: 'x', custom_fields: record(19_000, (index) => [`k${index}`, '']) }],
  'unknown fields': ['create-customer', record(24_000, (index) => [`field${index}`, null])],
  'a list of lists': ['create-customer', { name: list(170_000, () => []) }],
}

for (const [name, [tool, args]] of Object.entries(ARGUMENTS)) {
  const body = pad(toolCall(tool, args), MAX_BODY_BYTES)
  await measure(`${BODIES} largest bodies: ${name}`, () => Promise.all(list(BODIES, () => post(body))))
}

const introduction = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'flood', version: '1', icons: list(250_000, () => 0) },
}
const initialize = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params: introduction })
await measure(`${BODIES} largest bodies: initialize`, () =>
  Promise.all(list(BODIES, () => post(pad(initialize, MAX_BODY_BYTES)))),
)

/** Many values in few bytes: parsed, they take the most memory. */
const stripe = { billing_provider: 'stripe', delivery_method: 'direct_to_billing_provider' }
const DENSE = {
  'small values': [
    'create-customer',
    (body) => ({ name: 'x', custom_fields: record(19_000, (index) => [`${body}_${index}`, '']) }),
  ],
  'empty objects': [
    'set-billing-provider-configurations-customer',
    () => ({ data: [{ customer_id: ID, ...stripe, configuration: { x: list(9, () => list(2_000, () => ({}))) } }] }),
  ],
}

for (const [name, [tool, build]] of Object.entries(DENSE)) {
  const bodies = list(BODIES, (index) => Buffer.from(toolCall(tool, build(index))))
  const kib = Math.round(bodies[0].length / 1024)
  await measure(`${BODIES} bodies of ${kib} KiB: ${name}`, () => Promise.all(bodies.map(post)))
}

const head = 'POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'
const almost = ' '.repeat(MAX_BODY_BYTES - 1)
const announced = `${head}Content-Length: ${MAX_BODY_BYTES}\r\n\r\n${almost}`
const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${almost.length.toString(16)}\r\n${almost}`
await measure(`${CONNECTIONS} bodies without the last byte`, () => holdConnections(announced))
await measure(`${CONNECTIONS} chunked bodies without an end`, () => holdConnections(chunked))
await close()

/** Sends so many lines to a server on stdio, as fast as it reads them, and waits for all responses. */
async function floodStdio(name, [tool, args]) {
  const scenario = `${LINES} lines of 4 MiB on stdio: ${name}`
  if (!isWanted(scenario)) return
  const server = startServer([], ['pipe', 'pipe'])
  const { stdin, stdout } = server.child
  const startedAt = performance.now()
  const responses = []
  let rest = ''
  stdout.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    responses.push(...lines.map(nameResult))
  })
  stdin.on('error', () => {}) // it may end before it has read everything
  const ended = once(server.child, 'exit')
  for (let id = 1; id <= LINES && server.end === undefined; id++) {
    const line = pad(toolCall(tool, args, id), MAX_LINE_BYTES)
    if (!stdin.write(Buffer.concat([line, Buffer.from('\n')]))) await Promise.race([once(stdin, 'drain'), ended])
  }
  while (responses.length < LINES && server.end === undefined) await sleep(20)
  addRow({ scenario, responses, server, startedAt })
  server.child.kill()
}

await floodStdio('a small call', ['create-customer', { name: 'x' }])
const large = { name: 'x', custom_fields: record(400, (index) => [`key${index}`, `Ā${'x'.repeat(9_900)}`]) }
await floodStdio('texts beyond Latin-1', ['create-customer', large])

upstream.closeAllConnections()
upstream.close()
process.exitCode = rows.every((row) => row[''] === 'met') ? 0 : 1
