import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JsonSchemaValidatorResult, jsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/types.js'
import { asObjects, isObject } from '../../operations/json.ts'
import { codeOf } from '../../thrown.ts'
import { NAME, VERSION } from '../../version.ts'
import type { CommandContext } from '../config/command-line.ts'
import type { Launch } from '../print-config/clients.ts'
import { quoteOutput } from './launch.ts'

export type RunResult =
  | { readonly ok: true; readonly summary: string }
  | {
      readonly ok: false
      readonly problem: string
      /** Whether the handshake with this server worked, and only the call failed. */
      readonly isConnected: boolean
      readonly status?: number
    }

const TIMEOUT_MS = 20_000

/** Starts what a client would start, with the few variables that every client passes on, and ends it again. */
export async function runStdioEntry(launch: Launch, { environment }: CommandContext): Promise<RunResult> {
  const { command, args, env } = launch
  // Not where doctor runs: npx would prefer a package of that folder.
  const cwd = mkdtempSync(join(tmpdir(), `${NAME}-`))
  const inherited = Object.entries(environment).flatMap(([name, value = '']) =>
    /^(path|home|npm_config_registry)$/i.test(name) ? [[name, value] as const] : [],
  )
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    env: { ...getDefaultEnvironment(), ...Object.fromEntries(inherited), ...env },
    stderr: 'pipe',
    cwd,
  })
  let stderr = ''
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-16_384)
  })
  const result = await probeServer(transport)
  rmSync(cwd, { recursive: true, force: true })
  if (result.ok) return result
  const reason = findTellingLine(stderr, result.isConnected)
  const separator = result.isConnected ? ' ' : ': '
  return { ...result, problem: quoteOutput([result.problem, reason].filter(Boolean).join(separator), launch) }
}

/** How this program, npm and Node begin the line that says what is wrong. */
const TELLING = new RegExp(
  `^(${NAME}: |npm (error|ERR!) code |(\\w+)?Error( \\[\\w+\\])?: |Warning: Ignoring extra certs)`,
)
const TRAILER = /^\s*(at .*|\^+|[\]}]|Node\.js v.*|npm (error|ERR!).*)?$/

/** The line among stack and trailers; of a server that responds, only one that is known to tell something. */
function findTellingLine(stderr: string, isConnected: boolean): string | undefined {
  const lines = stderr.trim().split('\n')
  const at = lines.findIndex((line) => TELLING.test(line))
  // Everything that is wrong with its settings, each on a line.
  if (lines[at]?.startsWith(`${NAME}: `)) return lines.slice(at).join(' ')
  return lines[at] ?? (isConnected ? undefined : lines.findLast((line) => !TRAILER.test(line)))
}

export async function runHttpEntry(url: URL, headers: Readonly<Record<string, string>>): Promise<RunResult> {
  const result = await probeServer(new StreamableHTTPClientTransport(url, { requestInit: { headers } }))
  if (result.ok) return result
  const values = [url.href, url.pathname, url.search, url.username, url.password]
  return { ...result, problem: quoteOutput(result.problem, { args: values, env: headers }) }
}

// No result of it is used.
const noValidation: jsonSchemaValidator = {
  getValidator<T>() {
    return (data: unknown): JsonSchemaValidatorResult<T> => ({ valid: true, data: data as T, errorMessage: undefined })
  },
}

/** Handshake, list of the tools, and one cheap read where there is one. */
async function probeServer(transport: Transport): Promise<RunResult> {
  const client = new Client({ name: `${NAME}-doctor`, version: VERSION }, { jsonSchemaValidator: noValidation })
  const deadline = performance.now() + TIMEOUT_MS
  const options = () => ({ timeout: Math.max(1, deadline - performance.now()) })
  let isConnected = false
  try {
    await client.connect(transport, options())
    if (client.getServerVersion()?.name !== NAME) return { ok: false, isConnected, problem: 'another server responds' }
    isConnected = true
    const { tools } = await client.listTools({}, options())
    const count = `${tools.length} tools`
    if (!tools.some(({ name }) => name === 'list-customers')) return { ok: true, summary: count }
    const read = { name: 'list-customers', arguments: { limit: 1 } }
    const { isError, content } = await client.callTool(read, undefined, options())
    if (!isError) return { ok: true, summary: `${count}, list-customers works` }
    const [block] = asObjects(content)
    return { ok: false, isConnected, problem: `list-customers fails: ${block?.text}` }
  } catch (error) {
    const status = isObject(error) && typeof error.code === 'number' ? error.code : undefined
    return { ok: false, isConnected, problem: describeError(error), ...(status !== undefined && { status }) }
  } finally {
    await client.close()
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return 'it does not respond'
  const code = codeOf(error.cause) // fetch hides the reason there
  if (code) return `it cannot be reached (${code})`
  return /timed out/i.test(error.message)
    ? `it does not respond within ${TIMEOUT_MS / 1000} s`
    : 'it ends or responds with an error'
}
