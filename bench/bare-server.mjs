// A plain server with the SDK alone: 15 tools on `McpServer`, over the same sandbox as ours.
// Every request gets an McpServer of its own, as without sessions there is no other way.
import { createServer } from 'node:http'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import * as z from 'zod'
import { loadSandbox } from './sandbox.mjs'

const TOOLS = ['get-customer', ...Array.from({ length: 14 }, (_, index) => `other-tool-${index}`)]

const HEADERS = { authorization: 'Bearer bench-key-0123', accept: 'application/json' }
const sandbox = await loadSandbox()

async function callTool({ customer_id }) {
  const response = await sandbox.fetch(`${sandbox.baseUrl}/v1/customers/${customer_id}`, { headers: HEADERS })
  const body = await response.json()
  return { content: [{ type: 'text', text: JSON.stringify(body) }], structuredContent: body }
}

function createMcp() {
  const server = new McpServer({ name: 'bare', version: '1.0.0' })
  const inputSchema = { customer_id: z.uuid().describe('Customer id.') }
  const outputSchema = { data: z.looseObject({ id: z.string(), name: z.string() }) }
  for (const name of TOOLS) server.registerTool(name, { description: name, inputSchema, outputSchema }, callTool)
  return server
}

async function respond(request, response) {
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true })
  await createMcp().connect(transport)
  response.on('close', () => transport.close())
  return transport.handleRequest(request, response)
}

const server = createServer(respond)
server.listen(0, '127.0.0.1', () => process.stderr.write(`url=http://127.0.0.1:${server.address().port}/mcp\n`))
