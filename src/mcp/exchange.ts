import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js'
import { withoutTask } from './task.ts'

/**
 * Lets a fresh server answer some requests, and collects its answers. A third of the cost of the SDK's own transport,
 * which reads headers, checks and parses what has been read, checked and parsed already.
 */
export async function exchange(server: Server, requests: readonly JSONRPCRequest[]): Promise<JSONRPCMessage[]> {
  const answers: JSONRPCMessage[] = []
  let whenAnswered = () => {}
  const answered = new Promise<void>((resolve) => {
    whenAnswered = resolve
  })
  const transport: Transport = {
    async start() {},
    async send(message) {
      // Progress has no place in a single JSON answer.
      if ('method' in message) return
      answers.push(message)
      if (answers.length === requests.length) whenAnswered()
    },
    async close() {},
  }
  await server.connect(transport)
  for (const request of requests) transport.onmessage?.(withoutTask(request))
  await answered
  return answers
}
