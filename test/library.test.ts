import { execFile, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { expect, test } from 'vitest'
import { createServer, operations, type ServerOptions } from '../src/index.ts'
import { makeFolder } from './support/program.ts'
import { answerWith, startUpstream } from './support/upstream.ts'

const KEY = 'mk_test_0123456789abcdef'

async function connect(options: ServerOptions) {
  const server = createServer(options)
  const client = new Client({ name: 'test', version: '0' })
  const [ours, theirs] = InMemoryTransport.createLinkedPair()
  await server.connect(theirs)
  await client.connect(ours)
  return { server, client }
}

test('operations say of every tool what a client is told of it', async () => {
  const { client, server } = await connect({ sandbox: true })
  const { tools } = await client.listTools()
  expect(
    operations.map(({ name, title, description, hints, inputSchema, outputSchema }) => ({
      name,
      title,
      description,
      inputSchema,
      outputSchema,
      annotations: {
        title,
        readOnlyHint: hints.readOnly,
        destructiveHint: hints.destructive,
        idempotentHint: hints.idempotent,
        openWorldHint: true,
      },
    })),
  ).toEqual(tools)
  await server.close()
})

test('a server calls Metronome with the key it was given, and hides the key in what it answers', async () => {
  const { baseUrl, requests } = await startUpstream(answerWith(400, { message: `bad token ${KEY}` }))
  const lines: string[] = []
  const { client, server } = await connect({ apiKey: KEY, baseUrl, log: (line) => lines.push(line) })
  const result = await client.callTool({ name: 'list-customers', arguments: {} })
  expect(requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`)
  expect(JSON.stringify(result)).toContain('bad token [redacted]')
  expect(JSON.stringify([result, lines])).not.toContain(KEY)
  await server.close()
})

test('a call that wishes to be a task is answered like any other, since no tasks are declared', async () => {
  const { client, server } = await connect({ sandbox: true })
  const result = await client.callTool({ name: 'list-customers', arguments: { limit: 1 }, task: { ttl: 1000 } })
  expect(result.structuredContent).toMatchObject({ data: [{}] })
  await server.close()
})

test('closing ends the connection for both sides', async () => {
  const { client, server } = await connect({ sandbox: true })
  const closed = new Promise<void>((resolve) => {
    client.onclose = resolve
  })
  await server.close()
  await closed
})

test('options that cannot be used are refused at once', () => {
  expect(() => createServer({ apiKey: 'two words' })).toThrow(/white space/)
  expect(() => createServer({ baseUrl: 'http://metronome.example' })).toThrow(/https/)
  expect(() => createServer({ timeoutMs: 1 })).toThrow(/1000/)
})

test('the sandbox takes no key, not even one that cannot be one', () => {
  expect(() => createServer({ sandbox: true, apiKey: 'two words' })).not.toThrow()
})

test('the environment is not read', async () => {
  process.env.METRONOME_API_KEY = KEY
  const { client, server } = await connect({})
  delete process.env.METRONOME_API_KEY
  expect(JSON.stringify(await client.callTool({ name: 'list-customers', arguments: {} }))).toContain('is not set')
  await server.close()
})

test('the examples of docs/programmatic.md run on the built package', async () => {
  const page = readFileSync('docs/programmatic.md', 'utf8')
  const examples = Array.from(page.matchAll(/```js\n(.*?)```/gs), ([, code = '']) => code)
  const outputs = await Promise.all(
    examples.map((code) => promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])),
  )
  expect(outputs.map(({ stdout }) => stdout.trimEnd().split('\n'))).toEqual([
    ['Acme Robotics'],
    expect.arrayContaining(['writes archive-customer id', 'reads  get-customer customer_id']),
  ])
})

test('the types stand alone: no zod, no SDK, checked with skipLibCheck off', () => {
  const folder = makeFolder({ 'package.json': '{"type":"module"}' })
  const installed = join(folder, 'node_modules/metronome-customers-mcp')
  mkdirSync(installed, { recursive: true })
  for (const part of ['package.json', 'dist']) cpSync(part, join(installed, part), { recursive: true })
  writeFileSync(
    join(folder, 'consumer.ts'),
    `import { createServer, operations, type Transport } from 'metronome-customers-mcp'
     const names: readonly string[] = operations.map(({ name }) => name)
     export const serve = (transport: Transport): Promise<void> => createServer({ sandbox: true }).connect(transport)
     // @ts-expect-error: no such option, so the types are not simply any
     createServer({ sandbx: names })`,
  )
  const compilerOptions = {
    strict: true,
    skipLibCheck: false,
    module: 'nodenext',
    target: 'es2022',
    types: [],
    noEmit: true,
  }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  const { stdout } = spawnSync(process.execPath, [resolve('node_modules/typescript/bin/tsc')], {
    cwd: folder,
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
})
