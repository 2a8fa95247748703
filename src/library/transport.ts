/** A message of JSON-RPC 2.0. */
export type JsonRpcMessage = object

/**
 * Carries messages between a client and the server. Every transport of the MCP SDK is one; written with methods, so that
 * the SDK's narrower message types fit.
 */
export interface Transport {
  start(): Promise<void>
  send(message: JsonRpcMessage): Promise<void>
  close(): Promise<void>
  onmessage?(message: JsonRpcMessage): void
  onclose?(): void
  onerror?(error: Error): void
}
