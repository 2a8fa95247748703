import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

const START_MS = 10_000

/** Starts the program with --http on the sandbox and a free port; resolves when it is ready. */
export async function serveHttp(program) {
  const port = await findPort()
  const child = spawn(program, ['--http', '--sandbox', '--port', String(port)], { stdio: 'ignore' })
  const deadline = Date.now() + START_MS
  while (!(await isReady(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('--http did not become ready')
    await delay(50)
  }
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    async stop() {
      child.kill()
      await once(child, 'exit')
    },
  }
}

async function isReady(port) {
  return fetch(`http://127.0.0.1:${port}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  )
}

/** A port of loopback that is free. */
export async function findPort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}
