import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { describe, expect, test } from 'vitest'
import { CONTRACT } from '../contract.ts'
import { PROGRAM, shareProgram } from '../support/program.ts'

type Mode = NonNullable<NonNullable<ClientOptions['versionNegotiation']>['mode']>

const modes: readonly [name: string, mode: Mode, revision: string][] = [
  ['legacy', 'legacy', '2025-11-25'],
  ['auto', 'auto', '2026-07-28'],
  ['pinned', { pin: '2026-07-28' }, '2026-07-28'],
]

const server = shareProgram({ args: ['--http', '--sandbox', '--port', '0'] })

describe.each(modes)('the official client 2 in its %s mode lists the tools and calls one', (_, mode, revision) => {
  test('over stdio', async () => {
    await useTools(new StdioClientTransport({ command: process.execPath, args: [PROGRAM, '--sandbox'] }))
  })

  test('over HTTP', async () => {
    await server().seeOnStderr('/mcp')
    const [url = ''] =
      server()
        .stderr()
        .match(/http:\S+/) ?? []
    await useTools(new StreamableHTTPClientTransport(new URL(url)))
  })

  async function useTools(transport: Parameters<Client['connect']>[0]): Promise<void> {
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(transport)
    try {
      expect(client.getNegotiatedProtocolVersion()).toBe(revision)
      expect(client.getServerVersion()).toMatchObject({ name: 'metronome-customers-mcp' })
      expect(client.getInstructions()).toContain('list-customers')
      const { tools } = await client.listTools()
      expect(tools).toHaveLength(CONTRACT.length)
      const result = await client.callTool({ name: 'list-customers', arguments: {} })
      expect(result).toMatchObject({ structuredContent: { data: expect.any(Array), _note: expect.any(String) } })
      expect(result.isError).toBeUndefined()
      await expect(client.callTool({ name: 'no-such-tool' })).rejects.toMatchObject({ code: -32602 })
    } finally {
      await client.close()
    }
  }
})
