// A plain server with the SDK alone: 15 tools on `McpServer`, over the same sandbox as ours.
// argv[2]: `session` keeps one McpServer a session, `request` makes a new one for each request.
import { randomUUID } from 'node:crypto'
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

async function connect(sessionIdGenerator, onsessioninitialized) {
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator,
    onsessioninitialized,
    enableJsonResponse: true,
  })
  await createMcp().connect(transport)
  return transport
}

const sessions = new Map()

async function answerInSession(request, response) {
  const known = sessions.get(request.headers['mcp-session-id'])
  if (known) return known.handleRequest(request, response)
  const transport = await connect(randomUUID, (id) => sessions.set(id, transport))
  return transport.handleRequest(request, response)
}

async function answerAlone(request, response) {
  const transport = await connect(undefined)
  response.on('close', () => transport.close())
  return transport.handleRequest(request, response)
}

const server = createServer(process.argv[2] === 'session' ? answerInSession : answerAlone)
server.listen(0, '127.0.0.1', () => process.stderr.write(`url=http://127.0.0.1:${server.address().port}/mcp\n`))
