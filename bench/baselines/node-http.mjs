// The least that answers tools/list over HTTP: no SDK, no checks.
import { createServer } from 'node:http'
import { TOOL_NAMES } from './customer.mjs'

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  const result = { tools: TOOL_NAMES.map((name) => ({ name, inputSchema: { type: 'object' } })) }
  response.setHeader('content-type', 'application/json')
  response.end(JSON.stringify({ jsonrpc: '2.0', id: JSON.parse(body).id, result }))
})
server.listen(0, '127.0.0.1', () => process.stderr.write(`url=http://127.0.0.1:${server.address().port}/mcp\n`))
