import { access, constants, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as z from 'zod'
import { createListeners } from '../http/listener.ts'
import type { App, Handler, Route } from '../http/routes.ts'
import { NO_FAULTS, parseFaultSpec } from '../sandbox/fault-spec.ts'
import { buildRecords, parseRecords } from '../sandbox/records.ts'
import { createSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { createStore, type Records, type Store } from '../sandbox/store.ts'
import { type Command, type OptionSpecs, parseCommandLine, UsageError } from './config/command-line.ts'
import { readFaults } from './config/config.ts'
import { MAX_PORT, OPTIONS as SERVER_OPTIONS } from './config/options.ts'
import { buildCommandHelp } from './help-format.ts'

const HOST = '127.0.0.1'
const DRAIN_MS = 250

const { requires: _, ...faults } = SERVER_OPTIONS['sandbox-faults']
const seed = SERVER_OPTIONS['sandbox-seed']

const OPTIONS = {
  help: { type: 'boolean', short: 'h', description: 'print this help' },
  port: {
    type: 'integer',
    placeholder: 'N',
    max: MAX_PORT,
    default: 4010,
    description: 'port on 127.0.0.1; 0 takes a free one',
  },
  data: {
    type: 'string',
    placeholder: 'FILE',
    description: 'JSON file of the records: read at the start where it exists, written at the end',
  },
  'sandbox-faults': faults,
  'sandbox-seed': seed,
} as const satisfies OptionSpecs

const DESCRIPTION =
  'Serves the sandbox as an HTTP Metronome on loopback, until it is stopped, for this program, for SDKs and for tests. Any bearer token is a key. GET and PUT /_sandbox/faults show and replace the faults. See docs/sandbox.md.'

export const sandbox: Command = async (argv, { program, signals, stdout, stderr }) => {
  const { options } = parseCommandLine(argv, OPTIONS)
  if (options.help) {
    stdout(buildCommandHelp(program, 'sandbox [options]', DESCRIPTION, OPTIONS))
    return 0
  }
  const { port = OPTIONS.port.default, data, sandboxFaults = '', sandboxSeed = seed.default } = options
  const store = createStore(data === undefined ? undefined : await loadRecords(data))
  const sandbox = createSandbox({ store, faults: readFaults(options.sandboxFaults), seed: sandboxSeed })
  // Kept until the end: a second Ctrl-C would kill the process while it writes.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) signals.on(signal, () => resolve())
  })
  const listeners = createListeners({
    allowedHosts: [],
    hostHint: `Use ${HOST} or localhost.`,
    // Every bearer is a key; without one, Metronome responds 401.
    isAllowedBearer: () => true,
    isSaturated: () => false,
    keepAliveMs: SERVER_OPTIONS['keep-alive-seconds'].default * 1_000,
    notReadyReason: () => undefined,
    onRejected() {},
    onError: (error) => stderr(`${String(error)}\n`),
    interrupt() {},
  })
  const app = createSandboxApp(sandbox, { faults: sandboxFaults, seed: sandboxSeed })
  const { url } = await listeners.open({ host: HOST, port, app })
  stdout(`${url}\n`)
  await stopped
  await listeners.drain(DRAIN_MS)
  if (data !== undefined) await saveRecords(data, store)
  return 0
}

const faultSettings = z.strictObject({
  faults: z.string(),
  seed: z.int().min(0).max(seed.max).default(seed.default),
})

/** Serves a sandbox over HTTP. Where a fault breaks the connection, no response is sent. */
export function createSandboxApp(sandbox: Sandbox, initial: z.output<typeof faultSettings>): App {
  let settings = initial

  const forward: Handler = async (request, { json, signal, disconnect }) => {
    const body = json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }
    try {
      return await sandbox.fetch(request.url, { headers: request.headers, ...body, signal })
    } catch (error) {
      if (!signal.aborted && !isConnectionError(error)) throw error
      disconnect()
      return new Response()
    }
  }

  const replaceFaults: Handler = async (_, { json }) => {
    const parsed = faultSettings.safeParse(json)
    if (!parsed.success)
      return buildRejection({
        status: 400,
        message: 'The body must be {"faults": "SPEC", "seed": N}; seed is optional.',
      })
    const { faults, seed } = parsed.data
    const spec = faults.trim() === '' ? { ok: true as const, plan: NO_FAULTS } : parseFaultSpec(faults)
    if (!spec.ok) return buildRejection({ status: 400, message: spec.message })
    sandbox.injectFaults(spec.plan, seed)
    settings = parsed.data
    return Response.json(settings)
  }

  const forwarded: Route = { path: '/', handlers: { GET: forward, POST: forward }, ignoresAccept: true }
  const faults: Route = {
    path: '/_sandbox/faults',
    handlers: { GET: async () => Response.json(settings), PUT: replaceFaults },
    public: true,
    ignoresAccept: true,
  }
  return {
    // The sandbox itself responds 404 to an unknown path.
    findRoute: (path) => (path === faults.path ? faults : forwarded),
    buildRejection,
    describeNotFound: () => '',
    parseJson: JSON.parse,
  }
}

const buildRejection: App['buildRejection'] = ({ status, message, headers = {} }) =>
  Response.json({ message }, { status, headers: { ...headers } })

/** As fetch fails when the server closes the connection. */
function isConnectionError(error: unknown): boolean {
  return error instanceof TypeError && error.cause !== undefined
}

/** `undefined` for the usual customers, when the file is missing. */
async function loadRecords(path: string): Promise<Records | undefined> {
  const reject = (error: unknown): never => {
    const { code = 'unreadable' } = error as { code?: string } // errors of node:fs have a code
    throw new UsageError(`--data names a file that cannot be read or written (${code}); correct the path.`, {
      cause: error,
    })
  }
  await access(dirname(path), constants.W_OK).catch(reject)
  const text = await readFile(path, 'utf8').catch((error: unknown) => (isMissing(error) ? undefined : reject(error)))
  if (text === undefined) return undefined
  const parsed = parseRecords(parseJson(text))
  if (!parsed.ok) throw new UsageError(`--data: ${parsed.message}; see docs/sandbox.md.`)
  return parsed.records
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError('--data names a file that is not JSON; correct the path.', { cause: error })
  }
}

/** Writes, under a temporary name first, what the next run may begin with. */
async function saveRecords(path: string, store: Store): Promise<void> {
  // What Metronome still works on will be applied.
  for (const commit of store.pending.values()) commit()
  const temporary = `${path}.${process.pid}.tmp`
  await writeFile(temporary, `${JSON.stringify(buildRecords(store), null, 2)}\n`)
  await rename(temporary, path)
}
