import { describe, expect, test } from 'vitest'
import { type Config, readConfig } from '../src/config/config.ts'
import type { Sources } from '../src/config/sources.ts'
import { parseFlags } from '../src/flags.ts'
import { UsageError } from '../src/program-error.ts'

const KEYS = { a: 'mk_aaaaaaaa', b: 'mk_bbbbbbbb', c: 'mk_cccccccc', d: 'mk_dddddddd', e: 'mk_eeeeeeee' }
const FILES: Record<string, string> = { '/run/secrets/key': `\ufeff${KEYS.c}\r\n`, '/empty': '\n' }

function read(sources: Partial<Sources>, argv: readonly string[] = []): Config {
  return readConfig(
    {
      environment: {},
      envFile: {},
      dotEnv: {},
      readFile(path) {
        const text = FILES[path]
        if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
        return text
      },
      ...sources,
    },
    parseFlags(argv),
  )
}

function refusal(environment: Record<string, string>): string {
  try {
    read({ environment })
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error('it was accepted')
}

test('the sandbox takes no key, not even a malformed one', () => {
  expect(read({ environment: { METRONOME_API_KEY: 'YOUR KEY HERE' } }, ['--sandbox']).key).toBeUndefined()
})

describe('the first present key wins', () => {
  const METRONOME_API_KEY_FILE = '/run/secrets/key'
  const all = {
    environment: { METRONOME_API_KEY: KEYS.a, METRONOME_BEARER_TOKEN: KEYS.b, METRONOME_API_KEY_FILE },
    envFile: { METRONOME_API_KEY: KEYS.d },
    dotEnv: { METRONOME_API_KEY: KEYS.e },
  }
  test.each<[string, Partial<Sources>, string | undefined, string | undefined]>([
    ['the environment', all, KEYS.a, 'METRONOME_API_KEY'],
    [
      'the name of the official SDK',
      { ...all, environment: { ...all.environment, METRONOME_API_KEY: '' } },
      KEYS.b,
      'METRONOME_BEARER_TOKEN',
    ],
    [
      'a file that the environment names',
      { ...all, environment: { METRONOME_API_KEY: ' ', METRONOME_API_KEY_FILE } },
      KEYS.c,
      'METRONOME_API_KEY_FILE',
    ],
    ['--env-file', { ...all, environment: {} }, KEYS.d, 'METRONOME_API_KEY of --env-file'],
    [
      'a file that --env-file names',
      { envFile: { METRONOME_API_KEY_FILE } },
      KEYS.c,
      'METRONOME_API_KEY_FILE of --env-file',
    ],
    [
      '.env',
      { ...all, environment: { METRONOME_API_KEY_FILE: '/empty' }, envFile: {} },
      KEYS.e,
      'METRONOME_API_KEY of .env',
    ],
    ['none', {}, undefined, undefined],
    [
      'no other variable of .env',
      { dotEnv: { METRONOME_BEARER_TOKEN: KEYS.b, METRONOME_API_KEY_FILE } },
      undefined,
      undefined,
    ],
  ])('%s', (_, sources, key, keySource) => {
    expect(read(sources)).toMatchObject({ key, keySource })
  })

  test('white space around it is cut', () => {
    expect(read({ environment: { METRONOME_API_KEY: `\t ${KEYS.a} \n` } }).key).toBe(KEYS.a)
  })
})

test('.env sets nothing but a key', () => {
  const dotEnv = {
    METRONOME_BASE_URL: 'https://evil.example',
    METRONOME_LOG: 'debug',
    HTTPS_PROXY: 'http://evil.example',
  }
  expect(read({ dotEnv })).toEqual(read({}))
})

test('--env-file sets what the environment leaves open', () => {
  const envFile = { METRONOME_LOG: 'debug', METRONOME_TIMEOUT_MS: '2000', https_proxy: 'http://file.example:1' }
  expect(read({ envFile })).toMatchObject({
    logLevel: 'debug',
    timeoutMs: 2_000,
    proxy: { httpsProxy: 'http://file.example:1/' },
  })
  const environment = { METRONOME_LOG: 'error', METRONOME_TIMEOUT_MS: '3000', HTTPS_PROXY: 'http://outer.example:1' }
  expect(read({ envFile, environment })).toMatchObject({
    logLevel: 'error',
    timeoutMs: 3_000,
    proxy: { httpsProxy: 'http://outer.example:1/' },
  })
})

test.each([
  ['https://api.example', 'https://api.example'],
  [' https://api.example/ ', 'https://api.example'],
  ['https://api.example/v0/', 'https://api.example/v0'],
  ['https://api.example/?', 'https://api.example'],
  ['https://api.example/#', 'https://api.example'],
  ['http://localhost:8080', 'http://localhost:8080'],
  ['http://127.0.0.1:1', 'http://127.0.0.1:1'],
  ['http://[::1]:1/', 'http://[::1]:1'],
])('METRONOME_BASE_URL %j becomes %s', (value, baseUrl) => {
  expect(read({ environment: { METRONOME_BASE_URL: value } }).baseUrl).toBe(baseUrl)
})

test.each([
  ['METRONOME_BASE_URL', 'api.metronome.com', /is not a URL/],
  ['METRONOME_BASE_URL', 'http://api.metronome.com', /must start with https/],
  ['METRONOME_BASE_URL', 'http://127.0.0.1.evil.example', /must start with https/],
  ['METRONOME_BASE_URL', 'http://localhost.evil.example', /must start with https/],
  ['METRONOME_BASE_URL', 'ftp://localhost', /must start with https/],
  ['METRONOME_BASE_URL', 'file:///etc/passwd', /must start with https/],
  ['METRONOME_BASE_URL', 'https://user:secretword@api.metronome.com', /holds credentials/],
  ['METRONOME_BASE_URL', 'https://api.metronome.com?key=secretword', /has a query or fragment/],
  ['METRONOME_TIMEOUT_MS', '999', /from 1000 to 600000/],
  ['METRONOME_TIMEOUT_MS', '600001', /from 1000 to 600000/],
  ['METRONOME_TIMEOUT_MS', '45s', /whole number of milliseconds/],
  ['METRONOME_TIMEOUT_MS', '1e4', /whole number of milliseconds/],
  ['METRONOME_TIMEOUT_MS', '-5000', /whole number of milliseconds/],
  ['METRONOME_TIMEOUT_MS', '0x2000', /whole number of milliseconds/],
  ['HTTPS_PROXY', 'socks5://secretword:1080', /must be a proxy address/],
  ['http_proxy', 'http://', /HTTP_PROXY must be a proxy address/],
  [
    'HTTPS_PROXY',
    'http://user:100%secretword@proxy.example',
    /HTTPS_PROXY has a % in its user or password that must be written as %25/,
  ],
  ['HTTPS_PROXY', 'http://user%:41secretword@proxy.example', /HTTPS_PROXY has a %/],
  ['METRONOME_API_KEY', 'mk secretword', /has white space inside/],
  ['METRONOME_API_KEY', 'mk\u00a0secretword', /has white space inside/],
  ['METRONOME_API_KEY', 'mk_secretwörd', /control or non-ASCII/],
  ['METRONOME_API_KEY', 'mk_secretword\u0000', /control or non-ASCII/],
  ['METRONOME_BEARER_TOKEN', 'short', /METRONOME_BEARER_TOKEN is shorter than 8 characters/],
  ['METRONOME_API_KEY_FILE', '/secretword', /METRONOME_API_KEY_FILE names a file that cannot be read \(ENOENT\)/],
])('%s=%j is wrong usage, and its value is not repeated', (name, value, pattern) => {
  const message = refusal({ [name]: value })
  expect(message).toMatch(pattern)
  expect(message).not.toMatch(/secretw|evil|short$/)
  expect(message).not.toContain('\n')
})

test.each([
  ['debug', 'debug'],
  [' INFO ', 'info'],
  ['trace', 'debug'],
  ['silent', 'off'],
  ['off', 'off'],
])('METRONOME_LOG=%s means %s', (value, logLevel) => {
  expect(read({ environment: { METRONOME_LOG: value } })).toMatchObject({ logLevel, warnings: [] })
})

test.each(['verbose', '1', 'constructor', '__proto__'])('METRONOME_LOG=%s warns and leaves the default', (value) => {
  expect(read({ environment: { METRONOME_LOG: value } })).toMatchObject({
    logLevel: 'warn',
    warnings: ['METRONOME_LOG must be one of debug, info, warn, error, off; using warn.'],
  })
})
