// The least that answers at all: lines of JSON, no SDK, no checks.
import { getCustomer, INFO, TOOL_NAMES } from './customer.mjs'

const inputSchema = { type: 'object', properties: { customer_id: { type: 'string' } }, required: ['customer_id'] }
const METHODS = {
  initialize: ({ protocolVersion }) => ({ protocolVersion, capabilities: { tools: {} }, serverInfo: INFO }),
  'tools/list': () => ({ tools: TOOL_NAMES.map((name) => ({ name, description: name, inputSchema })) }),
  'tools/call': ({ arguments: args }) => getCustomer(args),
}

let rest = ''
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (rest + chunk).split('\n')
  rest = lines.pop()
  for (const line of lines) answer(JSON.parse(line))
})

async function answer({ id, method, params }) {
  if (id === undefined) return
  const result = await METHODS[method](params)
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`)
}
