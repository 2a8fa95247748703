// Writes what follows from the operations: `npm run generate`. A test checks that the files are current.
import { readFileSync, writeFileSync } from 'node:fs'
import { importSource } from './import-source.mjs'

const { buildToolList } = await importSource('src/mcp/tool-list.ts')
const tools = buildToolList()
writeFileSync('src/mcp/tools.generated.json', `${JSON.stringify(tools, null, 2)}\n`)

// The tools that Claude Desktop shows before it installs the bundle; every other field is written by hand.
const manifest = JSON.parse(readFileSync('manifest.json', 'utf8'))
manifest.tools = tools.map(({ name, title }) => ({ name, description: title }))
writeFileSync('manifest.json', `${JSON.stringify(manifest, null, 2)}\n`)
