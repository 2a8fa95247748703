import { readFileSync } from 'node:fs'
import { defineConfig } from 'tsup'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

export default defineConfig({
  entry: { cli: 'src/cli.ts', index: 'src/index.ts' },
  format: 'esm',
  target: 'node20.19',
  platform: 'node',
  dts: { entry: { index: 'src/index.ts' } },
  clean: true,
  minify: true,
  // Chunks that load on demand: the sandbox, the proxy, HTTP, REST.
  splitting: true,
  treeshake: true,
  // Nothing is left for the user's npm to install.
  noExternal: [/.*/],
  define: { PACKAGE_VERSION: JSON.stringify(version) },
  esbuildOptions(options) {
    // ofetch's entry for Node brings node-fetch-native along, which Node has no need of.
    options.alias = { ofetch: './node_modules/ofetch/dist/index.mjs' }
  },
  // Bundled CommonJS packages call require.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
})
