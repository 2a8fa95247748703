// A plain server with the SDK alone, from node_modules.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import * as z from 'zod'
import { getCustomer, INFO, TOOL_NAMES } from './customer.mjs'

const server = new McpServer(INFO)
const inputSchema = { customer_id: z.uuid().describe('Customer id.') }
const outputSchema = { data: z.looseObject({ id: z.string(), name: z.string() }) }
for (const name of TOOL_NAMES) server.registerTool(name, { description: name, inputSchema, outputSchema }, getCustomer)
await server.connect(new StdioServerTransport())
