import type { EventEmitter } from 'node:events'
import { createPorts, type PortsOptions } from './ports.ts'

export interface HttpOptions extends PortsOptions {
  /** Emits SIGTERM and SIGINT. */
  readonly signals: EventEmitter
  readonly exit: (code: number) => void
}

/** Serves HTTP until a signal comes; then lets calls end, and ends with code 0. */
export async function serveHttp({ signals, exit, ...options }: HttpOptions): Promise<void> {
  const { settings, log } = options
  const ports = createPorts(options)
  let ending = false
  const end = async (signal: string): Promise<void> => {
    if (ending) return
    ending = true
    log('info', 'draining', { signal, 'drain-ms': settings.drainMs })
    await ports.drain(settings.drainMs)
    exit(0)
  }
  // Listened to until the end: npm's copy of a Ctrl-C would kill the process in the middle of its draining.
  for (const signal of ['SIGTERM', 'SIGINT']) signals.on(signal, () => void end(signal))
  await ports.open()
}
