import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

/** The sandbox of the program, for servers that are none of ours. */
export async function loadSandbox() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-sandbox-'))
  const outfile = join(folder, 'sandbox.mjs')
  const entryPoints = ['src/sandbox/sandbox.ts']
  const define = { PACKAGE_VERSION: '"bench"' }
  await build({ entryPoints, outfile, define, bundle: true, format: 'esm', platform: 'node' })
  const { createSandbox } = await import(pathToFileURL(outfile))
  rmSync(folder, { recursive: true })
  return createSandbox({})
}
