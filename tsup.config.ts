import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { defineConfig, type Options } from 'tsup'
import { dropUnusedSchemas, replaceModule, slimPromClient, slimUndici, toCommonJs } from './scripts/bundling.ts'
import { createNotices } from './scripts/notices.ts'
import { tools } from './src/mcp/tool-list.ts'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

const shared: Options = {
  target: 'node20.19',
  platform: 'node',
  minify: true,
  // Nothing is left for the user's npm to install.
  noExternal: [/.*/],
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  esbuildPlugins: [
    // tools/list is known when the program is built; a start need not make it from the schemas again.
    replaceModule(/\/tool-list\.ts$/, `export const tools = ${JSON.stringify(tools)}`),
    dropUnusedSchemas,
    slimUndici,
    slimPromClient,
    // The SDK's second validator, second zod and second converter: none is called by a server whose schemas are zod 4.
    replaceModule(/\/ajv-provider\.js$/, 'export class AjvJsonSchemaValidator {}'),
    replaceModule(/^zod\/v3$/, 'export {}'),
    replaceModule(/^zod-to-json-schema$/, 'export const zodToJsonSchema = undefined'),
    createNotices(),
  ],
  esbuildOptions(options) {
    // ofetch's entry for Node brings node-fetch-native along, which Node has no need of.
    options.alias = { ofetch: './node_modules/ofetch/dist/index.mjs' }
  },
}

// Several builds write there at the same time, so that none of them may clean it.
rmSync('dist', { recursive: true, force: true })

/** What imports the package loads the program's own chunks: a second bundle would double the tarball. */
function writeModuleEntry(): void {
  const require = createRequire(import.meta.url)
  const names = Object.keys(require('./dist/library.cjs')).sort().join(', ')
  writeFileSync('dist/index.js', `import library from './library.cjs'\nexport const { ${names} } = library\n`)
}

export default defineConfig([
  // CommonJS, since V8's code cache takes scripts only; splitting, for what loads on demand: calls, sandbox, proxy.
  {
    ...shared,
    entry: { cli: 'src/cli.ts', library: 'src/index.ts' },
    format: 'esm',
    splitting: true,
    plugins: [toCommonJs],
    outExtension: () => ({ js: '.cjs' }),
    onSuccess: async () => writeModuleEntry(),
  },
  { ...shared, entry: { start: 'src/start/start.ts' }, format: 'cjs' },
  { entry: { index: 'src/index.ts' }, format: 'esm', dts: { only: true } },
])
