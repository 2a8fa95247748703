import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createListeners, type ListenerOptions, type Listeners } from '../../src/http/listener.ts'
import type { App, Route } from '../../src/http/routes.ts'
import { weighJson } from '../../src/operations/json.ts'

export interface Started {
  readonly port: number
  readonly listeners: Listeners
  /** Name and status of each failed check. */
  readonly rejected: readonly (readonly [check: string, status: number])[]
  readonly errors: readonly unknown[]
}

/** A route, which has its path in the table of routes. */
export type TestRoute = Omit<Route, 'path'>

export function buildApp(routes: Readonly<Record<string, TestRoute>>): App {
  const table = new Map(Object.entries(routes).map(([path, route]) => [path, { path, ...route }]))
  return {
    findRoute: (path) => table.get(path),
    buildRejection: ({ status, message, headers = {} }) =>
      Response.json({ message }, { status, headers: { ...headers } }),
    describeNotFound: () => 'Try /items.',
    parseJson: JSON.parse,
    weighJson,
  }
}

const started = new Set<Listeners>()

/** Serves routes on a free port of the HTTP layer alone. */
export function startListeners(
  routes: Readonly<Record<string, TestRoute>>,
  options: StartOptions = {},
): Promise<Started> {
  return startApp(buildApp(routes), options)
}

type StartOptions = Partial<ListenerOptions> & { readonly host?: string }

/** Serves an app on a free port. */
export async function startApp(app: App, { host = '127.0.0.1', ...options }: StartOptions = {}): Promise<Started> {
  const rejected: [string, number][] = []
  const errors: unknown[] = []
  const listeners = createListeners({
    allowedHosts: [],
    hostHint: 'Use localhost.',
    isAllowedBearer: undefined,
    isSaturated: () => false,
    notReadyReason: () => undefined,
    keepAliveMs: 5_000,
    metricsRoute: {
      path: '/metrics',
      handlers: { GET: async () => new Response('items 1\n') },
      ignoresAccept: true,
    },
    onRejected: ({ check, status }) => rejected.push([check, status]),
    onError: (error) => errors.push(error),
    interrupt() {},
    ...options,
  })
  started.add(listeners)
  const { url } = await listeners.open({ host, port: 0, app })
  return { port: Number(new URL(url).port), listeners, rejected, errors }
}

/** For `afterEach`. */
export async function stopListeners(): Promise<void> {
  const stopping = Array.from(started, (listeners) => listeners.drain(0))
  started.clear()
  await Promise.all(stopping)
}

export interface Sent {
  readonly method?: string
  readonly target?: string
  /** Host is localhost unless given; `undefined` leaves a header out. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body?: string
}

/** The exact bytes of a request, which no HTTP client would send for a test. */
export function formatRequest({ method = 'GET', target = '/items', headers = {}, body = '' }: Sent): string {
  const length = body && headers['transfer-encoding'] === undefined ? { 'content-length': String(body.length) } : {}
  const lines = Object.entries({ host: 'localhost', ...length, ...headers }).flatMap(([name, values = []]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  )
  return [`${method} ${target} HTTP/1.1`, ...lines, '', body].join('\r\n')
}

export interface RawResponse {
  readonly status: number
  readonly headers: Headers
  readonly body: string
}

export async function openSocket(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect(port, host)
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** Sends one request on a connection of its own. */
export async function send(port: number, sent: Sent = {}, address?: string): Promise<RawResponse> {
  const socket = await openSocket(port, address)
  socket.write(formatRequest({ ...sent, headers: { connection: 'close', ...sent.headers } }))
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return parseResponse(Buffer.concat(chunks).toString())
}

function parseResponse(text: string): RawResponse {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = new Headers(
    lines.map((line): [string, string] => [line.split(':', 1)[0] ?? '', line.replace(/^[^:]+:/, '')]),
  )
  return { status: Number(statusLine.split(' ')[1]), headers, body: rest.join('\r\n\r\n') }
}
