import { readFileSync } from 'node:fs'
import { bundleRequire } from 'bundle-require'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))

/** Imports a TypeScript module of src, for scripts that work on the source and not on the built program. */
export async function importSource(path) {
  const { mod } = await bundleRequire({
    filepath: path,
    esbuildOptions: { define: { PACKAGE_VERSION: JSON.stringify(version) } },
  })
  return mod
}
