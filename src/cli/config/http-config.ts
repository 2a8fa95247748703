import { isIP, isIPv6 } from 'node:net'
import { isLoopback, withoutDot } from '../../http/urls.ts'
import { OPTIONS, type Options } from './options.ts'
import { MIN_TOKEN_CHARACTERS, readTokens } from './secrets.ts'
import type { Sources, Variables } from './sources.ts'
import { attempt, takeAll, UsageError } from './usage-error.ts'

/** What is served over HTTP. */
export interface HttpConfig {
  /** As `node:net` takes it. */
  readonly host: string
  /** Absent when MCP is served on stdio. */
  readonly mcpPort: number | undefined
  /** Absent when REST is not served. */
  readonly restPort: number | undefined
  /** Host names, as `URL` writes them, that requests may be made to besides loopback. */
  readonly allowedHosts: readonly string[]
  /** Callers must send one of these; none when empty. */
  readonly tokens: readonly string[]
  /** Callers send their own Metronome API keys, and the process's own key is never used. */
  readonly passthrough: boolean
  /** Milliseconds for calls to finish at shutdown. */
  readonly drainMs: number
  /** Milliseconds that an idle connection stays open. */
  readonly keepAliveMs: number
}

/** Reads what `--http` and `--rest` need. Throws {@link UsageError}, also when anybody could use the server. */
export function readHttpConfig(options: Options, variables: Variables, readFile: Sources['readFile']): HttpConfig {
  const { passthrough = false, host: hostOption = OPTIONS.host.default } = options
  const { host, tokens, otherHosts } = takeAll({
    host: attempt(() => readHost('--host', hostOption, 'must be an IP address or a host name')),
    tokens: attempt(() => readTokens(variables, readFile)),
    otherHosts: attempt(() => readAllowedHosts(options.allowedHosts)),
  })
  const { address, name } = host
  if (tokens.length > 0 && passthrough)
    throw new UsageError(
      'Tokens (METRONOME_MCP_AUTH_TOKEN, METRONOME_MCP_AUTH_TOKEN_FILE) and --passthrough are mutually exclusive; use one of them.',
    )
  if (!isLoopback(name) && tokens.length === 0 && !passthrough)
    throw new UsageError(
      `--host ${address} exposes the server: set METRONOME_MCP_AUTH_TOKEN to at least ${MIN_TOKEN_CHARACTERS} characters or METRONOME_MCP_AUTH_TOKEN_FILE to a file of such tokens, or use --passthrough.`,
    )
  if (['0.0.0.0', '[::]'].includes(name) && otherHosts.length === 0)
    throw new UsageError(`--host ${address} requires --allowed-hosts with the host names clients use.`)
  return {
    host: address,
    mcpPort: options.http ? (options.port ?? OPTIONS.port.default) : undefined,
    restPort: options.rest ? (options.restPort ?? OPTIONS['rest-port'].default) : undefined,
    allowedHosts: [name, ...otherHosts],
    tokens,
    passthrough,
    drainMs: options.drainMs ?? OPTIONS['drain-ms'].default,
    keepAliveMs: (options.keepAliveSeconds ?? OPTIONS['keep-alive-seconds'].default) * 1_000,
  }
}

function readAllowedHosts(value: string | undefined): string[] {
  const hosts = value?.split(',') ?? []
  return hosts.map((host) => readHost('--allowed-hosts', host.trim(), 'must be comma-separated host names').name)
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/i

/** A host without brackets, and its name as `URL` writes it: in lower case, IPv6 shortened and in brackets. */
function readHost(option: string, text: string, rule: string): { address: string; name: string } {
  const address = withoutDot(text.replace(/^\[(.*)\]$/, '$1'))
  const url = `http://${isIPv6(address) ? `[${address}]` : address}`
  // A name such as 1.2.3.4.5 matches, but no URL can contain it.
  if ((isIP(address) === 0 && !HOST_NAME.test(address)) || !URL.canParse(url))
    throw new UsageError(`${option} ${rule}, without a scheme or port.`)
  return { address, name: new URL(url).hostname }
}
