import { fileURLToPath } from 'node:url'
import { Client, type ClientOptions } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { expect, test } from 'vitest'

const program = fileURLToPath(new URL('../bin/metronome-customers-mcp.js', import.meta.url))

type Mode = NonNullable<NonNullable<ClientOptions['versionNegotiation']>['mode']>

test.each<[string, Mode, string]>([
  ['legacy', 'legacy', '2025-11-25'],
  ['auto', 'auto', '2026-07-28'],
  ['pinned', { pin: '2026-07-28' }, '2026-07-28'],
])('the official client 2 in its %s mode lists the tools and calls one over stdio', async (_, mode, revision) => {
  const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
  await client.connect(new StdioClientTransport({ command: process.execPath, args: [program, '--sandbox'] }))
  try {
    expect(client.getNegotiatedProtocolVersion()).toBe(revision)
    expect(client.getServerVersion()).toMatchObject({ name: 'metronome-customers-mcp' })
    expect(client.getInstructions()).toContain('list-customers')
    const { tools } = await client.listTools()
    expect(tools).toHaveLength(15)
    const result = await client.callTool({ name: 'list-customers', arguments: {} })
    expect(result).toMatchObject({ structuredContent: { data: expect.any(Array), _note: expect.any(String) } })
    expect(result.isError).toBeUndefined()
    await expect(client.callTool({ name: 'no-such-tool' })).rejects.toMatchObject({ code: -32602 })
  } finally {
    await client.close()
  }
})
