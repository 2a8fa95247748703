#!/usr/bin/env node
// In the syntax of Node 14, and before anything is imported: a Node that is too old must get as far as saying so.
const { node } = process.versions
const [major, minor] = node.split('.').map(Number)
const main = new URL('../dist/main.js', import.meta.url)

function fail(problem) {
  console.error(`metronome-customers-mcp: ${problem}`)
  process.exitCode = 1
}

if (major < 20 || (major === 20 && minor < 19)) {
  fail(`needs Node 20.19 or newer, but ${process.execPath} is Node ${node}`)
} else {
  // Not process.getBuiltinModule, which Node 21 and 22.0 to 22.2 lack.
  import('node:fs').then(({ existsSync }) => {
    if (!existsSync(main)) return fail('not built yet: npm ci && npm run build')
    return import('./compile-cache.js').then(() => import(main))
  })
}
