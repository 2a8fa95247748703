// Checks the OpenAPI documents that the built program prints: `npm run openapi`. Spectral reads each version by its own schema
// and finds nothing, and the types that two generators make of it fit every example, with no `any` or `unknown` where
// Metronome documents a type.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installTool } from './e2e/tool.mjs'

const PROGRAM = fileURLToPath(new URL('../bin/metronome-customers-mcp.js', import.meta.url))
const TSC = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))

const folder = mkdtempSync(join(tmpdir(), 'openapi-'))
try {
  for (const version of ['3.1', '3.0']) {
    const text = execFileSync(process.execPath, [PROGRAM, 'openapi', '--version', version], { encoding: 'utf8' })
    const { openapi } = JSON.parse(text)
    if (!openapi.startsWith(version)) throw new Error(`asked for ${version}, got ${openapi}`)
    writeFileSync(join(folder, 'openapi.json'), text)
    console.log(`OpenAPI ${openapi}`)
    lint()
    checkAllTypes(listOperations(JSON.parse(text)))
  }
} finally {
  rmSync(folder, { recursive: true })
}

function checkAllTypes(operations) {
  checkTypes('openapi-typescript', ['openapi.json', '-o', 'types.ts'], 'types.ts', (name) => ({
    setUp: 'import type { operations } from "./types.ts"',
    result: `operations[${name}]["responses"][200]["content"]["application/json"]`,
  }))
  checkTypes(
    '@hey-api/openapi-ts',
    ['-i', 'openapi.json', '-o', 'client', '-p', '@hey-api/typescript'],
    'client/types.gen.ts',
    (name) => ({
      setUp: 'import type * as types from "./client/types.gen.ts"',
      result: `types.${toPascalCase(JSON.parse(name))}Responses[200]`,
    }),
  )

  function checkTypes(generator, args, file, describe) {
    run(installTool(generator, generator.split('/').at(-1)), args)
    // Open objects have an index signature, but every named field has a type.
    const untyped =
      readFileSync(join(folder, file), 'utf8').match(/^\s*['"]?[\w-]+['"]?\??: (any|unknown)(\[\])?;?$/gm) ?? []
    if (untyped.length > 0) throw new Error(`${generator}: ${untyped.join('\n')}`)
    const samples = operations.map(({ name, example }, index) => {
      const { result } = describe(JSON.stringify(name))
      return `export const sample${index}: ${result} = ${JSON.stringify(example)}`
    })
    writeFileSync(join(folder, 'samples.ts'), [describe('""').setUp, ...samples, ''].join('\n'))
    const flags = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--allowImportingTsExtensions',
      '--skipLibCheck',
    ]
    run(process.execPath, [TSC, ...flags, 'samples.ts'])
    console.log(`ok  ${generator}: ${samples.length} examples fit the generated types`)
  }
}

function lint() {
  writeFileSync(join(folder, '.spectral.yaml'), 'extends: ["spectral:oas"]\n')
  run(installTool('@stoplight/spectral-cli', 'spectral'), ['lint', 'openapi.json', '--fail-severity', 'hint'])
  console.log('ok  spectral:oas finds nothing')
}

function listOperations({ paths }) {
  return Object.values(paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId, responses }) => ({
      name: operationId,
      example: responses[200].content['application/json'].example,
    })),
  )
}

function toPascalCase(name) {
  return name.replace(/(?:^|-)(\w)/g, (_, letter) => letter.toUpperCase())
}

function run(command, args) {
  try {
    execFileSync(command, args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    throw new Error(`${command}: ${error.stdout}${error.stderr}`)
  }
}
