// `npm run test:fast`: without the tests that start the built program or a script, and without the long searches for counterexamples.
import { readdirSync, readFileSync } from 'node:fs'
import { defineConfig, mergeConfig } from 'vitest/config'
import config from './vitest.config.ts'

const SLOW = /^project|^calls\/(literal-agent|outcome-model|write-faults|write-property)/
const STARTS_A_PROCESS = /\b(startProgram|runProgram|shareProgram|openWorkplace|PROGRAM)\b/

const left = readdirSync('test', { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.test.ts'))
  .filter((path) => SLOW.test(path) || STARTS_A_PROCESS.test(readFileSync(`test/${path}`, 'utf8')))

export default mergeConfig(config, defineConfig({ test: { exclude: left.map((path) => `test/${path}`) } }))
