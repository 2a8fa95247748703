import { createServer } from 'node:http'
import { connect } from 'node:net'
import { listen } from './upstream.ts'

export interface LocalProxy {
  readonly url: string
  /** Method and target of each request: `CONNECT host:port`. */
  readonly requests: string[]
  /** Every header that arrived in clear text. */
  readonly headers: string[]
}

/** A forward proxy on 127.0.0.1 whose tunnels all lead to one port, whatever host was requested; without one it responds 502. Opening a tunnel takes `tunnelMs`. */
export async function startProxy(targetPort: number | undefined, tunnelMs = 0): Promise<LocalProxy> {
  const requests: string[] = []
  const headers: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    headers.push(...request.rawHeaders)
    response.writeHead(502).end()
  })
  server.on('connect', (request, socket) => {
    requests.push(`CONNECT ${request.url}`)
    headers.push(...request.rawHeaders)
    socket.on('error', () => {})
    if (targetPort === undefined) return void socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')
    const tunnel = connect(targetPort, '127.0.0.1', () => {
      setTimeout(() => {
        socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
        tunnel.pipe(socket).pipe(tunnel)
      }, tunnelMs)
    })
    tunnel.on('error', () => socket.destroy())
    socket.on('close', () => tunnel.destroy())
  })
  return { url: `http://127.0.0.1:${await listen(server)}`, requests, headers }
}
