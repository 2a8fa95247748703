import type { JsonObject } from '../../src/operation/define.ts'
import { operations } from '../../src/operations/index.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import type { Fetch } from '../../src/upstream/attempt.ts'
import { createClient } from '../../src/upstream/client.ts'
import type { Reply } from '../../src/upstream/reply.ts'

export interface OpenSandbox {
  readonly store: Store
  /** Calls a tool through the client that the real Metronome gets, too. */
  readonly call: (tool: string, args: JsonObject, signal?: AbortSignal) => Promise<Reply>
  /** Sends a request past the client. */
  readonly send: (target: string, init?: RequestInit) => Promise<Response>
  /** `METHOD path` of every request that the client sent. */
  readonly sent: readonly string[]
  /** Idempotency-Keys of the writes among them. */
  readonly keys: readonly string[]
}

interface OpenOptions {
  readonly faults?: string
  readonly seed?: number
}

/** A sandbox of one's own, behind a client that does not wait before it repeats. */
export function openSandbox(options: OpenOptions = {}): OpenSandbox {
  const store = createStore()
  const sandbox = createSandbox({ ...options, store })
  const sent: string[] = []
  const keys: string[] = []
  const fetch: Fetch = (url, init) => {
    sent.push(`${init.method} ${new URL(url).pathname}`)
    const key = init.headers.get('idempotency-key')
    if (key !== null) keys.push(key)
    return sandbox.fetch(url, init)
  }
  const client = createClient({
    upstream: { ...sandbox, fetch },
    timeoutMs: 5_000,
    log: () => {},
    sleep: async () => {},
  })
  return {
    store,
    sent,
    keys,
    call: (tool, args, signal) => client.call(findOperation(tool), args, { key: undefined, signal }),
    send: (target, init) => sandbox.fetch(sandbox.baseUrl + target, init),
  }
}

function findOperation(tool: string) {
  const op = operations.find((each) => each.tool === tool)
  if (!op) throw new Error(`no operation ${tool}`)
  return op
}

/** A POST as a client sends it. */
export function post(body: unknown, idempotencyKey?: string): RequestInit {
  return {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  }
}
