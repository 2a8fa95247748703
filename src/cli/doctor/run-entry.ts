import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js'
import type { JsonSchemaValidatorResult, jsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/types.js'
import { asObjects, isObject } from '../../operations/operation.ts'
import { createRedactor } from '../../sanitize.ts'
import { NAME, VERSION } from '../../version.ts'
import type { CommandContext } from '../config/command-line.ts'
import type { Launch } from '../print-config/clients.ts'

export type RunResult =
  | { readonly ok: true; readonly summary: string }
  | { readonly ok: false; readonly problem: string; readonly status?: number }

const TIMEOUT_MS = 20_000

/** Starts what a client would start, with the few variables that every client passes on, and ends it again. */
export async function runStdioEntry(
  { command, args, env }: Launch,
  { environment }: CommandContext,
): Promise<RunResult> {
  // Not where doctor runs: npx would prefer a package of that folder.
  const cwd = mkdtempSync(join(tmpdir(), `${NAME}-`))
  const inherited = {
    ...getDefaultEnvironment(),
    ...pick(environment, ['PATH', 'Path', 'HOME', 'npm_config_registry']),
  }
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    env: { ...inherited, ...env },
    stderr: 'pipe',
    cwd,
  })
  let stderr = ''
  transport.stderr?.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-4_096)
  })
  const result = await talk(transport)
  rmSync(cwd, { recursive: true, force: true })
  if (result.ok) return result
  const lines = stderr.trim().split('\n')
  // npm ends with the path of its log.
  const lastLine = lines.find((line) => NPM_ERROR.test(line)) ?? lines.at(-1)
  const redact = createRedactor(Object.values(env).filter((value) => value.length >= 3))
  return { ...result, problem: redact(lastLine ? `${result.problem}: ${lastLine}` : result.problem) }
}

/** The line that names the reason when npx cannot install a package. */
const NPM_ERROR = /^npm (error|ERR!) code \w+/

export function runHttpEntry(url: URL, headers: Readonly<Record<string, string>>): Promise<RunResult> {
  return talk(new StreamableHTTPClientTransport(url, { requestInit: { headers } }))
}

function pick(environment: CommandContext['environment'], names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.flatMap((name) => (environment[name] ? [[name, environment[name]]] : [])))
}

// What it returns is shown to nobody.
const noValidation: jsonSchemaValidator = {
  getValidator<T>() {
    return (data: unknown): JsonSchemaValidatorResult<T> => ({ valid: true, data: data as T, errorMessage: undefined })
  },
}

/** Handshake, list of the tools, and one cheap read where there is one. */
async function talk(transport: Transport): Promise<RunResult> {
  const client = new Client({ name: `${NAME}-doctor`, version: VERSION }, { jsonSchemaValidator: noValidation })
  const deadline = performance.now() + TIMEOUT_MS
  const options = () => ({ timeout: Math.max(1, deadline - performance.now()) })
  try {
    await client.connect(transport, options())
    if (client.getServerVersion()?.name !== NAME) return { ok: false, problem: 'another server responds' }
    const { tools } = await client.listTools({}, options())
    const count = `${tools.length} tools`
    if (!tools.some(({ name }) => name === 'list-customers')) return { ok: true, summary: count }
    const read = { name: 'list-customers', arguments: { limit: 1 } }
    const { isError, content } = await client.callTool(read, undefined, options())
    if (!isError) return { ok: true, summary: `${count}, list-customers works` }
    const [block] = asObjects(content)
    return { ok: false, problem: `list-customers fails: ${block?.text}` }
  } catch (error) {
    const status = isObject(error) && typeof error.code === 'number' ? error.code : undefined
    return { ok: false, problem: describeError(error), ...(status !== undefined && { status }) }
  } finally {
    await client.close()
  }
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return 'it does not respond'
  const { code } = Object(error.cause) as { code?: string } // fetch hides the reason in its cause
  if (code) return `it cannot be reached (${code})`
  return /timed out/i.test(error.message)
    ? `it does not respond within ${TIMEOUT_MS / 1000} s`
    : 'it ends or responds with an error'
}
