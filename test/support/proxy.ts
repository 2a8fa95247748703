import { createServer } from 'node:http'
import { connect } from 'node:net'
import { listen } from './upstream.ts'

export interface LocalProxy {
  readonly url: string
  /** What each client wanted: `CONNECT host:port`. */
  readonly wanted: string[]
  /** Everything that came in clear text with it. */
  readonly headers: string[]
}

/** A forward proxy on 127.0.0.1 that leads every tunnel to one port, whatever host was wanted; without one it refuses. */
export async function startProxy(targetPort: number | undefined): Promise<LocalProxy> {
  const wanted: string[] = []
  const headers: string[] = []
  const server = createServer((request, response) => {
    wanted.push(`${request.method} ${request.url}`)
    headers.push(...request.rawHeaders)
    response.writeHead(502).end()
  })
  server.on('connect', (request, socket) => {
    wanted.push(`CONNECT ${request.url}`)
    headers.push(...request.rawHeaders)
    socket.on('error', () => {})
    if (targetPort === undefined) return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const tunnel = connect(targetPort, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      tunnel.pipe(socket).pipe(tunnel)
    })
    tunnel.on('error', () => socket.destroy())
    socket.on('close', () => tunnel.destroy())
  })
  return { url: `http://127.0.0.1:${await listen(server)}`, wanted, headers }
}
