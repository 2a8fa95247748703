import { describe, expect, test } from 'vitest'
import { readConfig, UsageError } from '../../src/cli/config.ts'
import { parseOptions } from '../../src/cli/options.ts'

const TOKEN = 'x'.repeat(32)
const WITH_TOKEN = { METRONOME_MCP_AUTH_TOKEN: TOKEN }

const read = (argv: readonly string[], environment: Record<string, string> = {}) =>
  readConfig({ environment, envFile: {}, dotEnv: {}, readFile: () => '' }, parseOptions(argv))

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
  })
})

test('--rest listens on port 8080, beside stdio or --http', () => {
  expect(read(['--rest']).http).toMatchObject({ host: '127.0.0.1', mcpPort: undefined, restPort: 8080 })
  expect(read(['--http', '--rest', '--rest-port', '0']).http).toMatchObject({ mcpPort: 9090, restPort: 0 })
})

test('without --http and --rest nothing listens, and the token is not read', () => {
  expect(read([], { METRONOME_MCP_AUTH_TOKEN: 'short' })).toMatchObject({ http: undefined, logLevel: 'warn' })
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

  test('writes host names as URL does', () => {
    const { http } = read([option, '--host', '[::1]', '--allowed-hosts', 'MCP.Example.com, 2001:DB8:0::1'])
    expect(http).toMatchObject({ host: '::1', allowedHosts: ['[::1]', 'mcp.example.com', '[2001:db8::1]'] })
  })
})
