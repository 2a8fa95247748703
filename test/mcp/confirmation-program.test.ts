import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as SdkClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as SdkStdio } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as SdkHttp } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { acmeStripe } from '../../src/operations/examples.ts'
import { ID, UNKNOWN_ID } from '../contract.ts'
import {
  ARCHIVE,
  ARCHIVE_BILLING,
  type AskedForm,
  accept,
  answer,
  archiveCall,
  askDuringCall,
  type ConfirmingServers,
  failureText,
  isQuestion,
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

/** The program over stdio, in front of a client that shows forms. */
async function startAsking(): Promise<Program> {
  const program = startProgram({ args: OPTIONS })
  program.send({ ...INITIALIZE, params: { ...INITIALIZE.params, capabilities: { elicitation: {} } } })
  await program.receive()
  program.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return program
}

test('as many open forms as requests may be in flight hold no other call up', async () => {
  const program = await startAsking()
  for (let id = 1; id <= 50; id++) {
    program.send(toolCall(id, ARCHIVE, { id: ID }))
    expect(await program.receive()).toMatchObject({ method: 'elicitation/create' })
  }
  program.send(toolCall('read', 'get-customer', { customer_id: ID }))
  expect(await program.receive()).toMatchObject({ id: 'read', result: { structuredContent: { data: { id: ID } } } })
})

test.each(['SIGTERM', 'end of input'])('%s while a person decides: the call gets its response', async (end) => {
  const program = await startAsking()
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

describe('whatever a client sends, and whatever was renamed', () => {
  const RUNS = { numRuns: Number(CONFIRMATION_RUNS ?? 300), seed: Number(CONFIRMATION_SEED ?? 20260728) }
  const HARBORLINE = {
    customer: 'c0904fc0-bd34-4152-9a50-89d0bc2927e0',
    configuration: '5d60021a-ab63-4274-836b-294e1fa74075',
  }
  const billing = (...ids: string[]) =>
    [ARCHIVE_BILLING, { customer_id: ID, customer_billing_provider_configuration_ids: ids }] as const
  const rejected = [
    billing(),
    billing(HARBORLINE.configuration),
    billing(acmeStripe.id, HARBORLINE.configuration),
    billing(acmeStripe.id, UNKNOWN_ID.toUpperCase()),
  ]
  const tools = fc.constantFrom(
    [ARCHIVE, { id: ID }] as const,
    [ARCHIVE, { id: ID }] as const,
    [ARCHIVE, { id: HARBORLINE.customer }] as const,
    billing(acmeStripe.id),
    ...rejected,
  )
  const isRejected = (call: unknown) => rejected.some((each) => each === call)
  /** What a person makes of the text of the form. */
  const rightTexts = fc.constantFrom(
    (text: string) => text,
    (text: string) => ` ${text.toUpperCase()}\n`,
    (text: string) => text.replaceAll(' ', '\u00a0'),
  )
  const wrongTexts = fc.oneof(
    fc.constantFrom('Acme', '', 'true', '20a060d', 'Acme Robotics.', 'Robotics', ['Acme Robotics']),
    fc.anything(),
  )
  const responses = fc.oneof(
    rightTexts.map((type) => ({ isRight: true, type })),
    wrongTexts.map((value) => ({ isRight: false, type: (_: string): unknown => value })),
  )
  /** Mostly what leads to an archive, since one wrong part is enough that there is none. */
  const mostly = <T>(usual: T, ...others: fc.Arbitrary<T>[]) =>
    fc.oneof({ weight: 4, arbitrary: fc.constant(usual) }, ...others.map((arbitrary) => ({ weight: 1, arbitrary })))
  const actions = mostly<string | undefined>('accept', fc.constantFrom('decline', 'cancel', 'yes', undefined))
  // An agent may rename a customer before the form, or while a person reads it.
  const renames = mostly<string | undefined>(
    undefined,
    fc.constantFrom('Test account', 'acme robotics', 'X', 'O’Neil\u00a0Inc'),
  )

  function renameAcme(metronome: ConfirmingServers, name: string | undefined): void {
    if (name !== undefined) metronome.changeAcme({ name, ingest_aliases: [], updated_at: new Date().toISOString() })
  }

  /** The form shows what an agent cannot undo. */
  function checkForm({ message }: AskedForm, name: string | undefined): void {
    if (name === undefined) return
    expect(message).toMatch(/^Changed (just now|\d seconds? ago): its name or aliases may just have been changed\.\n/)
    expect(message).toContain('\nCreated at: 20')
    expect(message).toContain('\nSalesforce id: "')
  }

  test('nothing is archived without the text of the form for this call and its state', async () => {
    const states = mostly<unknown>('the right state', fc.constantFrom('altered', undefined, null, ''), fc.string())
    const metas = mostly<object | undefined>(undefined, fc.constant(META))
    const calls = fc.oneof(
      tools.map((call) => ({ shown: call, called: call })),
      fc.record({ shown: tools, called: tools }),
    )
    let archived = 0
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          calls,
          response: responses,
          action: actions,
          state: states,
          meta: metas,
          before: renames,
          meanwhile: renames,
        }),
        async ({ calls: { shown, called }, response, action, state, meta, before, meanwhile }) => {
          const metronome = openConfirming()
          const server = metronome.start()
          const ask = async ([tool, args]: readonly [string, object], more: Message = {}) =>
            (await readResponse(await server.post(archiveCall(tool, args, more)))).body
          renameAcme(metronome, before)
          const first = await ask(shown)
          const question = isQuestion(first) ? readQuestion(first) : undefined
          expect(question === undefined).toBe(isRejected(shown))
          const isAcme = JSON.stringify(shown).includes(ID)
          if (question && isAcme) checkForm(question.form, before)
          renameAcme(metronome, meanwhile)
          const content = { confirmation: response.type(question ? typedText(question.form) : '') }
          const sealed =
            state === 'the right state' ? question?.state : state === 'altered' ? `${question?.state}x` : state
          await ask(called, { ...answer({ action, content }, sealed), ...(meta && { _meta: meta }) })
          const isSame = JSON.stringify(shown) === JSON.stringify(called)
          const isUnchanged = !isAcme || meanwhile === undefined || meanwhile === before
          const isConfirmed =
            question !== undefined &&
            response.isRight &&
            isSame &&
            isUnchanged &&
            state === 'the right state' &&
            action === 'accept' &&
            meta === undefined
          expect(metronome.archives).toHaveLength(isConfirmed ? 1 : 0)
          archived += metronome.archives.length
        },
      ),
      RUNS,
    )
    expect(archived).toBeGreaterThan(RUNS.numRuns / 50)
  })

  test('an earlier revision archives nothing without the text of its form', async () => {
    let archived = 0
    await fc.assert(
      fc.asyncProperty(
        fc.record({ call: tools, response: responses, action: actions, before: renames, meanwhile: renames }),
        async ({ call, response, action, before, meanwhile }) => {
          const metronome = openConfirming()
          renameAcme(metronome, before)
          const isAcme = JSON.stringify(call).includes(ID)
          const { form } = await askDuringCall(metronome.start(), call[0], call[1], (form) => {
            if (isAcme) checkForm(form, before)
            renameAcme(metronome, meanwhile)
            return { action, content: { confirmation: response.type(typedText(form)) } }
          })
          expect(form === undefined).toBe(isRejected(call))
          const isUnchanged = !isAcme || meanwhile === undefined || meanwhile === before
          const isConfirmed = form !== undefined && response.isRight && isUnchanged && action === 'accept'
          expect(metronome.archives).toHaveLength(isConfirmed ? 1 : 0)
          archived += metronome.archives.length
        },
      ),
      RUNS,
    )
    expect(archived).toBeGreaterThan(RUNS.numRuns / 50)
  })
})
