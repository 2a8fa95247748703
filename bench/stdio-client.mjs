// The smallest MCP client that can be: it adds as little as possible to what it measures.
import { spawn } from 'node:child_process'
import { once } from 'node:events'

const INITIALIZE = {
  protocolVersion: '2025-11-25',
  capabilities: {},
  clientInfo: { name: 'bench', version: '1' },
}

/** Starts a server on stdio and lists its tools; `startMs` is the time from spawn to that answer. */
export async function openServer(node, argv, env) {
  const startedAt = performance.now()
  const child = spawn(node, argv, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } })
  const waiting = new Map()
  let rest = ''
  let lastId = 0
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      const { id, result, error } = JSON.parse(line)
      waiting.get(id)?.(result ?? error)
      waiting.delete(id)
    }
  })
  const send = (message) => child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const ask = (method, params) =>
    new Promise((resolve) => {
      lastId += 1
      waiting.set(lastId, resolve)
      send({ id: lastId, method, params })
    })

  const { instructions } = await ask('initialize', INITIALIZE)
  send({ method: 'notifications/initialized' })
  const { tools } = await ask('tools/list')
  return {
    pid: child.pid,
    startMs: performance.now() - startedAt,
    instructions,
    tools,
    ping: () => ask('ping'),
    callTool: (name, args) => ask('tools/call', { name, arguments: args }),
    async close() {
      child.stdin.end()
      await once(child, 'close')
    },
  }
}

/** Milliseconds from spawn to exit. */
export async function timeRun(command, argv, options) {
  const startedAt = performance.now()
  const child = spawn(command, argv, { stdio: 'ignore', ...options })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${command} ${argv.join(' ')} ended with ${code}`)
  return performance.now() - startedAt
}
