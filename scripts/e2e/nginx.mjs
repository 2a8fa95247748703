// Three copies behind Debian's nginx with deploy/nginx.conf, under load; one is ended with SIGTERM, one with SIGKILL.
// npm run e2e:nginx; needs nginx and openssl (apt-get install nginx).
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { Agent, request as sendRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { findPort } from './http-server.mjs'

const CALLERS = 24
/** The rate of the file would limit the load, which all comes from one address. */
const LOAD_RATE = 2_000
const FLOOD_REQUESTS = 300
const CALLS_A_PHASE = 600
const DRAIN_MS = 2_000
/** Metronome's answers take up to so long, well within the time to drain. */
const LATENCY_MS = 120
const CUSTOMER_ID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const STUCK = 'stuck'

const workFolder = mkdtempSync(join(tmpdir(), 'metronome-nginx-'))
const children = []

/** A Metronome that notes under which keys each name was set. */
function startUpstream() {
  const keysOf = new Map()
  const server = createServer(async (request, response) => {
    const chunks = await request.toArray()
    if (request.method === 'POST') {
      const { name } = JSON.parse(Buffer.concat(chunks).toString())
      keysOf.set(name, [...(keysOf.get(name) ?? []), request.headers['idempotency-key']])
      if (name.startsWith(STUCK)) return
    }
    await delay(Math.random() * LATENCY_MS)
    const customer = { id: CUSTOMER_ID, external_id: 'x', ingest_aliases: [], name: 'Acme', custom_fields: {} }
    const detail = { ...customer, customer_config: { salesforce_account_id: null } }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ data: detail }))
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ server, keysOf })))
}

async function startCopy(upstreamPort) {
  const argv = ['bin/metronome-customers-mcp.js', '--http', '--port', '0', '--drain-ms', String(DRAIN_MS)]
  const child = spawn(process.execPath, argv, {
    env: {
      PATH: process.env.PATH,
      METRONOME_API_KEY: 'key-of-the-nginx-test',
      METRONOME_BASE_URL: `http://127.0.0.1:${upstreamPort}`,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  children.push(child)
  const copy = { child, stderr: '', port: 0 }
  child.stderr.on('data', (chunk) => {
    copy.stderr += chunk
  })
  while (!copy.stderr.includes('listening')) await once(child.stderr, 'data')
  copy.port = Number(/url=http:\/\/127\.0\.0\.1:(\d+)/.exec(copy.stderr)[1])
  return copy
}

async function startNginx(ports, rate) {
  const folder = mkdtempSync(join(workFolder, 'nginx-'))
  const port = await findPort()
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const subject = ['-subj', '/CN=localhost', '-days', '1', '-nodes', '-newkey', 'rsa:2048']
  execFileSync('openssl', ['req', '-x509', ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  let copies = ports
  const text = readFileSync('deploy/nginx.conf', 'utf8')
    .replace(/10\.0\.0\.\d+:9090 max_fails/g, () => {
      const [first, ...rest] = copies
      copies = rest
      return `127.0.0.1:${first} max_fails`
    })
    .replace('rate=20r/s', `rate=${rate}r/s`)
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('/etc/nginx/tls/fullchain.pem', certificate)
    .replace('/etc/nginx/tls/privkey.pem', key)
    .replace(
      'http {',
      `http {\n  access_log off;\n  client_body_temp_path ${folder}/body;\n  proxy_temp_path ${folder}/proxy;`,
    )
  const file = join(folder, 'nginx.conf')
  const paths = `pid ${folder}/nginx.pid; error_log ${folder}/error.log;`
  writeFileSync(file, `${text}\n`)
  children.push(spawn('nginx', ['-c', file, '-p', folder, '-g', `daemon off; ${paths}`], { stdio: 'ignore' }))
  return { port, ca: readFileSync(certificate) }
}

function createCaller({ port, ca }) {
  const agent = new Agent({ keepAlive: true, ca })
  const headers = {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    // The replicas compare it with Host and its port.
    origin: `https://localhost:${port}`,
  }
  const post = (body) =>
    new Promise((resolve) => {
      const options = { host: 'localhost', port, path: '/mcp', method: 'POST', agent, headers, family: 4 }
      const request = sendRequest(options, async (response) => {
        const chunks = await response.toArray().catch(() => [])
        resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() })
      })
      request.on('error', (error) => resolve({ status: error.code, text: '' }))
      request.end(body)
    })
  const call = (name, args) =>
    post(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } }))
  return {
    read: () => call('get-customer', { customer_id: CUSTOMER_ID }),
    write: (name) => call('update-customer-name', { customer_id: CUSTOMER_ID, name }),
    close: () => agent.destroy(),
  }
}

/** Half reads, half writes; `midway` happens when a third of the calls are done. */
async function loadPhase(phase, caller, midway) {
  const counts = { calls: 0, ok: 0, failed: {} }
  let started = 0
  const work = async () => {
    while (started < CALLS_A_PHASE) {
      const index = started++
      if (index === Math.floor(CALLS_A_PHASE / 3)) midway()
      const { status, text } = await (index % 2 ? caller.write(`${phase}-${index}`) : caller.read())
      counts.calls += 1
      const outcome =
        status === 200 && text.includes('"isError"') ? (/Outcome: \w+/.exec(text)?.[0] ?? 'error') : status
      if (outcome === 200) counts.ok += 1
      else counts.failed[outcome] = (counts.failed[outcome] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, work))
  console.log(phase, JSON.stringify(counts))
  return counts
}

const sum = (counts) => Object.values(counts).reduce((total, count) => total + count, 0)

try {
  const { server, keysOf } = await startUpstream()
  const copies = await Promise.all([1, 2, 3].map(() => startCopy(server.address().port)))
  const nginx = await startNginx(
    copies.map(({ port }) => port),
    LOAD_RATE,
  )
  const caller = createCaller(nginx)
  while ((await caller.read()).status !== 200) await delay(50)
  const [first, second] = copies

  const steady = await loadPhase('steady', caller, () => {})
  assert.deepEqual(steady.failed, {})

  // One write on each copy never gets its answer: those of the copy that ends are cut off.
  const stuck = Array.from({ length: 3 }, (_, index) => caller.write(`${STUCK}-${index}`))
  while ([0, 1, 2].some((index) => !keysOf.has(`${STUCK}-${index}`))) await delay(20)
  const ended = once(first.child, 'exit')
  const term = await loadPhase('SIGTERM', caller, () => first.child.kill('SIGTERM'))
  const [code] = await ended
  assert.deepEqual(term.failed, {})
  assert.equal(code, 0)
  const cutOff = first.stderr.split('\n').filter((line) => line.includes('write-outcome-unknown')).length
  console.log('SIGTERM exit code', code, 'writes cut off', cutOff)
  assert.ok(cutOff > 0, 'no stuck write was on the copy that ended')

  const kill = await loadPhase('SIGKILL', caller, () => second.child.kill('SIGKILL'))
  assert.ok(sum(kill.failed) <= CALLERS, 'more calls failed than were in flight')
  assert.deepEqual(
    Object.keys(kill.failed).filter((outcome) => outcome !== '502'),
    [],
  )

  const third = copies[2]
  third.child.kill('SIGTERM')
  const words = (await Promise.all(stuck)).map(({ status, text }) => /Outcome: \w+/.exec(text)?.[0] ?? status)
  console.log('stuck writes were answered', JSON.stringify(words))
  assert.equal(words.filter((word) => word === 'Outcome: unknown').length >= cutOff, true)

  const replica = await startCopy(server.address().port)
  const limitedCaller = createCaller(await startNginx([replica.port, replica.port, replica.port], 20))
  while ((await limitedCaller.read()).status !== 200) await delay(50)
  const flood = await Promise.all(Array.from({ length: FLOOD_REQUESTS }, () => limitedCaller.read()))
  limitedCaller.close()
  const limited = flood.filter(({ status }) => status === 429).length
  console.log('requests rejected by the limit', limited, 'of', FLOOD_REQUESTS)
  assert.ok(limited > 0, 'the limit rejected nothing')

  const twice = [...keysOf].filter(([, keys]) => new Set(keys).size > 1)
  console.log('writes that reached Metronome', keysOf.size, 'under more than one key', twice.length)
  assert.deepEqual(twice, [])
  caller.close()
  server.closeAllConnections()
  server.close()
  console.log('ok')
} finally {
  // nginx ends its workers only when it may end itself.
  for (const child of children) child.kill('SIGTERM')
  rmSync(workFolder, { recursive: true, force: true })
}
