#!/usr/bin/env node
import { existsSync } from 'node:fs'
import './compile-cache.js'

const main = new URL('../dist/main.js', import.meta.url)
if (existsSync(main)) await import(main)
else {
  console.error('metronome-customers-mcp: not built yet; in this clone, run: npm ci && npm run build')
  process.exitCode = 1
}
