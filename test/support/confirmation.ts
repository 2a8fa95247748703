import type { AuditLog } from '../../src/calls/guards/audit.ts'
import { createSandbox } from '../../src/sandbox/sandbox.ts'
import { createStore, type Store } from '../../src/sandbox/store.ts'
import { CAPABILITIES_KEY, createStateless, META, type Message, request, type StatelessServer } from './stateless.ts'

export const ARCHIVE = 'archive-customer'
export const ARCHIVE_BILLING = 'archive-billing-provider-configurations-customer'
export const ARCHIVE_REVENUE = 'archive-revenue-system-configurations-customer'

/** What `_meta` of a client says that shows forms. */
export const SHOWS_FORMS = { ...META, [CAPABILITIES_KEY]: { elicitation: { form: {} } } }

export interface ArchiveRequest {
  readonly path: string
  readonly key: string | null
}

/** Servers that ask before they archive, in front of one Metronome. */
export interface ConfirmingServers {
  readonly store: Store
  /** Every request to archive something that reached Metronome. */
  readonly archives: ArchiveRequest[]
  /** Every request to Metronome. */
  readonly sent: string[]
  /** Its response to the paths that match, instead of the sandbox's. */
  respondTo(path: RegExp, respond: () => Response | Promise<Response>): void
  /** A server of its own; all of them share the Metronome API key, unless told otherwise. */
  start(options?: { apiKey?: string; audit?: AuditLog; environment?: string }): StatelessServer
}

export function openConfirming(): ConfirmingServers {
  const store = createStore()
  const sandbox = createSandbox({ store })
  const archives: ArchiveRequest[] = []
  const sent: string[] = []
  const overrides: [RegExp, () => Response | Promise<Response>][] = []
  const fetch: typeof globalThis.fetch = async (url, init) => {
    const path = new URL(String(url)).pathname
    sent.push(path)
    if (/archive/.test(path)) archives.push({ path, key: new Headers(init?.headers).get('idempotency-key') })
    const [, respond] = overrides.find(([pattern]) => pattern.test(path)) ?? []
    return respond ? respond() : sandbox.fetch(url, init)
  }
  return {
    store,
    archives,
    sent,
    respondTo: (path, respond) => void overrides.unshift([path, respond]),
    start: ({ environment, ...options } = {}) =>
      createStateless(fetch, 5_000, { environment }, { ...options, confirmArchives: true }),
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

/** The text of a failed call. */
export function failureText(message: Message): string {
  const { isError, content } = message.result as { isError?: boolean; content: { text: string }[] } // of a tool
  if (!isError) throw new Error(`not failed: ${JSON.stringify(message)}`)
  return content[0]?.text ?? ''
}
