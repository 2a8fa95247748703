import { afterEach, describe, expect, test, vi } from 'vitest'
import { createAuditLog } from '../../src/calls/guards/audit.ts'
import { acme, acmeNetsuite, acmeStripe } from '../../src/operations/examples.ts'
import type { JsonObject } from '../../src/operations/operation.ts'
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
  readQuestion,
  SHOWS_FORMS,
  typedText,
} from '../support/confirmation.ts'
import { INITIALIZE, toolCall } from '../support/program.ts'
import {
  askOverStdio,
  CAPABILITIES_KEY,
  META,
  type Message,
  readResponse,
  request,
  type StatelessServer,
  type StdioConnection,
} from '../support/stateless.ts'

const NO_FORM =
  'this server archives only what a person has confirmed in a form, which this client does not support; archive from Claude Code or Codex, or start the server without --confirm-archives. Nothing was archived.\nOutcome: not_applied'
const NOT_SHOWN = 'If no question was shown, your client answered without asking you.'
const BILLING = { customer_id: ID, customer_billing_provider_configuration_ids: [acmeStripe.id] }
const REVENUE = { customer_id: ID, customer_revenue_system_configuration_ids: [acmeNetsuite.id] }

type Exchange = (server: StatelessServer, message: Message) => Promise<Message>

const overHttp: Exchange = async (server, message) => (await readResponse(await server.post(message))).body
const transports: [string, Exchange][] = [
  ['stdio', askOverStdio],
  ['HTTP', overHttp],
]

afterEach(() => void vi.useRealTimers())

/** Renames Acme at Metronome. */
function rename({ store }: ConfirmingServers, name: string): void {
  const customer = store.customers.get(ID)
  if (!customer) throw new Error('the sandbox has Acme')
  store.customers.set(ID, { ...customer, name })
}

/** Asks, and returns what the client would show. */
async function ask(server: StatelessServer, tool = ARCHIVE, args: object = { id: ID }, exchange = overHttp) {
  const { form, state } = readQuestion(await exchange(server, archiveCall(tool, args)))
  return { form, state, text: typedText(form) }
}

describe.each(transports)('the stateless revision over %s', (_, exchange) => {
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
    ['another case', accept('acme robotics'), 'the form was accepted with another text.'],
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

describe('a state', () => {
  test('with an empty elicitation capability, forms are asked', async () => {
    const _meta = { ...META, [CAPABILITIES_KEY]: { elicitation: {} } }
    const message = await overHttp(openConfirming().start(), archiveCall(ARCHIVE, { id: ID }, { _meta }))
    expect(readQuestion(message).form.message).toContain('Acme Robotics')
  })

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
    rename(metronome, 'Acme GmbH')
    for (const typed of [text, 'Acme GmbH']) {
      const message = await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer(accept(typed), state)))
      expect(failureText(message)).toBe(
        'archive-customer: what would be archived has changed since it was shown; call again to show it anew. Nothing was archived.\nOutcome: not_applied',
      )
    }
    expect(metronome.archives).toEqual([])
  })
})

describe('the form', () => {
  test('shows in plain lines what would be archived', async () => {
    const { form } = await ask(openConfirming().start({ environment: 'production' }))
    expect(form.message.split('\n')).toEqual([
      'Tool: archive-customer',
      'Environment: production',
      `Customer: "Acme Robotics", id ${ID}`,
      'Aliases: "team@acme.example", "acme-prod"',
      'Billable status: not shown',
      `Active billing provider configurations: "stripe" (id "${acmeStripe.id}")`,
      `Active revenue system configurations: "netsuite" (id "${acmeNetsuite.id}")`,
      'Archiving ends all its contracts today and voids their invoices. These tools cannot list its contracts. Its aliases stay taken. This cannot be undone.',
    ])
  })

  test('shows that configurations could not be read, and archives nevertheless', async () => {
    const metronome = openConfirming()
    metronome.respondTo(/RevenueSystem/, () => Response.json({ message: 'Not enabled' }, { status: 403 }))
    const server = metronome.start()
    const { form, state, text } = await ask(server)
    expect(form.message).toContain('\nActive revenue system configurations: could not be read\n')
    const message = await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer(accept(text), state)))
    expect(message.result).toMatchObject({ structuredContent: { data: { id: ID } } })
  })

  test('is not shown for a customer that cannot be read', async () => {
    const metronome = openConfirming()
    metronome.respondTo(/customers/, () => Response.json({ message: 'Forbidden' }, { status: 403 }))
    const message = await overHttp(metronome.start(), archiveCall(ARCHIVE, { id: ID }))
    expect(failureText(message)).toMatch(
      /^archive-customer: the customer cannot be read, so nothing was archived\. get-customer: .*403.*\nOutcome: not_applied$/,
    )
    expect(metronome.archives).toEqual([])
  })

  test.each<[string, string, string, string]>([
    ['a line break', 'Acme\nBillable status: "none"', '"Acme\\u{a}Billable status: \\"none\\""', 'd7abd0cd'],
    ['a bidirectional mark', 'Acme \u202eHbmG', '"Acme \\u{202e}HbmG"', 'd7abd0cd'],
    ['a zero-width space', 'Ac\u200bme', '"Ac\\u{200b}me"', 'd7abd0cd'],
    ['a tag character', 'Acme\u{e0041}', '"Acme\\u{e0041}"', 'd7abd0cd'],
    ['a line separator', 'Acme\u2028x', '"Acme\\u{2028}x"', 'd7abd0cd'],
    ['an invisible filler', 'Acme\u3164', '"Acme\\u{3164}"', 'd7abd0cd'],
    ['a backslash before a quotation mark', 'Acme\\"', '"Acme\\\\\\""', 'Acme\\"'],
    ['61 characters', 'x'.repeat(61), `"${'x'.repeat(61)}"`, 'd7abd0cd'],
    ['60 characters', 'x'.repeat(60), `"${'x'.repeat(60)}"`, 'x'.repeat(60)],
    ['81 characters', 'é'.repeat(81), `"${'é'.repeat(80)}…"`, 'd7abd0cd'],
    ['white space only', '  ', '"  "', 'd7abd0cd'],
    ['white space around it', ' Acme ', '" Acme "', 'Acme'],
  ])('shows a name with %s', async (_, name, shown, expected) => {
    const metronome = openConfirming()
    rename(metronome, name)
    const { form, text } = await ask(metronome.start())
    expect(form.message.split('\n')).toHaveLength(8)
    expect(form.message.split('\n')[2]).toBe(`Customer: ${shown}, id ${ID}`)
    expect(text).toBe(expected)
  })

  test('takes a name in another normalization form', async () => {
    const metronome = openConfirming()
    rename(metronome, 'Café')
    const server = metronome.start()
    const { state } = await ask(server)
    const message = await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer(accept('Cafe\u0301'), state)))
    expect(message.result).toMatchObject({ structuredContent: { data: { id: ID } } })
  })

  test('names configurations that do not exist, and shows archived ones as such', async () => {
    const unknown = '00000000-0000-4000-8000-000000000000'
    const metronome = openConfirming()
    const args = { ...BILLING, customer_billing_provider_configuration_ids: [acmeStripe.id, unknown] }
    const { form } = await ask(metronome.start(), ARCHIVE_BILLING, args)
    expect(form.message).toContain(
      `\nBilling provider configurations to archive: "stripe" (id "${acmeStripe.id}") (some of the ids do not exist here)\n`,
    )
  })

  test('shows an archived customer as such', async () => {
    const { form } = await ask(openConfirming().start(), ARCHIVE, { id: ARCHIVED_ID })
    expect(form.message).toMatch(/\nArchived at: "\d{4}-/)
  })
})

describe('earlier revisions on stdio', () => {
  const capabilities = { elicitation: { form: {} } }

  async function open(metronome: ConfirmingServers, declared: object = capabilities): Promise<StdioConnection> {
    const connection = await metronome.start().openStdio()
    connection.send({ ...INITIALIZE, params: { ...INITIALIZE.params, capabilities: declared } })
    await connection.next()
    connection.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    return connection
  }

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
      'the client failed to show the form: McpError: MCP error -32601: Method not found.',
    ],
  ])('reject %s', async (_, response, reason) => {
    const metronome = openConfirming()
    const message = await exchange(metronome, () => response)
    expect(failureText(message)).toBe(`archive-customer: ${reason} Nothing was archived.\nOutcome: not_applied`)
    expect(metronome.archives).toEqual([])
  })

  test('reject a response that is not of the protocol', async () => {
    const metronome = openConfirming()
    const message = await exchange(metronome, () => ({
      result: { action: 'yes', content: { confirmation: 'Acme Robotics' } },
    }))
    expect(failureText(message)).toMatch(/the client failed to show the form: .*\nOutcome: not_applied$/s)
    expect(metronome.archives).toEqual([])
  })

  test('archive nothing when what was shown has changed', async () => {
    const metronome = openConfirming()
    const message = await exchange(metronome, ({ params }) => {
      rename(metronome, 'Acme GmbH')
      return { result: accept(typedText(params as never)) }
    })
    expect(failureText(message)).toMatch(/has changed since it was shown.*\nOutcome: not_applied$/)
    expect(metronome.archives).toEqual([])
  })

  test.each([
    ['nothing', {}],
    ['URLs only', { elicitation: { url: {} } }],
  ])('reject the call of a client that declares %s', async (_, declared) => {
    const metronome = openConfirming()
    const connection = await open(metronome, declared)
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

  test("do not count the person's time against the call, nor hold a place for requests", async () => {
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

describe('the audit log', () => {
  function startAudited(metronome: ConfirmingServers) {
    const lines: JsonObject[] = []
    const audit = createAuditLog({
      append: async (line) => void lines.push(JSON.parse(line)),
      context: {},
      onError: () => {},
    })
    return { lines, server: metronome.start({ audit }) }
  }

  test('records a rejected call in one line, and no question', async () => {
    const { lines, server } = startAudited(openConfirming())
    const { state } = await ask(server)
    expect(lines).toEqual([])
    await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer({ action: 'decline' }, state)))
    await overHttp(server, request('tools/call', { name: ARCHIVE, arguments: { id: ID } }))
    expect(lines).toEqual([
      expect.objectContaining({ phase: 'single', tool: ARCHIVE, arguments: { id: ID }, outcome: 'not_applied' }),
      expect.objectContaining({ phase: 'single', tool: ARCHIVE, arguments: { id: ID }, outcome: 'not_applied' }),
    ])
  })

  test('records a confirmed call as any write', async () => {
    const { lines, server } = startAudited(openConfirming())
    const { state, text } = await ask(server)
    await overHttp(server, archiveCall(ARCHIVE, { id: ID }, answer(accept(text), state)))
    expect(lines.map(({ phase, outcome }) => [phase, outcome])).toEqual([
      ['begin', undefined],
      ['end', 'applied'],
    ])
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
