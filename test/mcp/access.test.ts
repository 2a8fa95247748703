import { afterEach, describe, expect, test } from 'vitest'
import { describeServer } from '../../src/mcp/server-info.ts'
import { tools } from '../../src/mcp/tools.ts'
import { asObjects } from '../../src/operations/json.ts'
import { CONTRACT } from '../contract.ts'
import { connectClient } from '../support/harness.ts'
import { send, startMcp } from '../support/http.ts'
import { stopListeners } from '../support/listeners.ts'
import { makeFolder, startProgram, toolCall } from '../support/program.ts'
import { callTool, createStateless, customer, readResponse, request } from '../support/stateless.ts'

const hiddenTools = new Map([['archive-customer', 'this server runs with --read-only']])
const visible = tools.filter(({ name }) => name !== 'archive-customer')
const UNKNOWN = 'Unknown tool: archive-customer (this server runs with --read-only)'

afterEach(stopListeners)

describe('a hidden tool', () => {
  test('is neither listed nor known over HTTP', async () => {
    const { url } = await startMcp(async () => Response.json(customer), { hiddenTools })
    const { text: listed } = await send(url, { body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list' }) })
    expect(JSON.parse(listed).result.tools).toEqual(visible)
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'archive-customer' } })
    const { text } = await send(url, { body })
    expect(JSON.parse(text).error).toMatchObject({ code: -32602, message: expect.stringContaining(UNKNOWN) })
  })

  test('is neither listed nor known in earlier revisions', async () => {
    const { mcp } = await connectClient({ server: { hiddenTools } })
    expect((await mcp.listTools()).tools).toEqual(visible)
    await expect(mcp.callTool({ name: 'archive-customer', arguments: {} })).rejects.toMatchObject({
      code: -32602,
      message: expect.stringContaining(UNKNOWN),
    })
    expect(mcp.getInstructions()).toContain('Some tools are not available: this server runs with --read-only.')
  })

  test('is neither listed nor known in the stateless revision', async () => {
    const { post } = createStateless(async () => Response.json(customer), 5_000, { hiddenTools })
    expect((await readResponse(await post(request('tools/list')))).body).toMatchObject({ result: { tools: visible } })
    expect((await readResponse(await post(callTool('archive-customer', {})))).body).toMatchObject({
      error: { code: -32602, message: UNKNOWN },
    })
  })
})

test('the instructions propose call for many customers', () => {
  expect(describeServer().instructions).toMatch(
    /dozens of customers or more, propose "metronome-customers-mcp call TOOL/,
  )
})

test('the environment comes first in the instructions, and in the title', () => {
  const { title, instructions } = describeServer({ environment: 'production' })
  expect(title).toBe('Metronome customers (production)')
  expect(instructions).toMatch(/^This is the Metronome environment 'production'\.\n/)
})

test('without options the server describes itself as ever', () => {
  expect(describeServer().title).toBe('Metronome customers')
  expect(describeServer().tools).toEqual(tools)
  expect(describeServer({ isSandbox: true }).title).toBe('Metronome customers (sandbox)')
})

describe('the program', () => {
  const listTools = async (args: readonly string[], env: Record<string, string> = {}, dotEnv = '') => {
    const program = startProgram({ args: ['--sandbox', ...args], env, cwd: makeFolder({ '.env': dotEnv }) })
    program.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
    const { result } = await program.receive()
    return { program, names: asObjects(result?.tools).map(({ name }) => name) }
  }

  test('lists only what option and variable both allow, and rejects the rest', async () => {
    const { program, names } = await listTools(['--tools', 'reads'], {
      METRONOME_TOOLS: 'get-customer,create-customer',
    })
    expect(names).toEqual(['get-customer'])
    program.send(toolCall(2, 'create-customer', { name: 'Acme' }))
    expect((await program.receive()).error).toMatchObject({
      code: -32602,
      message: expect.stringContaining('Unknown tool: create-customer (this server runs with --tools)'),
    })
  })

  test('takes no access settings from .env', async () => {
    const { names } = await listTools([], {}, 'METRONOME_READ_ONLY=true\nMETRONOME_TOOLS=get-customer\n')
    expect(names).toHaveLength(CONTRACT.length)
  })

  test.each([
    ['an unknown tool', ['--tools', 'get-custmer'], {}, /did you mean get-customer\?/],
    ['nothing left', ['--read-only', '--tools', 'writes'], {}, /no tool is left/],
    ['a malformed boolean', [], { METRONOME_READ_ONLY: 'yes' }, /METRONOME_READ_ONLY must be true or false/],
    ['two environments', ['--environment', 'a'], { METRONOME_ENVIRONMENT: 'b' }, /different environments/],
  ])('ends with 2 for %s', async (_, args, env, message) => {
    const program = startProgram({ args: ['--sandbox', ...args], env })
    expect(await program.ended).toEqual({ code: 2, signal: null })
    expect(program.stderr()).toMatch(message)
  })
})

test('server keys of nine characters leave room for every tool name', () => {
  // Claude's limit for mcp__<server>__<tool>.
  for (const { name } of tools) expect(`mcp__metro-stg__${name}`.length).toBeLessThanOrEqual(64)
})
