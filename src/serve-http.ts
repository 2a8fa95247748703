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
  const end = async (signal: string): Promise<void> => {
    log('info', 'draining', { signal, 'drain-ms': settings.drainMs })
    await ports.drain(settings.drainMs)
    exit(0)
  }
  for (const signal of ['SIGTERM', 'SIGINT']) signals.once(signal, () => void end(signal))
  await ports.open()
}
