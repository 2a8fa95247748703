#!/usr/bin/env node
// In the syntax of Node 14, and before anything is imported: a Node that is too old must get as far as saying so.
const { node } = process.versions
const [major, minor] = node.split('.').map(Number)

if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`metronome-customers-mcp: needs Node 20.19 or newer, but ${process.execPath} is Node ${node}`)
  process.exitCode = 1
} else {
  import('./start.js')
}
