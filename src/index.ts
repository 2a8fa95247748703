export { type JsonSchema, type OperationInfo, operations } from './library/operations.ts'
export { type CustomersServer, createServer, type ServerOptions } from './library/server.ts'
export type { JsonRpcMessage, Transport } from './library/transport.ts'
export { VERSION } from './version.ts'
