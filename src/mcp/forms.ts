import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  ErrorCode,
  McpError,
  ResultSchema,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js'
import type { Form, Question } from '../calls/errors.ts'
import type { FormChannel, FormResponse } from '../calls/guards/confirmation.ts'
import { asObject, isObject, type JsonObject } from '../operations/json.ts'
import { messageOf } from '../thrown.ts'

/** The field that a person fills in. */
const FIELD = 'confirmation'

/** MCP's request for a form with one text field. */
function buildElicitation({ message, title }: Form) {
  const properties: Record<string, { type: 'string'; title: string }> = { [FIELD]: { type: 'string', title } }
  const requestedSchema = { type: 'object' as const, properties, required: [FIELD] }
  return { method: 'elicitation/create' as const, params: { message, requestedSchema } }
}

/** `undefined` for what is no `ElicitResult`. */
function readResponse(response: unknown): FormResponse | undefined {
  const { action, content } = asObject(response)
  if (action === 'accept') return { action, text: asObject(content)[FIELD] }
  return action === 'decline' || action === 'cancel' ? { action } : undefined
}

type SendRequest = RequestHandlerExtra<ServerRequest, ServerNotification>['sendRequest']

/** Asks through a request of this server to the client. Over HTTP there is none: no client has introduced itself. */
export function createFormChannel(sendRequest: SendRequest): FormChannel {
  return {
    kind: 'request',
    async ask(form, timeout, signal) {
      try {
        const result = await sendRequest(buildElicitation(form), ResultSchema, { timeout, signal })
        return readResponse(result) ?? { action: 'failed', reason: 'its response has none of the three actions' }
      } catch (error) {
        const isTimeout = error instanceof McpError && error.code === ErrorCode.RequestTimeout
        return isTimeout ? { action: 'timed_out' } : { action: 'failed', reason: readReason(error) }
      }
    },
  }
}

/** The first words of an error: SDKs of clients append the issues of their schemas. */
function readReason(error: unknown): string {
  const [words = ''] = messageOf(error).split(/[\n[{]/)
  return words.trim().replace(/:$/, '')
}

/** A result of the stateless revision: the client asks the person, and repeats the request with what came of it. */
export interface InputRequired {
  [field: string]: unknown
  resultType: 'input_required'
  inputRequests: Record<string, ReturnType<typeof buildElicitation>>
  requestState: string
}

export function askForInput({ form, state }: Question): InputRequired {
  return { resultType: 'input_required', inputRequests: { confirm: buildElicitation(form) }, requestState: state }
}

/** What a stateless request says about forms: whether the client shows them, and what came of one. */
export function readForms(elicitation: unknown, { inputResponses, requestState }: JsonObject): FormChannel | undefined {
  // An empty object stands for forms alone.
  const showsForms = isObject(elicitation) && (isObject(elicitation.form) || Object.keys(elicitation).length === 0)
  if (!showsForms) return undefined
  return { kind: 'result', state: requestState, response: readResponse(asObject(inputResponses).confirm) }
}
