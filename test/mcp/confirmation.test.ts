import { afterEach, describe, expect, test, vi } from 'vitest'
import { acme, acmeNetsuite, acmeStripe } from '../../src/operations/examples.ts'
import { ARCHIVED_ID, ID } from '../contract.ts'
import {
  ARCHIVE,
  ARCHIVE_BILLING,
  ARCHIVE_REVENUE,
  accept,
  answer,
  archiveCall,
  type ConfirmingServers,
  failureText,
  openConfirming,
  openEarlier,
  overHttp,
  readQuestion,
  SHOWS_FORMS,
  STATELESS,
  typedText,
} from '../support/confirmation.ts'
import { KEY } from '../support/harness.ts'
import { toolCall } from '../support/program.ts'
import { CAPABILITIES_KEY, headersOf, META, type Message, request, type StatelessServer } from '../support/stateless.ts'

const NO_FORM =
  'this server archives only what a person has confirmed in a form, which this client does not support; archive from Claude Code or Codex, or start the server without --confirm-archives. Nothing was archived.\nOutcome: not_applied'
const NOT_SHOWN = 'If no question was shown, your client answered without asking you.'
const BILLING = { customer_id: ID, customer_billing_provider_configuration_ids: [acmeStripe.id] }
const REVENUE = { customer_id: ID, customer_revenue_system_configuration_ids: [acmeNetsuite.id] }

afterEach(() => void vi.useRealTimers())

/** Asks, and returns what the client would show. */
async function ask(server: StatelessServer, tool = ARCHIVE, args: object = { id: ID }, exchange = overHttp) {
  const { form, state } = readQuestion(await exchange(server, archiveCall(tool, args)))
  return { form, state, text: typedText(form) }
}

describe.each(STATELESS)('%s', (_, exchange) => {
  test.each<[string, object, string, string]>([
    [ARCHIVE, { id: ID }, '/v1/customers/archive', 'Type Acme Robotics to archive it'],
    [
      ARCHIVE_BILLING,
      BILLING,
      '/v1/archiveCustomerBillingProviderConfigurations',
      'Type Acme Robotics to archive these configurations',
    ],
    [
      ARCHIVE_REVENUE,
      REVENUE,
      '/v1/archiveCustomerRevenueSystemConfigurations',
      'Type Acme Robotics to archive these configurations',
    ],
  ])('%s asks, and archives what is confirmed', async (tool, args, path, title) => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { form, state, text } = await ask(server, tool, args, exchange)
    expect(form.requestedSchema).toEqual({
      type: 'object',
      properties: { confirmation: { type: 'string', title } },
      required: ['confirmation'],
    })
    expect(metronome.archives).toEqual([])
    const response = await exchange(server, archiveCall(tool, args, answer(accept(text), state), 2))
    expect(response).toMatchObject({ id: 2, result: { resultType: 'complete', structuredContent: { data: {} } } })
    expect(metronome.archives).toEqual([{ path, key: expect.stringMatching(/^[\w-]{43}$/) }])
  })

  test.each<[string, unknown, string]>([
    ['another text', accept('Acme'), 'the form was accepted with another text.'],
    ['an empty text', accept(''), 'the form was accepted without the text.'],
    ['white space', accept(' \n'), 'the form was accepted without the text.'],
    ['true', accept(true), 'the form was accepted without the text.'],
    ['a list', accept(['Acme Robotics']), 'the form was accepted without the text.'],
    ['no content', { action: 'accept' }, 'the form was accepted without the text.'],
    ['empty content', { action: 'accept', content: {} }, 'the form was accepted without the text.'],
    ['decline', { action: 'decline' }, `the form was declined. ${NOT_SHOWN}`],
    ['cancel', { action: 'cancel' }, `the form was cancelled. ${NOT_SHOWN}`],
    ['decline with the text', { ...accept('Acme Robotics'), action: 'decline' }, `the form was declined. ${NOT_SHOWN}`],
  ])('rejects %s', async (_, response, reason) => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { state } = await ask(server)
    const message = await exchange(server, archiveCall(ARCHIVE, { id: ID }, answer(response, state)))
    expect(failureText(message)).toBe(`archive-customer: ${reason} Nothing was archived.\nOutcome: not_applied`)
    expect(metronome.archives).toEqual([])
  })

  test.each<[string, unknown]>([
    ['declares nothing', {}],
    ['declares URLs only', { elicitation: { url: {} } }],
    ['declares null', { elicitation: null }],
    ['declares a list', { elicitation: [] }],
    ['declares form false', { elicitation: { form: false } }],
  ])('rejects the call of a client that %s, even with a right answer', async (_, capabilities) => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { state, text } = await ask(server)
    const _meta = { ...META, [CAPABILITIES_KEY]: capabilities }
    const before = metronome.sent.length
    const response = await exchange(server, archiveCall(ARCHIVE, { id: ID }, { _meta, ...answer(accept(text), state) }))
    expect(failureText(response)).toBe(`archive-customer: ${NO_FORM}`)
    expect(metronome.sent.slice(before)).toEqual([])
  })
})

test('a client with an empty elicitation capability gets a form', async () => {
  const _meta = { ...META, [CAPABILITIES_KEY]: { elicitation: {} } }
  const message = await overHttp(openConfirming().start(), archiveCall(ARCHIVE, { id: ID }, { _meta }))
  expect(readQuestion(message).form.message).toContain('Acme Robotics')
})

describe('a state', () => {
  test('is accepted by another replica with the same API key, with unknown members beside it', async () => {
    const metronome = openConfirming()
    const { state, text } = await ask(metronome.start())
    const response = { ...accept(text), note: 1, content: { confirmation: `  ${text} `, other: true } }
    const further = { inputResponses: { confirm: response, other: {} }, requestState: state, unknown: 1 }
    const message = await overHttp(metronome.start(), archiveCall(ARCHIVE, { id: ID }, further))
    expect(message.result).toMatchObject({ structuredContent: { data: { id: ID } } })
  })

  test('is asked for again with another API key', async () => {
    const metronome = openConfirming()
    const { state, text } = await ask(metronome.start())
    const other = metronome.start({ apiKey: 'mk_test_another_key_0123' })
    readQuestion(await overHttp(other, archiveCall(ARCHIVE, { id: ID }, answer(accept(text), state))))
    expect(metronome.archives).toEqual([])
  })

  test('is asked for again with another bearer token', async () => {
    const metronome = openConfirming()
    const { layer } = metronome.start()
    const send = async (message: Message, bearer: string): Promise<Message> => {
      const caller = { apiKey: KEY, redact: (text: string) => text, origin: { transport: 'http', bearer } } as const
      const { message: response } = await layer.respond(message, caller, { headers: new Headers(headersOf(message)) })
      return { ...response }
    }
    const { form, state } = readQuestion(await send(archiveCall(ARCHIVE, { id: ID }), '0a1b2c3d'))
    const repeated = archiveCall(ARCHIVE, { id: ID }, answer(accept(typedText(form)), state))
    readQuestion(await send(repeated, 'd3c2b1a0'))
    expect(metronome.archives).toEqual([])
    await send(repeated, '0a1b2c3d')
    expect(metronome.archives).toHaveLength(1)
  })

  test('gives one write on two replicas at once', async () => {
    const metronome = openConfirming()
    const { state, text } = await ask(metronome.start())
    const repeated = archiveCall(ARCHIVE, { id: ID }, answer(accept(text), state))
    await Promise.all([overHttp(metronome.start(), repeated), overHttp(metronome.start(), repeated)])
    expect(new Set(metronome.archives.map(({ key }) => key)).size).toBe(1)
    expect(metronome.store.effects.map(({ tool }) => tool)).toEqual([ARCHIVE])
  })

  test('that is replayed reports that an earlier call may have archived it', async () => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { state, text } = await ask(server)
    const repeated = archiveCall(ARCHIVE, { id: ID }, answer(accept(text), state))
    await overHttp(server, repeated)
    const second = failureText(await overHttp(server, repeated))
    expect(second).toMatch(/^archive-customer: archived since it was shown, by an earlier call with this confirmation/)
    expect(second).toMatch(/get-customer .*\nOutcome: unknown$/)
    expect(metronome.archives).toHaveLength(1)
  })

  test.each([401, 403, 404, 429])(
    'that meets %i is not_applied the first time, and unknown when it comes again',
    async (status) => {
      const metronome = openConfirming()
      const server = metronome.start()
      const { state, text } = await ask(server)
      metronome.respondTo(/archive/, () => Response.json({ message: 'no' }, { status }))
      const confirmed = archiveCall(ARCHIVE, { id: ID }, answer(accept(text), state))
      const first = failureText(await overHttp(server, confirmed))
      expect(first).toMatch(/\nOutcome: not_applied$/)
      expect(first).not.toMatch(/earlier one|new key/)
      expect(failureText(await overHttp(server, confirmed))).toMatch(/earlier one.* may have\..*\nOutcome: unknown$/)
    },
  )

  test('that is missing or altered in any character is asked for again', async () => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { state, text } = await ask(server)
    const altered = Array.from(
      state,
      (char, at) => `${state.slice(0, at)}${char === 'A' ? 'B' : 'A'}${state.slice(at + 1)}`,
    )
    // The last characters of base64 hold bits that are not decoded.
    const others = ['A', 'Q', 'g', 'w'].map((char) => state.slice(0, -1) + char).filter((each) => each !== state)
    const states = [
      undefined,
      null,
      1,
      {},
      [state],
      '',
      '.',
      `${state}.`,
      `${state}=`,
      ` ${state}`,
      state.slice(1),
      state.slice(0, -1),
    ]
    for (const each of [...states, ...altered, ...others])
      readQuestion(await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer(accept(text), each))))
    expect(metronome.archives).toEqual([])
  })

  test('whose answer is missing or unknown is asked for again', async () => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { state, text } = await ask(server)
    const answers = [undefined, null, {}, 'accept', [accept(text)], { ...accept(text), action: 'yes' }]
    const responses = [undefined, null, [], 'x', { other: accept(text) }, ...answers.map((confirm) => ({ confirm }))]
    for (const inputResponses of responses)
      readQuestion(await overHttp(server, archiveCall(ARCHIVE, { id: ID }, { inputResponses, requestState: state })))
    expect(metronome.archives).toEqual([])
  })

  test('of other arguments or of another tool is asked for again', async () => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { state, text } = await ask(server)
    for (const [tool, args] of [
      [ARCHIVE, { id: ARCHIVED_ID }],
      [ARCHIVE_BILLING, BILLING],
      [ARCHIVE_REVENUE, REVENUE],
    ] as const)
      readQuestion(await overHttp(server, archiveCall(tool, args, answer(accept(text), state))))
    expect(metronome.archives).toEqual([])
  })

  test('expires after ten minutes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const metronome = openConfirming()
    const server = metronome.start()
    const { state, text } = await ask(server)
    const repeated = archiveCall(ARCHIVE, { id: ID }, answer(accept(text), state))
    const now = Date.now()
    vi.setSystemTime(now + 600_000)
    readQuestion(await overHttp(server, repeated))
    expect(metronome.archives).toEqual([])
    vi.setSystemTime(now + 599_999)
    expect((await overHttp(server, repeated)).result).toMatchObject({ structuredContent: { data: { id: ID } } })
  })

  test('of what has changed meanwhile archives nothing', async () => {
    const metronome = openConfirming()
    const server = metronome.start()
    const { state, text } = await ask(server)
    metronome.changeAcme({ name: 'Acme GmbH' })
    const respondWith = async (typed: string) =>
      failureText(await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer(accept(typed), state))))
    expect(await respondWith(text)).toMatch(/: what would be archived has changed since it was shown; call again/)
    // The text of the form counts, not that of a name which nobody was shown.
    expect(await respondWith('Acme GmbH')).toMatch(/: the form was accepted with another text\./)
    expect(metronome.archives).toEqual([])
  })
})

describe('earlier revisions on stdio', () => {
  const open = (metronome: ConfirmingServers) => openEarlier(metronome.start(), { form: {} })

  /** Starts a call, answers the form, and returns the result. */
  async function exchange(metronome: ConfirmingServers, respond: (question: Message) => Message): Promise<Message> {
    const connection = await open(metronome)
    connection.send(toolCall(1, ARCHIVE, { id: ID }))
    const question = await connection.next()
    expect(question).toMatchObject({ method: 'elicitation/create', params: { message: expect.any(String) } })
    connection.send({ jsonrpc: '2.0', id: question.id, ...respond(question) })
    const message = await connection.next()
    await connection.close()
    return message
  }

  test('ask by elicitation/create, and archive what is confirmed', async () => {
    const metronome = openConfirming()
    const message = await exchange(metronome, ({ params }) => ({ result: accept(typedText(params as never)) }))
    expect(message).toMatchObject({ id: 1, result: { structuredContent: { data: { id: ID } } } })
    expect(metronome.archives).toEqual([
      { path: '/v1/customers/archive', key: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    ])
    expect(metronome.sent.filter((path) => path === `/v1/customers/${ID}`)).toHaveLength(2)
  })

  test.each<[string, Message, string]>([
    ['another text', { result: accept('Acme') }, 'the form was accepted with another text.'],
    ['empty content', { result: { action: 'accept', content: {} } }, 'the form was accepted without the text.'],
    ['no content', { result: { action: 'accept' } }, 'the form was accepted without the text.'],
    ['decline', { result: { action: 'decline' } }, `the form was declined. ${NOT_SHOWN}`],
    ['cancel', { result: { action: 'cancel' } }, `the form was cancelled. ${NOT_SHOWN}`],
    [
      'a client without a handler',
      { error: { code: -32601, message: 'Method not found' } },
      'the client failed to show the form: MCP error -32601: Method not found.',
    ],
  ])('reject %s', async (_, response, reason) => {
    const metronome = openConfirming()
    const message = await exchange(metronome, () => response)
    expect(failureText(message)).toBe(`archive-customer: ${reason} Nothing was archived.\nOutcome: not_applied`)
    expect(metronome.archives).toEqual([])
  })

  const NO_ACTION = 'its response has none of the three actions'
  const NO_RESPONSE = 'MCP error -32600: its response is not one of JSON-RPC 2.0'
  test.each<[string, Message, string]>([
    ['another action', { result: { ...accept('Acme Robotics'), action: 'yes' } }, NO_ACTION],
    ['no action', { result: { content: { confirmation: 'Acme Robotics' } } }, NO_ACTION],
    ['an action that is no text', { result: { action: ['accept'] } }, NO_ACTION],
    ['an empty result', { result: {} }, NO_ACTION],
    ['a text', { result: 'accept' }, NO_RESPONSE],
    ['null', { result: null }, NO_RESPONSE],
    ['a list', { result: [accept('Acme Robotics')] }, NO_RESPONSE],
    ['a _meta that is no object', { result: { ...accept('Acme Robotics'), _meta: 1 } }, NO_RESPONSE],
    ['an error that is a text', { error: 'no' }, NO_RESPONSE],
    ['an error without a code', { error: { message: 'no' } }, NO_RESPONSE],
    [
      'the issues of a schema',
      { error: { code: -32602, message: 'Invalid elicitation result: [\n  {\n    "code": "invalid_value",\n' } },
      'MCP error -32602: Invalid elicitation result',
    ],
  ])('reject %s in one sentence', async (_, response, reason) => {
    const metronome = openConfirming()
    expect(failureText(await exchange(metronome, () => response))).toBe(
      `archive-customer: the client failed to show the form: ${reason}. Nothing was archived.\nOutcome: not_applied`,
    )
    expect(metronome.archives).toEqual([])
  })

  test('have done nothing when someone else archives it while the form is open', async () => {
    const metronome = openConfirming()
    const message = await exchange(metronome, ({ params }) => {
      metronome.changeAcme({ archived_at: '2026-11-29T12:00:00Z' })
      return { result: accept(typedText(params as never)) }
    })
    expect(failureText(message)).toMatch(/ has changed since it was shown; .*\nOutcome: not_applied$/)
    expect(metronome.archives).toEqual([])
  })

  test.each([
    ['nothing', undefined],
    ['URLs only', { url: {} }],
  ])('reject the call of a client that declares %s', async (_, declared) => {
    const metronome = openConfirming()
    const connection = await openEarlier(metronome.start(), declared)
    connection.send(toolCall(1, ARCHIVE, { id: ID }))
    expect(failureText(await connection.next())).toBe(`archive-customer: ${NO_FORM}`)
    expect(metronome.sent).toEqual([])
    await connection.close()
  })

  test('wait for 300 seconds, with progress every 15', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] })
    const metronome = openConfirming()
    const connection = await open(metronome)
    const call = request('tools/call', { _meta: { progressToken: 7 }, name: ARCHIVE, arguments: { id: ID } })
    connection.send(call)
    const { id } = await connection.next()
    await vi.advanceTimersByTimeAsync(299_999)
    const progress: Message[] = []
    while (connection.written.length > 0) progress.push(await connection.next())
    expect(progress).toHaveLength(19)
    expect(progress[0]).toMatchObject({
      method: 'notifications/progress',
      params: { progressToken: 7, message: 'archive-customer: waiting for a person to confirm it' },
    })
    await vi.advanceTimersByTimeAsync(1)
    const last = [await connection.next(), await connection.next(), await connection.next()]
    expect(last).toContainEqual(
      expect.objectContaining({
        method: 'notifications/cancelled',
        params: expect.objectContaining({ requestId: id }),
      }),
    )
    expect(failureText(last.find((message) => message.id === 1) ?? {})).toBe(
      'archive-customer: no response to the form within 300 s. Nothing was archived.\nOutcome: not_applied',
    )
    // A late answer is no answer.
    connection.send({ jsonrpc: '2.0', id, result: accept('Acme Robotics') })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(metronome.archives).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    await connection.close()
  })

  test("do not count the person's time against the call", async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
    const metronome = openConfirming()
    const connection = await open(metronome)
    connection.send(toolCall(1, ARCHIVE, { id: ID }))
    const question = await connection.next()
    await vi.advanceTimersByTimeAsync(250_000)
    connection.send({ jsonrpc: '2.0', id: question.id, result: accept('Acme Robotics') })
    expect(await connection.next()).toMatchObject({ id: 1, result: { structuredContent: { data: { id: ID } } } })
    await connection.close()
  })

  test('withdraw the form when the call is cancelled', async () => {
    const metronome = openConfirming()
    const connection = await open(metronome)
    connection.send(toolCall(1, ARCHIVE, { id: ID }))
    const { id } = await connection.next()
    connection.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 1 } })
    expect(await connection.next()).toMatchObject({ method: 'notifications/cancelled', params: { requestId: id } })
    connection.send({ jsonrpc: '2.0', id, result: accept('Acme Robotics') }, { jsonrpc: '2.0', id: 2, method: 'ping' })
    expect(await connection.next()).toMatchObject({ id: 2 })
    expect(metronome.archives).toEqual([])
    await connection.close()
  })
})

test('other writes ask nothing', async () => {
  const message = request('tools/call', {
    _meta: SHOWS_FORMS,
    name: 'update-customer-name',
    arguments: { customer_id: ID, name: acme.name },
  })
  expect((await overHttp(openConfirming().start(), message)).result).toMatchObject({ resultType: 'complete' })
})
