import type { ProgressNotification, ProgressToken } from '@modelcontextprotocol/sdk/types.js'

export type SendNotification = (notification: ProgressNotification) => Promise<void>

/** Tells the caller of waits and repeats, when it asked for that. */
export function createProgress(progressToken: ProgressToken | undefined, send: SendNotification) {
  if (progressToken === undefined) return undefined
  let progress = 0
  return (message: string): void => {
    progress += 1
    // A caller that has left needs no progress.
    send({ method: 'notifications/progress', params: { progressToken, progress, message } }).catch(() => {})
  }
}
