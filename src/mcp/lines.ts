import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import {
  ErrorCode,
  InitializeRequestSchema,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  type RequestId,
} from '@modelcontextprotocol/sdk/types.js'
import { asObject } from '../operation/json.ts'

/** Longest line that is read; a longer one is refused without ending the connection. */
const MAX_LINE_MIB = 4
const MAX_LINE_BYTES = MAX_LINE_MIB * 1024 * 1024
const NEWLINE = 0x0a

/** Why a line is answered with an error. */
export interface LineRefusal {
  readonly code: ErrorCode
  readonly reason: string
  readonly id?: RequestId | undefined
}

/** Reads one JSON-RPC message a line, and goes on after what is none. */
export function readLines(
  input: Readable,
  onMessage: (message: JSONRPCMessage) => void,
  onRefusal: (refusal: LineRefusal) => void,
): void {
  const onLine = (line: Buffer): void => {
    const parsed = parseLine(line)
    if (!parsed) return
    if ('code' in parsed) onRefusal(parsed)
    else onMessage(parsed)
  }
  const tooLong = { code: ErrorCode.InvalidRequest, reason: `a line is longer than ${MAX_LINE_MIB} MiB` }
  input.on(
    'data',
    createLineSplitter(onLine, () => onRefusal(tooLong)),
  )
}

/** `undefined` for a blank line. */
function parseLine(line: Buffer): JSONRPCMessage | LineRefusal | undefined {
  if (!isUtf8(line)) return { code: ErrorCode.ParseError, reason: 'a line is not UTF-8' }
  const text = line.toString('utf8').replace(/^\ufeff/, '')
  if (text.trim() === '') return undefined
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return { code: ErrorCode.ParseError, reason: 'a line is not JSON' }
  }
  return checkMessage(json)
}

function checkMessage(json: unknown): JSONRPCMessage | LineRefusal {
  const { success, data } = JSONRPCMessageSchema.safeParse(json)
  return success ? data : { code: ErrorCode.InvalidRequest, reason: describeInvalid(json), id: readId(json) }
}

/** The SDK would answer a malformed `initialize` with -32603 and its schema's findings. */
export function describeBadHandshake(message: JSONRPCMessage): string | undefined {
  const isHandshake = 'method' in message && message.method === 'initialize'
  if (!isHandshake || InitializeRequestSchema.safeParse(message).success) return undefined
  return 'initialize needs protocolVersion, capabilities and clientInfo'
}

function describeInvalid(json: unknown): string {
  return Array.isArray(json)
    ? 'batches are not served: send one message a line'
    : 'a line is not a JSON-RPC 2.0 message'
}

export function readId(json: unknown): RequestId | undefined {
  const { id } = asObject(json)
  return typeof id === 'string' || typeof id === 'number' ? id : undefined
}

/** Cuts a byte stream into lines. What belongs to a line over the limit is dropped up to its end. */
function createLineSplitter(onLine: (line: Buffer) => void, onTooLong: () => void): (chunk: Buffer) => void {
  let parts: Buffer[] = []
  let size = 0
  const take = (part: Buffer): void => {
    const before = size
    size += part.length
    if (size <= MAX_LINE_BYTES) parts.push(part)
    else if (before <= MAX_LINE_BYTES) {
      parts = []
      onTooLong()
    }
  }
  return (chunk) => {
    let start = 0
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      take(chunk.subarray(start, end))
      if (size <= MAX_LINE_BYTES) onLine(Buffer.concat(parts))
      parts = []
      size = 0
      start = end + 1
    }
    take(chunk.subarray(start))
  }
}
