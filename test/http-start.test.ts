import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { readConfig } from '../src/config/config.ts'
import { parseFlags } from '../src/flags.ts'
import { TOKEN } from './support/http.ts'

const read = (argv: string[], environment: Record<string, string> = {}) =>
  readConfig({ environment, envFile: {}, dotEnv: {}, readFile: () => '' }, parseFlags(argv))

const withToken = { METRONOME_MCP_AUTH_TOKEN: TOKEN }

test('--http alone listens on loopback, without limits and with more to read in the log', () => {
  const config = read(['--http'])
  expect(config.logLevel).toBe('info')
  expect(config.http).toEqual({
    host: '127.0.0.1',
    port: 9090,
    restPort: undefined,
    allowedHosts: ['127.0.0.1'],
    token: undefined,
    passthrough: false,
    rateLimit: 0,
    drainMs: 5000,
  })
})

test('without --http and --rest nothing listens, whatever the environment says', () => {
  expect(read([], { METRONOME_MCP_AUTH_TOKEN: 'short' })).toMatchObject({ http: undefined, logLevel: 'warn' })
})

describe('a start that would let strangers in is refused', () => {
  test.each([
    [
      'another host without a token',
      ['--host', '10.0.0.1'],
      {},
      /--host 10\.0\.0\.1 .*METRONOME_MCP_AUTH_TOKEN.*--passthrough/,
    ],
    ['a name without a token', ['--host', 'mcp.example.com'], {}, /METRONOME_MCP_AUTH_TOKEN/],
    ['all addresses without a token', ['--host', '0.0.0.0', '--allowed-hosts', 'x'], {}, /METRONOME_MCP_AUTH_TOKEN/],
    ['all addresses without names', ['--host', '0.0.0.0'], withToken, /--allowed-hosts/],
    ['all IPv6 addresses without names', ['--host', '::'], withToken, /--allowed-hosts/],
    ['all addresses written another way', ['--host', '0'], withToken, /--allowed-hosts/],
    ['a token of 31 characters', [], { METRONOME_MCP_AUTH_TOKEN: 'x'.repeat(31) }, /32 or more/],
    ['a token with a space', [], { METRONOME_MCP_AUTH_TOKEN: `${'x'.repeat(32)} y` }, /no space/],
    ['a token and passthrough', ['--passthrough'], withToken, /exclude each other/],
  ])('%s', (_, argv, environment, message) => {
    expect(() => read(['--http', ...argv], environment)).toThrow(message)
  })
})

test.each([
  ['a token', ['--host', '10.0.0.1'], withToken],
  ['passthrough', ['--host', '10.0.0.1', '--passthrough'], {}],
  ['a token and names', ['--host', '0.0.0.0', '--allowed-hosts', 'mcp.example.com,[::1]'], withToken],
])('with %s it listens elsewhere and has a rate limit', (_, argv, environment) => {
  expect(read(['--http', ...argv], environment).http).toMatchObject({ host: argv[1], rateLimit: 600 })
})

test('names are compared as URLs spell them', () => {
  const { http } = read(['--http', '--host', '[::1]', '--allowed-hosts', 'MCP.Example.com, 2001:DB8:0::1'])
  expect(http).toMatchObject({ host: '::1', allowedHosts: ['[::1]', 'mcp.example.com', '[2001:db8::1]'] })
})

describe('a value that cannot be one names its flag', () => {
  test.each([
    [['--port', '70000'], /^--port must be a whole number from 0 to 65535\.$/],
    [['--port', 'x'], /^--port /],
    [['--port', '1.5'], /^--port /],
    [['--port', ''], /^--port needs a value/],
    [['--host', 'http://localhost'], /^--host /],
    [['--host', 'localhost:9090'], /^--host /],
    [['--host', 'a b'], /^--host /],
    [['--host', '999.1.1.1'], /^--host /],
    [['--allowed-hosts', 'a,,b'], /^--allowed-hosts /],
    [['--allowed-hosts', 'https://a'], /^--allowed-hosts /],
    [['--rate-limit', '-1'], /--rate-limit|-1/],
    [['--drain-ms', 'soon'], /^--drain-ms /],
    [['--log-format', 'xml'], /^--log-format must be text or json\.$/],
  ])('%j', (argv, message) => {
    expect(() => read(['--http', ...argv])).toThrow(message)
  })

  test.each(['--port', '--drain-ms'])('%s without --http', (flag) => {
    expect(() => read([flag, '1'])).toThrow(`${flag} works with --http only; add it or leave ${flag} out.`)
  })

  test.each(['--host', '--allowed-hosts', '--rate-limit'])('%s without --http and --rest', (flag) => {
    expect(() => read([flag, '1'])).toThrow(`${flag} works with --http or --rest only; add it or leave ${flag} out.`)
  })
})

describe('the program', () => {
  const run = (argv: string[], environment: Record<string, string> = {}) => {
    const { PATH } = process.env
    return spawn('node', ['bin/metronome-customers-mcp.js', '--http', '--sandbox', ...argv], {
      env: { PATH, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  }
  const end = async (child: ReturnType<typeof run>) => {
    let stderr = ''
    child.stderr?.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(child, 'close')
    return { code, stderr }
  }

  test.each([
    ['a malformed port', ['--port', 'x'], {}],
    ['an open door', ['--host', '0.0.0.0'], {}],
    ['a short token', [], { METRONOME_MCP_AUTH_TOKEN: 'short' }],
  ])('ends with 2 and one line at %s', async (_, argv, environment) => {
    const { code, stderr } = await end(run(argv, environment))
    expect(code).toBe(2)
    expect(stderr).toMatch(/^metronome-customers-mcp: .*\n$/)
  })

  test('ends with 1 and names the port that is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as { port: number }
    const { code, stderr } = await end(run(['--port', String(port)], { METRONOME_LOG: 'warn' }))
    other.close()
    expect(code).toBe(1)
    expect(stderr).toBe(
      `metronome-customers-mcp: 127.0.0.1:${port} is in use already; stop what listens there, or choose another port.\n`,
    )
  })

  test.each(['SIGINT', 'SIGTERM'] as const)('a second %s does not cut the draining off', async (signal) => {
    const child = run(['--port', '0', '--drain-ms', '100'])
    const ended = end(child)
    child.stderr?.on('data', (chunk) => {
      if (/listening|draining/.test(String(chunk))) child.kill(signal)
    })
    const { code, stderr } = await ended
    expect(code).toBe(0)
    expect(stderr.match(/draining/g)).toHaveLength(1)
  })

  test('lives on with stdin closed, logs JSON, hides its token and ends with 0 at SIGTERM', async () => {
    const child = run(['--port', '0', '--log-format', 'json', '--drain-ms', '100'], withToken)
    const ended = end(child)
    child.stderr?.on('data', (chunk) => {
      if (String(chunk).includes('listening')) child.kill('SIGTERM')
    })
    const { code, stderr } = await ended
    expect(code).toBe(0)
    const events = stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(events.map(({ event }) => event)).toEqual(['sandbox', 'listening', 'draining'])
    expect(events[1]).toEqual({ time: expect.any(String), level: 'info', event: 'listening', url: expect.any(String) })
    expect(stderr).not.toContain(TOKEN)
  })
})
