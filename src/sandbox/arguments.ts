import type { JsonObject, Operation } from '../operation/define.ts'
import { inputJsonSchema } from '../operation/json-schema.ts'
import { operations } from '../operations/index.ts'
import { Refusal, type SandboxRequest } from './exchange.ts'

type Properties = Readonly<Record<string, { readonly type?: string }>>

/** By tool name. */
const queryProperties = new Map(
  operations
    .filter(({ method }) => method === 'GET')
    .map(({ tool, input }) => [tool, inputJsonSchema(input).properties as Properties]), // of an object's schema
)

/** Reads and checks the arguments of a request. As at Metronome, fields that it does not know are passed over. */
export function readArguments(op: Operation, request: SandboxRequest, inPath: JsonObject): JsonObject {
  const rest = op.method === 'GET' ? readQuery(op, request.query) : readBody(request.body)
  const args = { ...rest, ...inPath }
  const issues = op.input.safeParse(args).error?.issues ?? []
  const wrong = issues.filter(({ code }) => code !== 'unrecognized_keys')
  if (wrong.length === 0) return args
  throw new Refusal(400, wrong.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
}

function readBody(text: string): JsonObject {
  let json: unknown
  try {
    json = text === '' ? {} : JSON.parse(text)
  } catch {
    throw new Refusal(400, 'The body is not JSON')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new Refusal(400, 'The body is no object')
  return { ...json }
}

function readQuery({ tool }: Operation, query: URLSearchParams): JsonObject {
  const properties = queryProperties.get(tool)
  return Object.fromEntries(Array.from(query, ([name, text]) => [name, readValue(text, properties?.[name]?.type)]))
}

/** What is not of its type stays as it is, and then fails its check. */
function readValue(text: string, type: string | undefined): unknown {
  if (type === 'array') return text.split(',')
  if (type === 'integer' && /^\d+$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
