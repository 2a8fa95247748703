import type { AuditLog } from '../../src/calls/guards/audit.ts'
import type { Customer } from '../../src/sandbox/entities.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import { ID } from '../contract.ts'
import { INITIALIZE, toolCall } from './program.ts'
import {
  askOverStdio,
  CAPABILITIES_KEY,
  createStateless,
  META,
  type Message,
  readResponse,
  request,
  type StatelessServer,
  type StdioConnection,
} from './stateless.ts'

export const ARCHIVE = 'archive-customer'
export const ARCHIVE_BILLING = 'archive-billing-provider-configurations-customer'
export const ARCHIVE_REVENUE = 'archive-revenue-system-configurations-customer'

/** What `_meta` of a client says that shows forms. */
export const SHOWS_FORMS = { ...META, [CAPABILITIES_KEY]: { elicitation: { form: {} } } }

export interface ArchiveRequest {
  readonly path: string
  readonly key: string | null
}

type Respond = (signal: AbortSignal | undefined) => Response | Promise<Response>

/** Servers that ask before they archive, in front of one Metronome. */
export interface ConfirmingServers {
  readonly store: Store
  /** Changes Acme at Metronome. */
  changeAcme(change: Partial<Customer>): void
  /** Every request to archive something that reached Metronome. */
  readonly archives: ArchiveRequest[]
  /** Every request to Metronome. */
  readonly sent: string[]
  /** Its response to the paths that match, instead of the sandbox's. */
  respondTo(path: RegExp, respond: Respond): void
  /** A server of its own; all of them share the Metronome API key, unless told otherwise. */
  start(options?: { apiKey?: string; audit?: AuditLog; environment?: string; timeoutMs?: number }): StatelessServer
}

export function openConfirming(): ConfirmingServers {
  const store = createStore()
  const sandbox = createSandbox({ store })
  const archives: ArchiveRequest[] = []
  const sent: string[] = []
  const overrides: [RegExp, Respond][] = []
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const path = new URL(String(url)).pathname
    sent.push(path)
    if (/archive/.test(path)) archives.push({ path, key: new Headers(init?.headers).get('idempotency-key') })
    const [, respond] = overrides.find(([pattern]) => pattern.test(path)) ?? []
    return respond ? respond(init?.signal ?? undefined) : sandbox.fetch(url, init)
  }
  return {
    store,
    changeAcme(change) {
      const customer = store.customers.get(ID)
      if (!customer) throw new Error('the sandbox has Acme')
      store.customers.set(ID, { ...customer, ...change })
    },
    archives,
    sent,
    respondTo: (path, respond) => void overrides.unshift([path, respond]),
    start: ({ environment, timeoutMs = 5_000, ...options } = {}) =>
      createStateless(fetch, timeoutMs, { environment }, { ...options, confirmArchives: true }),
  }
}

/** A `tools/call` of a client that shows forms; `further` are members of its params. */
export function archiveCall(tool: string, args: object, further: Message = {}, id: string | number = 1): Message {
  return request('tools/call', { _meta: SHOWS_FORMS, name: tool, arguments: args, ...further }, id)
}

export interface AskedForm {
  readonly message: string
  readonly requestedSchema: { readonly properties: { readonly confirmation: { readonly title: string } } }
}

/** The form in a result of the stateless revision, and its state. */
export function readQuestion({ result }: Message): { form: AskedForm; state: string } {
  const { resultType, inputRequests, requestState } = result as Message // checked below
  if (resultType !== 'input_required') throw new Error(`no question: ${JSON.stringify(result)}`)
  const { confirm } = inputRequests as { confirm: { method: string; params: AskedForm } } // by the protocol
  if (confirm.method !== 'elicitation/create') throw new Error(`not a form: ${confirm.method}`)
  return { form: confirm.params, state: String(requestState) }
}

/** What a person types who does as the form says. */
export function typedText({ requestedSchema }: AskedForm): string {
  const [, text = ''] = /^Type (.*) to archive /s.exec(requestedSchema.properties.confirmation.title) ?? []
  return text
}

export const accept = (text: unknown) => ({ action: 'accept', content: { confirmation: text } })

/** Params of the repeated request. */
export const answer = (response: unknown, state: unknown) => ({
  inputResponses: { confirm: response },
  requestState: state,
})

/** How a client of one transport calls an archive tool, and responds to its form; by default as the form says. */
export type Archive = (
  server: StatelessServer,
  tool: string,
  args: object,
  respond?: (form: AskedForm) => unknown,
) => Promise<{ readonly form: AskedForm | undefined; readonly response: Message }>

/** Sends one message and returns the response. */
export type Exchange = (server: StatelessServer, message: Message) => Promise<Message>

export const overHttp: Exchange = async (server, message) => (await readResponse(await server.post(message))).body

const asToldByForm = (form: AskedForm) => accept(typedText(form))

const repeating =
  (exchange: Exchange): Archive =>
  async (server, tool, args, respond = asToldByForm) => {
    const first = await exchange(server, archiveCall(tool, args))
    if (!isQuestion(first)) return { form: undefined, response: first }
    const { form, state } = readQuestion(first)
    return { form, response: await exchange(server, archiveCall(tool, args, answer(await respond(form), state), 2)) }
  }

export const isQuestion = ({ result }: Message): boolean => (result as Message)?.resultType === 'input_required'

/** A client of an earlier revision that has introduced itself. */
export async function openEarlier(server: StatelessServer, elicitation?: object): Promise<StdioConnection> {
  const connection = await server.openStdio()
  const capabilities = elicitation ? { elicitation } : {}
  connection.send({ ...INITIALIZE, params: { ...INITIALIZE.params, capabilities } })
  await connection.next()
  connection.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
  return connection
}

export const askDuringCall: Archive = async (server, tool, args, respond = asToldByForm) => {
  const connection = await openEarlier(server, { form: {} })
  connection.send(toolCall(1, tool, args))
  const first = await connection.next()
  const form = first.method === 'elicitation/create' ? (first.params as unknown as AskedForm) : undefined // by the protocol
  if (form) connection.send({ jsonrpc: '2.0', id: first.id, result: await respond(form) })
  const response = form ? await connection.next() : first
  await connection.close()
  return { form, response }
}

export const STATELESS: readonly (readonly [string, Exchange])[] = [
  ['the stateless revision over stdio', askOverStdio],
  ['the stateless revision over HTTP', overHttp],
]

/** All transports that have forms. */
export const TRANSPORTS: readonly (readonly [string, Archive])[] = [
  ...STATELESS.map(([name, exchange]) => [name, repeating(exchange)] as const),
  ['an earlier revision on stdio', askDuringCall],
]

/** The text of a failed call. */
export function failureText(message: Message): string {
  const { isError, content } = message.result as { isError?: boolean; content: { text: string }[] } // of a tool
  if (!isError) throw new Error(`not failed: ${JSON.stringify(message)}`)
  return content[0]?.text ?? ''
}
