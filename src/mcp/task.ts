import { asObject } from '../operation/json.ts'

/**
 * The message without a wish to have its call run as a task. Where no tasks are declared the protocol has such a wish
 * ignored; the SDK answers it with an internal error.
 */
export function withoutTask<Message extends object>(message: Message): Message {
  if (!('method' in message) || message.method !== 'tools/call' || !('params' in message)) return message
  const { task, ...params } = asObject(message.params)
  return task === undefined ? message : { ...message, params }
}
