// Time and memory from spawn to the tools/list response, over stdio and HTTP.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import { interleave, median, pairedRatio, readMemory, row } from './stats.mjs'
import { openServer, timeRun } from './stdio-client.mjs'

const ROUNDS = 25
const PROGRAM = 'bin/metronome-customers-mcp.js'
const STDIO = {
  ours: PROGRAM,
  'json lines': 'bench/baselines/json-lines.mjs',
  McpServer: 'bench/baselines/mcp-server.mjs',
}
const HTTP = {
  ours: [PROGRAM, '--http', '--port', '0', '--sandbox'],
  'node:http': ['bench/baselines/node-http.mjs'],
  McpServer: ['bench/bare-server.mjs'],
}

export async function measureStart(node, env, limits) {
  // Node writes its compile cache when a process exits.
  await (await openServer(node, [PROGRAM], env)).close()
  const memory = { ours: [], 'json lines': [], McpServer: [] }
  const floor = () => timeRun(node, ['-e', '0'])
  const start = (name) => async () => {
    const server = await openServer(node, [STDIO[name]], env)
    memory[name].push(readMemory(server.pid))
    await server.close()
    return server.startMs
  }
  const times = await interleave(ROUNDS, { floor, ...mapValues(STDIO, (_, name) => start(name)) })
  const mib = (name) => `${name} ${median(memory[name]).toFixed(0)} MiB`
  return [
    ratioRow('spawn to tools/list, stdio, second start', times, limits.stdio),
    row(
      'memory after tools/list',
      mib('ours'),
      `${mib('json lines')}, ${mib('McpServer')}`,
      median(memory.ours) / median(memory['json lines']),
      1.35,
      1.15,
    ),
  ]
}

export async function measureHttpStart(node, env, limits) {
  const floor = () => timeRun(node, ['-e', '0'])
  const start = (argv) => () => timeHttpStart(node, argv, env)
  await timeHttpStart(node, HTTP.ours, env)
  const times = await interleave(ROUNDS, { floor, ...mapValues(HTTP, start) })
  return [ratioRow('spawn to tools/list, --http, second start', times, limits.http)]
}

function ratioRow(figure, { floor, ours, ...others }, [atMost, stretch]) {
  const show = (name, values) => `${name} ${median(values).toFixed(0)} ms (${pairedRatio(values, floor).toFixed(2)})`
  const compared = [`node -e 0 ${median(floor).toFixed(0)} ms`, ...Object.entries(others).map(([n, v]) => show(n, v))]
  return row(figure, `${median(ours).toFixed(0)} ms`, compared.join(', '), pairedRatio(ours, floor), atMost, stretch)
}

/** Milliseconds from spawn to the tools/list response of a server that writes `url=...` to stderr. */
async function timeHttpStart(node, argv, env) {
  const startedAt = performance.now()
  const child = spawn(node, argv, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env, METRONOME_LOG: 'info' },
  })
  const url = await new Promise((resolve) => {
    let text = ''
    child.stderr.on('data', (chunk) => {
      text += chunk
      const found = /url="?(http[^\s"]+)/.exec(text)?.[1]
      if (found) resolve(found)
    })
  })
  const answer = await listTools(url)
  const time = performance.now() - startedAt
  if (!answer.result?.tools?.length) throw new Error(`${argv.join(' ')} listed no tools`)
  child.kill('SIGTERM')
  await once(child, 'close')
  return time
}

function listTools(url) {
  const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
  return new Promise((resolve, reject) => {
    const request = sendRequest(url, { method: 'POST', headers }, async (response) => {
      let text = ''
      for await (const chunk of response) text += chunk
      resolve(JSON.parse(text))
    })
    request.on('error', reject)
    request.end('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
  })
}

function mapValues(object, map) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, map(value, name)]))
}
