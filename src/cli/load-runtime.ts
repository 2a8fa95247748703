import type { Call } from '../calls/call.ts'
import { loadFailed } from '../calls/errors.ts'
import type { Observers, Runtime, RuntimeConfig } from '../runtime.ts'

export interface LazyRuntime extends Pick<Runtime, 'call' | 'interrupt'> {
  load(): Promise<Runtime>
  /** `undefined` before anything needed it. */
  loaded(): Runtime | undefined
}

/** The runtime, whose code is loaded with the first call: clients start many servers and call few. */
export function loadOnFirstCall(config: RuntimeConfig, observers: Observers): LazyRuntime {
  let loading: Promise<Runtime> | undefined
  let loaded: Runtime | undefined
  let isInterrupted = false

  async function loadOnce(): Promise<Runtime> {
    const { createRuntime } = await import('../runtime.ts')
    loaded = await createRuntime(config, observers)
    return loaded
  }

  function load(): Promise<Runtime> {
    loading ??= loadOnce().catch((error: unknown) => {
      // A file may be there again when the next call comes.
      loading = undefined
      throw error
    })
    return loading
  }

  const call: Call = async (request, caller, channel) => {
    const runtime = await load().catch((error: unknown) => {
      throw loadFailed(request.tool, error)
    })
    if (isInterrupted) runtime.interrupt()
    return runtime.call(request, caller, channel)
  }

  return {
    call,
    load,
    loaded: () => loaded,
    interrupt() {
      isInterrupted = true
      loaded?.interrupt()
    },
  }
}
