import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { CLIENTS, findTooLongNames, type McpClient } from '../../src/cli/print-config/clients.ts'
import { operations } from '../../src/operations/index.ts'

const readJson = (path: string) => JSON.parse(readFileSync(path, 'utf8'))
const readText = (path: string) => readFileSync(path, 'utf8')

const packageJson = readJson('package.json')
const server = readJson('server.json')
const bundle = readJson('manifest.json')
const extension = readJson('gemini-extension.json')

test('every file that names the version names the same one', () => {
  const lock = readJson('package-lock.json')
  expect({
    lock: lock.version,
    lockRoot: lock.packages[''].version,
    server: server.version,
    npm: server.packages[0].version,
    bundle: bundle.version,
    extension: extension.version,
  }).toEqual(
    Object.fromEntries(
      ['lock', 'lockRoot', 'server', 'npm', 'bundle', 'extension'].map((name) => [name, packageJson.version]),
    ),
  )
  const [newest = '', released] = Array.from(readText('CHANGELOG.md').matchAll(/^## (\S+)/gm), ([, title]) => title)
  expect(newest).toBe('Unreleased')
  if (released) expect(released).toBe(packageJson.version)
})

test('every file names the same package and server', () => {
  expect(server.name).toBe(packageJson.mcpName)
  expect(readText('deploy/Dockerfile')).toContain(`LABEL io.modelcontextprotocol.server.name="${server.name}"`)
  expect(server.packages[0].identifier).toBe(packageJson.name)
  expect(server.repository.url).toBe(packageJson.repository.url.replace(/^git\+|\.git$/g, ''))
  expect(bundle.repository.url).toBe(packageJson.repository.url.replace(/^git\+/, ''))
  expect(bundle.license).toBe(packageJson.license)
  expect(Object.keys(extension.mcpServers)).toEqual([extension.name])
  expect(extension.mcpServers[extension.name].args).toEqual(['-y', packageJson.name])
  expect(bundle.compatibility.runtimes.node).toBe(packageJson.engines.node)
})

test('no manifest gives the server a name under which a client would drop tools', () => {
  for (const name of [bundle.name, bundle.display_name, ...Object.keys(extension.mcpServers)])
    for (const client of Object.values<McpClient>(CLIENTS))
      expect(client.toolNames ? findTooLongNames(name, client.toolNames) : []).toEqual([])
})

test('the bundle lists the tools and keeps the key with the system', () => {
  expect(bundle.tools).toEqual(operations.map(({ tool, title }) => ({ name: tool, description: title })))
  expect(bundle.user_config.api_key).toMatchObject({ type: 'string', sensitive: true, required: true })
  expect(bundle.server.mcp_config.env).toEqual({
    // biome-ignore-start lint/suspicious/noTemplateCurlyInString: Claude Desktop fills them in
    METRONOME_API_KEY: '${user_config.api_key}',
    METRONOME_READ_ONLY: '${user_config.read_only}',
    METRONOME_CONFIRM_ARCHIVES: '${user_config.confirm_archives}',
    METRONOME_ENVIRONMENT: '${user_config.environment}',
    // biome-ignore-end lint/suspicious/noTemplateCurlyInString: Claude Desktop fills them in
  })
  expect(bundle.user_config.read_only).toMatchObject({ type: 'boolean', default: false })
  expect(bundle.user_config.confirm_archives).toMatchObject({ type: 'boolean', default: false })
})

test('every manifest offers the key, and the guards as optional settings', () => {
  const guards = ['METRONOME_READ_ONLY', 'METRONOME_CONFIRM_ARCHIVES', 'METRONOME_ENVIRONMENT']
  expect(Object.keys(bundle.server.mcp_config.env)).toEqual(['METRONOME_API_KEY', ...guards])
  expect(extension.settings).toMatchObject([
    { envVar: 'METRONOME_API_KEY', sensitive: true },
    ...guards.map((envVar) => ({ envVar, sensitive: false, description: expect.stringMatching(/^Optional: /) })),
  ])
  expect(server.packages[0].environmentVariables).toMatchObject([
    { name: 'METRONOME_API_KEY', isRequired: true, isSecret: true },
    ...guards.map((name) => ({ name, isRequired: false, isSecret: false })),
  ])
  for (const name of guards) expect(readText('docs/configuration.md')).toContain(`\`${name}\``)
})

test('README, safety page, manifests and doctor name the same place for keys', () => {
  const doctor = readText('src/cli/doctor/settings.ts')
  const texts = { README: readText('README.md'), safety: readText('docs/safety.md'), doctor }
  const manifests = Object.fromEntries(
    ['manifest.json', 'server.json', 'gemini-extension.json'].map((file) => [file, readText(file)]),
  )
  for (const [file, text] of Object.entries({ ...texts, ...manifests })) {
    expect([file, text.replace(/\s+/g, ' ')]).toEqual([file, expect.stringContaining('Developer > API tokens')])
    expect([file, text]).not.toEqual([file, expect.stringContaining('Connections')])
  }
})

// The published schema is not on npm; these are its rules for a server with an npm package.
const registryEntry = z.strictObject({
  $schema: z.literal('https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json'),
  name: z
    .string()
    .max(200)
    .regex(/^[a-zA-Z0-9.-]+\/[a-zA-Z0-9._-]+$/),
  title: z.string().min(1).max(100),
  description: z.string().min(1).max(100),
  repository: z.strictObject({ url: z.url(), source: z.literal('github') }),
  version: z
    .string()
    .max(255)
    .regex(/^\d+\.\d+\.\d+$/),
  packages: z
    .array(
      z.strictObject({
        registryType: z.literal('npm'),
        identifier: z.string(),
        version: z.string().regex(/^\d+\.\d+\.\d+$/),
        runtimeHint: z.literal('npx'),
        transport: z.strictObject({ type: z.literal('stdio') }),
        environmentVariables: z.array(
          z.strictObject({
            name: z.string(),
            description: z.string(),
            isRequired: z.boolean(),
            isSecret: z.boolean(),
            format: z.enum(['string', 'number', 'boolean', 'filepath']).optional(),
          }),
        ),
      }),
    )
    .length(1),
})

test('server.json keeps the rules of the MCP registry', () => {
  expect(registryEntry.parse(server)).toEqual(server)
})
