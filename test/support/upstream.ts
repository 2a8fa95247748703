import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

/** One request as it arrived. */
export interface ReceivedRequest {
  readonly method: string
  /** Path and query, still percent-encoded. */
  readonly target: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface LocalUpstream {
  readonly baseUrl: string
  readonly requests: ReceivedRequest[]
}

/** Answers one request; `attempt` counts from 0. */
export type Responder = (response: ServerResponse, request: ReceivedRequest, attempt: number) => void

/** A mock of Metronome on a free port of 127.0.0.1; it closes when the test ends. */
export async function startUpstream(respond: Responder): Promise<LocalUpstream> {
  const requests: ReceivedRequest[] = []
  const server = createServer(async (incoming, response) => {
    const { method = '', url = '', headers } = incoming
    try {
      const request = { method, target: url, headers, body: await readText(incoming) }
      requests.push(request)
      respond(response, request, requests.length - 1)
    } catch {
      response.destroy()
    }
  })
  return { baseUrl: `http://127.0.0.1:${await listen(server)}`, requests }
}

/** A server below HTTP, for answers that `node:http` would not write. */
export async function startRawUpstream(onConnection: (socket: Socket, count: number) => void): Promise<LocalUpstream> {
  let count = 0
  const server = createTcpServer((socket) => {
    socket.on('error', () => {})
    onConnection(socket, count++)
  })
  return { baseUrl: `http://127.0.0.1:${await listen(server)}`, requests: [] }
}

/** Answers every request with the same status and body; an object goes out as JSON. */
export function answerWith(status: number, body: unknown = '', headers: Record<string, string> = {}): Responder {
  return (response) => {
    const raw = typeof body === 'string' || Buffer.isBuffer(body)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(raw ? body : JSON.stringify(body))
  }
}

/** Answers the first request with the first responder and so on; the last one answers all that follow. */
export function inTurn(...responders: readonly Responder[]): Responder {
  return (response, request, attempt) =>
    responders[Math.min(attempt, responders.length - 1)]?.(response, request, attempt)
}

/** An address of 127.0.0.1 where nobody listens. */
export async function findClosedAddress(): Promise<string> {
  const server = createTcpServer()
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)) // it listens on TCP
  })
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

/** Listens on a free port until the test ends, then drops every connection. */
export async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))))
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port // it listens on TCP
}

async function readText(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}
