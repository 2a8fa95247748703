// The inputs of the tools become function tools of OpenAI's agents: `node scripts/e2e/schemas.mjs`. Without strict mode all of
// them do, as they are; strict mode knows no maps, so that tools with one are listed.

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { importSource } from '../import-source.mjs'
import { installPackage } from './tool.mjs'

const PACKAGE = '@openai/agents-core'
const SERVER = { name: 'metronome' }

const { buildToolList } = await importSource('src/mcp/tool-list.ts')
const { mcpToFunctionTool } = await import(pathToFileURL(join(installPackage(PACKAGE), PACKAGE, 'dist/index.mjs')).href)

const tools = buildToolList()
for (const tool of tools) {
  const { parameters } = mcpToFunctionTool(tool, SERVER, false)
  if (!isDeepStrictEqual(parameters.properties, tool.inputSchema.properties))
    throw new Error(`${tool.name}: its input arrives as ${JSON.stringify(parameters)}`)
}
console.log(`ok  ${PACKAGE}: ${tools.length} inputs arrive as they are`)
const rejected = tools.filter((tool) => !mcpToFunctionTool(tool, SERVER, true).strict)
console.log(`    its strict mode rejects: ${rejected.map(({ name }) => name).join(', ') || 'none'}`)
