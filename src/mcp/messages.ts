import { isObject, type JsonObject } from '../operations/operation.ts'

/** Params that a request may leave out; some clients write null for what they leave out. */
const OPTIONAL_PARAMS = ['arguments', 'cursor', '_meta'] as const

/**
 * A message as the protocol has it. Go clients write `null` for absent fields, some agents send all arguments as one JSON
 * text, and where no tasks are declared, a request to run a call as a task is to be ignored.
 */
export function normalizeMessage(message: unknown): unknown {
  if (Array.isArray(message)) return message.map((item) => (Array.isArray(item) ? item : normalizeMessage(item)))
  if (!isObject(message) || typeof message.method !== 'string') return message
  const { params, ...rest } = message
  if (params === null) return rest
  return isObject(params) ? { ...message, params: normalizeParams(message.method, params) } : message
}

function normalizeParams(method: string, params: JsonObject): JsonObject {
  const normalized = { ...params }
  if (method === 'tools/call') delete normalized.task
  for (const name of OPTIONAL_PARAMS) if (normalized[name] === null) delete normalized[name]
  if (typeof normalized.arguments === 'string') normalized.arguments = parseObject(normalized.arguments)
  if (isObject(normalized._meta) && normalized._meta.progressToken === null) {
    const { progressToken: _, ...meta } = normalized._meta
    normalized._meta = meta
  }
  return normalized
}

/** Arguments that are neither an object nor the text of one are left for the call to reject. */
function parseObject(text: string): unknown {
  try {
    const json: unknown = JSON.parse(text)
    return isObject(json) ? json : { arguments: text }
  } catch {
    return { arguments: text }
  }
}
