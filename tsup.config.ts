import { readFileSync } from 'node:fs'
import type { Plugin } from 'esbuild'
import { defineConfig } from 'tsup'
import { createNotices } from './scripts/notices.ts'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

/** Puts `contents` in the place of modules that are imported but never called. */
function stub(filter: RegExp, contents: string): Plugin {
  const namespace = `stub ${filter}`
  return {
    name: namespace,
    setup(build) {
      build.onResolve({ filter }, ({ path }) => ({ path, namespace, sideEffects: false }))
      build.onLoad({ filter: /.*/, namespace }, () => ({ contents }))
    },
  }
}

export default defineConfig({
  entry: { main: 'src/cli/main.ts' },
  format: 'esm',
  target: 'node20.19',
  platform: 'node',
  splitting: true,
  clean: true,
  minify: true,
  // Users have nothing to install.
  noExternal: [/.*/],
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  // Bundled CommonJS packages load Node's modules with require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  esbuildPlugins: [
    // The SDK's second validator, second zod and second converter: a server whose schemas are zod 4 calls none of them.
    stub(/\/ajv-provider\.js$/, 'export class AjvJsonSchemaValidator {}'),
    stub(/^zod\/v3$/, 'export {}'),
    stub(/^zod-to-json-schema$/, 'export const zodToJsonSchema = undefined'),
    createNotices(),
  ],
  esbuildOptions(options) {
    // ofetch's entry for Node brings node-fetch-native, which Node does not need.
    // jsonc-parser's main is UMD, which cannot be bundled.
    options.alias = {
      ofetch: './node_modules/ofetch/dist/index.mjs',
      'jsonc-parser': './node_modules/jsonc-parser/lib/esm/main.js',
    }
  },
})
