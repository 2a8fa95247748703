import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as SdkClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as SdkStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as SdkHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ID, OTHER_ID } from '../contract.ts'
import {
  ARCHIVE,
  ARCHIVE_BILLING,
  type AskedForm,
  accept,
  answer,
  archiveCall,
  failureText,
  openConfirming,
  readQuestion,
  typedText,
} from '../support/confirmation.ts'
import { send } from '../support/http.ts'
import { INITIALIZE, PROGRAM, type Program, startProgram, toolCall } from '../support/program.ts'
import { META, type Message, readResponse } from '../support/stateless.ts'

const { CONFIRMATION_SEED, CONFIRMATION_RUNS } = process.env
const OPTIONS = ['--sandbox', '--confirm-archives']
const CALL = { name: ARCHIVE, arguments: { id: ID } }
const NO_FORM = expect.stringContaining(
  'in a form, which this client does not support; archive from Claude Code or Codex',
)

const launch = { command: process.execPath, args: [PROGRAM, ...OPTIONS] }

async function startHttp(...more: string[]): Promise<{ program: Program; url: URL }> {
  const program = startProgram({ args: [...OPTIONS, '--http', '--port', '0', ...more] })
  await program.seeOnStderr('/mcp')
  return { program, url: new URL(/http:\S+\/mcp/.exec(program.stderr())?.[0] ?? '') }
}

describe.each<[string, NonNullable<NonNullable<ClientOptions['versionNegotiation']>['mode']>]>([
  ['legacy', 'legacy'],
  ['auto', 'auto'],
  ['pinned', { pin: '2026-07-28' }],
])('the official client 2 in its %s mode', (name, mode) => {
  /** Calls the tool once for each text that a person types, or once without anybody. */
  async function archive(transport: Parameters<Client['connect']>[0], ...texts: string[]) {
    const capabilities = { elicitation: { form: {} } }
    const client = new Client({ name: 'test', version: '1' }, { versionNegotiation: { mode }, capabilities })
    let typed = ''
    if (texts.length > 0) client.setRequestHandler('elicitation/create', async () => accept(typed) as never)
    await client.connect(transport)
    try {
      const results = []
      for (const text of texts.length > 0 ? texts : ['']) {
        typed = text
        results.push(await client.callTool(CALL))
      }
      return results
    } finally {
      await client.close()
    }
  }

  test('archives over stdio what a person has typed, and nothing after another text', async () => {
    const results = await archive(new StdioClientTransport(launch), 'Acme', 'Acme Robotics')
    expect(results).toMatchObject([
      { isError: true, content: [{ text: expect.stringContaining('with another text') }] },
      { structuredContent: { data: { id: ID } } },
    ])
  })

  test('archives nothing without a handler', async () => {
    const results = archive(new StdioClientTransport(launch)).catch((error: unknown) => ({ error: String(error) }))
    expect(JSON.stringify(await results)).toMatch(/isError":true|error/)
  })

  test('over HTTP', async () => {
    const { url } = await startHttp()
    const [result] = await archive(new StreamableHTTPClientTransport(url), 'Acme Robotics')
    // Without a session, an earlier revision cannot say that it shows forms.
    if (name === 'legacy') expect(result).toMatchObject({ isError: true, content: [{ text: NO_FORM }] })
    else expect(result).toMatchObject({ structuredContent: { data: { id: ID } } })
  })
})

describe('the SDK of the earlier revisions', () => {
  const createClient = () => new SdkClient({ name: 'test', version: '1' }, { capabilities: { elicitation: {} } })

  test('archives over stdio what a person has typed', async () => {
    const client = createClient()
    client.setRequestHandler(
      ElicitRequestSchema,
      ({ params }) => accept(typedText(params as unknown as AskedForm)) as never,
    )
    await client.connect(new SdkStdio(launch))
    expect(await client.callTool(CALL)).toMatchObject({ structuredContent: { data: { id: ID } } })
    await client.close()
  })

  test('is rejected over HTTP', async () => {
    const { url } = await startHttp()
    const client = createClient()
    await client.connect(new SdkHttp(url) as Parameters<SdkClient['connect']>[0])
    expect(await client.callTool(CALL)).toMatchObject({ isError: true, content: [{ text: NO_FORM }] })
    await client.close()
  })
})

test('a batch over HTTP that introduces a client gets no form either', async () => {
  const { url } = await startHttp()
  const initialize = { ...INITIALIZE, params: { ...INITIALIZE.params, capabilities: { elicitation: {} } } }
  const { text } = await send(url.origin, {
    body: JSON.stringify([initialize, toolCall(2, ARCHIVE, { id: ID })]),
    headers: { 'mcp-protocol-version': '2025-03-26' },
  })
  expect(text).not.toContain('elicitation/create')
  expect(text).not.toContain('structuredContent')
})

test('REST is rejected with the reason', async () => {
  const { program } = await startHttp('--rest', '--rest-port', '0')
  await program.seeOnStderr('/openapi.json')
  const [, origin = ''] = /(http:\S+)\/openapi\.json/.exec(program.stderr()) ?? []
  const { status, text } = await send(origin, {
    path: '/v1/v1/customers/archive',
    body: JSON.stringify({ id: ID }),
    headers: { 'content-type': 'application/json' },
  })
  expect([status, JSON.parse(text)]).toEqual([
    403,
    expect.objectContaining({ outcome: 'not_applied', detail: NO_FORM }),
  ])
})

test.each(['SIGTERM', 'end of input'])('%s while a person decides: the call gets its response', async (end) => {
  const program = startProgram({ args: OPTIONS })
  program.send({ ...INITIALIZE, params: { ...INITIALIZE.params, capabilities: { elicitation: {} } } })
  await program.receive()
  program.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  program.send(toolCall(1, ARCHIVE, { id: ID }))
  expect(await program.receive()).toMatchObject({ method: 'elicitation/create' })
  if (end === 'SIGTERM') program.child.kill('SIGTERM')
  else program.child.stdin.end()
  const messages = [await program.receive(), await program.receive()]
  expect(messages).toContainEqual(expect.objectContaining({ method: 'notifications/cancelled' }))
  expect(failureText(messages.find(({ id }) => id === 1) as Message)).toMatch(
    /^archive-customer: this server is stopping\. Nothing was archived\.\nOutcome: not_applied$/,
  )
  expect(await program.ended).toEqual({ code: 0, signal: null })
})

test('whatever a client sends, nothing is archived without the right text for this call and its state', async () => {
  const tools = fc.constantFrom(
    [ARCHIVE, { id: ID }] as const,
    [ARCHIVE, { id: OTHER_ID.toLowerCase() }] as const,
    [ARCHIVE_BILLING, { customer_id: ID, customer_billing_provider_configuration_ids: [] }] as const,
  )
  const typed = fc.oneof(
    fc.constant('the right text'),
    fc.constantFrom('Acme', 'ACME ROBOTICS', '', 'true', 'd7abd0cd', 'Acme Robotics.'),
    fc.anything(),
  )
  const actions = fc.constantFrom('accept', 'accept', 'decline', 'cancel', 'yes', undefined)
  const states = fc.oneof(
    fc.constant('the right state'),
    fc.constantFrom('of another call', 'altered', undefined, null, ''),
    fc.string(),
  )
  const metas = fc.constantFrom(undefined, META)
  await fc.assert(
    fc.asyncProperty(tools, tools, typed, actions, states, metas, async (shown, called, text, action, state, meta) => {
      const metronome = openConfirming()
      const server = metronome.start()
      const ask = async ([tool, args]: readonly [string, object], more: Message = {}) =>
        (await readResponse(await server.post(archiveCall(tool, args, more)))).body
      const first = await ask(shown)
      const question = JSON.stringify(first).includes('input_required') ? readQuestion(first) : undefined
      const isState = state === 'the right state' && question !== undefined
      const sealed = isState ? question.state : state === 'altered' ? `${question?.state}x` : state
      const isText = text === 'the right text' && question !== undefined
      const response = { action, content: { confirmation: isText ? typedText(question.form) : text } }
      await ask(called, { ...answer(response, sealed), ...(meta && { _meta: meta }) })
      const isSameCall = JSON.stringify(shown) === JSON.stringify(called)
      const isConfirmed = isText && isState && isSameCall && action === 'accept' && meta === undefined
      expect(metronome.archives).toHaveLength(isConfirmed ? 1 : 0)
    }),
    { numRuns: Number(CONFIRMATION_RUNS ?? 300), seed: Number(CONFIRMATION_SEED ?? 20260728) },
  )
})
