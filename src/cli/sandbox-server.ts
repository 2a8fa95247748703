import { accessSync, constants, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import * as z from 'zod'
import { createListeners } from '../http/listener.ts'
import type { App, Handler, Route } from '../http/routes.ts'
import { weighJson } from '../operations/json.ts'
import { parseFaultSpec } from '../sandbox/fault-spec.ts'
import { buildRecords, parseRecords } from '../sandbox/records.ts'
import { createSandbox, type Sandbox } from '../sandbox/sandbox.ts'
import { createStore, type Records, type Store } from '../sandbox/store.ts'
import { type Command, type OptionSpecs, parseCommandLine } from './config/command-line.ts'
import { readFaults } from './config/config.ts'
import { MAX_PORT, OPTIONS as SERVER_OPTIONS } from './config/options.ts'
import { readNamedFile, readRegularFile } from './config/sources.ts'
import { UsageError } from './config/usage-error.ts'
import { buildCommandHelp } from './help-format.ts'

const HOST = '127.0.0.1'
const DRAIN_MS = 250

const { requires: _, ...FAULTS } = SERVER_OPTIONS['sandbox-faults']
const SEED = SERVER_OPTIONS['sandbox-seed']

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
  'sandbox-faults': FAULTS,
  'sandbox-seed': SEED,
} as const satisfies OptionSpecs

const DESCRIPTION =
  'Serves the sandbox as an HTTP Metronome on loopback, until it is stopped, for this program, for SDKs and for tests. Any bearer token is a key. GET and PUT /_sandbox/faults show and replace the faults. See docs/sandbox.md.'

/** Serves a sandbox until a signal comes. */
export const serveSandbox: Command = async (argv, { program, signals, stdout, stderr }) => {
  const { options } = parseCommandLine(argv, OPTIONS)
  if (options.help) {
    stdout(buildCommandHelp(program, 'sandbox [options]', DESCRIPTION, OPTIONS))
    return 0
  }
  const { port = OPTIONS.port.default, data, sandboxFaults = '', sandboxSeed = SEED.default } = options
  const store = createStore(data === undefined ? undefined : loadRecords(data))
  const sandbox = createSandbox({ store, faults: readFaults(sandboxFaults), seed: sandboxSeed })
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
  if (data !== undefined) saveRecords(data, store)
  return 0
}

const faultSettings = z.strictObject({
  faults: z.string(),
  seed: z.int().min(0).max(SEED.max).default(SEED.default),
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
      return buildRejection({ status: 400, message: 'The body must be {"faults": "SPEC", "seed": N}.' })
    const spec = parseFaultSpec(parsed.data.faults)
    if (!spec.ok) return buildRejection({ status: 400, message: spec.message })
    settings = parsed.data
    sandbox.injectFaults(spec.plan, settings.seed)
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
    weighJson,
  }
}

const buildRejection: App['buildRejection'] = ({ status, message, headers = {} }) =>
  Response.json({ message }, { status, headers: { ...headers } })

/** As fetch fails when the server closes the connection. */
function isConnectionError(error: unknown): boolean {
  return error instanceof TypeError && error.cause !== undefined
}

/** `undefined`, for the usual customers, when the file is missing. */
function loadRecords(path: string): Records | undefined {
  const text = readNamedFile('--data', path, readData)
  if (text === undefined) return undefined
  const parsed = parseRecords(parseJson(text))
  if (parsed.ok) return parsed.records
  throw new UsageError(`--data: ${parsed.message}; see docs/sandbox.md.`)
}

/** Throws also when the file cannot be written at the end. */
function readData(path: string): string | undefined {
  accessSync(dirname(path), constants.W_OK)
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats && readRegularFile(path, stats, Number.POSITIVE_INFINITY).toString('utf8')
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError('--data names a file that is not JSON; correct the path.', { cause: error })
  }
}

/** Writes, under a temporary name first, what the next run may begin with. */
function saveRecords(path: string, store: Store): void {
  // What Metronome still works on will be applied.
  for (const commit of store.pending.values()) commit()
  const temporary = `${path}.${process.pid}.tmp`
  writeFileSync(temporary, `${JSON.stringify(buildRecords(store), null, 2)}\n`)
  renameSync(temporary, path)
}
