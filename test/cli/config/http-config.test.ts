import { describe, expect, test } from 'vitest'
import { parseCommandLine } from '../../../src/cli/config/command-line.ts'
import { readConfig } from '../../../src/cli/config/config.ts'
import { OPTIONS } from '../../../src/cli/config/options.ts'
import { UsageError } from '../../../src/cli/config/usage-error.ts'

const TOKEN = 'x'.repeat(32)
const OTHER_TOKEN = 'y'.repeat(32)
const WITH_TOKEN = { METRONOME_MCP_AUTH_TOKEN: TOKEN }
const WITH_TOKEN_FILE = { METRONOME_MCP_AUTH_TOKEN_FILE: '/tokens' }

const read = (argv: readonly string[], environment: Record<string, string> = {}, files: Record<string, string> = {}) =>
  readConfig(
    { environment, envFile: {}, dotEnv: {}, readFile: readFrom(files) },
    parseCommandLine(argv, OPTIONS).options,
  )

const readFrom = (files: Record<string, string>) => (path: string) => {
  const text = files[path]
  if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
  return text
}

test('--http alone listens on loopback and logs more', () => {
  const { logLevel, http } = read(['--http'])
  expect(logLevel).toBe('info')
  expect(http).toEqual({
    host: '127.0.0.1',
    mcpPort: 9090,
    restPort: undefined,
    allowedHosts: ['127.0.0.1'],
    tokens: [],
    passthrough: false,
    drainMs: 5000,
    keepAliveMs: 65_000,
  })
})

test('--rest listens on port 8080, beside stdio or --http', () => {
  expect(read(['--rest']).http).toMatchObject({ host: '127.0.0.1', mcpPort: undefined, restPort: 8080 })
  expect(read(['--http', '--rest', '--rest-port', '0']).http).toMatchObject({ mcpPort: 9090, restPort: 0 })
})

test('without --http and --rest nothing listens, and the token is not read', () => {
  const environment = { METRONOME_MCP_AUTH_TOKEN: 'short', METRONOME_MCP_AUTH_TOKEN_FILE: '/missing' }
  expect(read([], environment)).toMatchObject({ http: undefined, logLevel: 'warn' })
})

test('options reach the configuration', () => {
  const argv = ['--http', '--port', '1', '--drain-ms', '2', '--passthrough', '--log-format', 'json']
  expect(read(argv)).toMatchObject({ logFormat: 'json', http: { mcpPort: 1, drainMs: 2, passthrough: true } })
})

describe.each(['--http', '--rest'])('%s', (option) => {
  test.each<[string, string[], Record<string, string>, RegExp]>([
    [
      'another host without a token',
      ['--host', '10.0.0.1'],
      {},
      /^--host 10\.0\.0\.1 exposes the server: .*METRONOME_MCP_AUTH_TOKEN to at least 32.*--passthrough/,
    ],
    ['a host name without a token', ['--host', 'mcp.example.com'], {}, /METRONOME_MCP_AUTH_TOKEN/],
    ['all addresses without a token', ['--host', '0.0.0.0', '--allowed-hosts', 'x'], {}, /METRONOME_MCP_AUTH_TOKEN/],
    ['all addresses without host names', ['--host', '0.0.0.0'], WITH_TOKEN, /requires --allowed-hosts/],
    ['all IPv6 addresses without host names', ['--host', '::'], WITH_TOKEN, /--allowed-hosts/],
    ['all addresses in another spelling', ['--host', '0'], WITH_TOKEN, /--allowed-hosts/],
    ['a token of 31 characters', [], { METRONOME_MCP_AUTH_TOKEN: 'x'.repeat(31) }, /is shorter than 32 characters/],
    ['a token with a space', [], { METRONOME_MCP_AUTH_TOKEN: `${TOKEN} y` }, /contains white space/],
    ['a token and --passthrough', ['--passthrough'], WITH_TOKEN, /mutually exclusive/],
    ['a host with a scheme', ['--host', 'http://localhost'], {}, /^--host must be .*without a scheme or port\.$/],
    ['a host with a port', ['--host', 'localhost:9090'], {}, /^--host must be/],
    ['a host with a space', ['--host', 'a b'], {}, /^--host must be/],
    ['an invalid IPv4 address', ['--host', '999.1.1.1'], {}, /^--host must be/],
    ['an empty allowed host', ['--allowed-hosts', 'a,,b'], {}, /^--allowed-hosts must be comma-separated host names/],
    ['an allowed host with a scheme', ['--allowed-hosts', 'https://a'], {}, /^--allowed-hosts must be/],
    ['an allowed host with two dots at its end', ['--allowed-hosts', 'a..'], {}, /^--allowed-hosts must be/],
    ['an allowed host that is a dot', ['--allowed-hosts', '.'], {}, /^--allowed-hosts must be/],
    [
      'an idle time of 0 s',
      ['--keep-alive-seconds', '0'],
      {},
      /^--keep-alive-seconds must be an integer from 1 to 3600/,
    ],
    ['an idle time of over an hour', ['--keep-alive-seconds', '3601'], {}, /^--keep-alive-seconds must be an integer/],
  ])('rejects %s', (_, argv, environment, message) => {
    expect(() => read([option, ...argv], environment)).toThrow(UsageError)
    expect(() => read([option, ...argv], environment)).toThrow(message)
  })

  test.each([
    ['a token', ['--host', '10.0.0.1'], WITH_TOKEN, [TOKEN]],
    ['--passthrough', ['--host', '10.0.0.1', '--passthrough'], {}, []],
    ['a token and host names', ['--host', '0.0.0.0', '--allowed-hosts', 'mcp.example.com,[::1]'], WITH_TOKEN, [TOKEN]],
  ])('accepts another host with %s', (_, argv, environment, tokens) => {
    expect(read([option, ...argv], environment).http).toMatchObject({ host: argv[1], tokens })
  })

  test('takes one dot at the end of host names away', () => {
    const { http } = read([option, '--host', 'localhost.', '--allowed-hosts', 'MCP.example.com.,b'])
    expect(http).toMatchObject({ host: 'localhost', allowedHosts: ['localhost', 'mcp.example.com', 'b'] })
  })

  test('keeps idle connections as long as --keep-alive-seconds says', () => {
    expect(read([option, '--keep-alive-seconds', '620']).http).toMatchObject({ keepAliveMs: 620_000 })
  })

  test('writes host names as URL does', () => {
    const { http } = read([option, '--host', '[::1]', '--allowed-hosts', 'MCP.Example.com, 2001:DB8:0::1'])
    expect(http).toMatchObject({ host: '::1', allowedHosts: ['[::1]', 'mcp.example.com', '[2001:db8::1]'] })
  })
})

describe('METRONOME_MCP_AUTH_TOKEN_FILE', () => {
  const readTokens = (text: string, environment: Record<string, string> = {}, argv: string[] = []) =>
    read(['--http', ...argv], { ...WITH_TOKEN_FILE, ...environment }, { '/tokens': text }).http?.tokens

  test.each([
    ['one token', TOKEN, [TOKEN]],
    ['one token a line', `${TOKEN}\n${OTHER_TOKEN}\n`, [TOKEN, OTHER_TOKEN]],
    ['lines of Windows, empty lines and white space', `\r\n  ${TOKEN}\t\r\n\r\n${OTHER_TOKEN}`, [TOKEN, OTHER_TOKEN]],
  ])('may contain %s', (_, text, tokens) => {
    expect(readTokens(text)).toEqual(tokens)
  })

  test('adds its tokens to that of METRONOME_MCP_AUTH_TOKEN', () => {
    expect(readTokens(OTHER_TOKEN, WITH_TOKEN)).toEqual([TOKEN, OTHER_TOKEN])
  })

  test('allows another host', () => {
    expect(readTokens(TOKEN, {}, ['--host', '10.0.0.1'])).toEqual([TOKEN])
  })

  test.each([
    ['is empty', '', /^METRONOME_MCP_AUTH_TOKEN_FILE names a file without a token; generate one with: openssl/],
    ['has only empty lines', ' \r\n\n', /^METRONOME_MCP_AUTH_TOKEN_FILE names a file without a token;/],
    ['has a short token', `${TOKEN}\n\nshort\n`, /^Line 3 of METRONOME_MCP_AUTH_TOKEN_FILE is shorter than 32 char/],
    ['has two tokens on a line', `${TOKEN} ${OTHER_TOKEN}`, /^Line 1 of METRONOME_MCP_AUTH_TOKEN_FILE contains white/],
    ['has a quoted token', `${TOKEN}\n"${OTHER_TOKEN}"`, /^Line 2 of METRONOME_MCP_AUTH_TOKEN_FILE has quotes around/],
  ])('stops the start when it %s, without a token in the message', (_, text, message) => {
    // Also where METRONOME_MCP_AUTH_TOKEN alone would do.
    for (const environment of [{}, WITH_TOKEN]) {
      expect(() => readTokens(text, environment)).toThrow(UsageError)
      expect(() => readTokens(text, environment)).toThrow(message)
      expect(() => readTokens(text, environment)).not.toThrow(/short(?!er)|xx|yy/)
    }
  })

  test('stops the start when it cannot be read', () => {
    expect(() => read(['--http'], WITH_TOKEN_FILE)).toThrow(
      'METRONOME_MCP_AUTH_TOKEN_FILE names a file that cannot be read (ENOENT); correct the path.',
    )
  })

  test('and --passthrough are mutually exclusive', () => {
    expect(() => readTokens(TOKEN, {}, ['--passthrough'])).toThrow(/METRONOME_MCP_AUTH_TOKEN_FILE.* mutually exclusive/)
  })
})
