import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readAuditLog } from '../../../src/cli/config/access-config.ts'
import { type Config, readConfig } from '../../../src/cli/config/config.ts'
import { type Options, VARIABLES } from '../../../src/cli/config/options.ts'
import { loadSources, type Sources } from '../../../src/cli/config/sources.ts'
import { UsageError } from '../../../src/cli/config/usage-error.ts'
import { makeFolder, PROGRAM } from '../../support/program.ts'

const KEYS = { a: 'mk_aaaaaaaa', b: 'mk_bbbbbbbb', c: 'mk_cccccccc', d: 'mk_dddddddd', e: 'mk_eeeeeeee' }
const FILES: Record<string, string> = { '/run/secrets/key': `\ufeff${KEYS.c}\r\n`, '/empty': '\n' }

function read(sources: Partial<Sources>, options: Options = {}): Config {
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
    options,
  )
}

function problemsOf(sources: Partial<Sources>, options: Options = {}): readonly string[] {
  try {
    read(sources, options)
  } catch (error) {
    if (error instanceof UsageError) return error.problems
    throw error
  }
  throw new Error('the configuration was accepted')
}

test('without any source the configuration is complete', () => {
  expect(read({})).toEqual({
    apiKey: undefined,
    apiKeySource: undefined,
    baseUrl: 'https://api.metronome.com',
    timeoutMs: 45_000,
    proxy: undefined,
    sandbox: undefined,
    confirmArchives: false,
    logLevel: 'warn',
    logFormat: 'text',
    http: undefined,
    warnings: [],
  })
})

test.each<[string | undefined, boolean, boolean]>([
  [undefined, false, false],
  [undefined, true, true],
  ['false', false, false],
  ['true', false, true],
  ['True', false, true],
  [' TRUE ', false, true],
  ['False', false, false],
  ['FALSE', false, false],
  ['false', true, true],
])('METRONOME_CONFIRM_ARCHIVES=%s with the option %s: %s', (variable, confirmArchives, expected) => {
  const environment = variable === undefined ? {} : { METRONOME_CONFIRM_ARCHIVES: variable }
  expect(read({ environment }, { confirmArchives }).confirmArchives).toBe(expected)
})

test('a misspelt METRONOME_CONFIRM_ARCHIVES is rejected, also with the option', () => {
  const environment = { METRONOME_CONFIRM_ARCHIVES: 'yes' }
  expect(() => read({ environment }, { confirmArchives: true })).toThrow(
    'METRONOME_CONFIRM_ARCHIVES must be true or false, not "yes".',
  )
})

describe('the sandbox', () => {
  test('takes no key, not even an invalid one', () => {
    const environment = { METRONOME_API_KEY: 'YOUR KEY HERE' }
    expect(read({ environment }, { sandbox: true })).toMatchObject({
      apiKey: undefined,
      apiKeySource: undefined,
      sandbox: { faults: { writes: [], reads: [] }, seed: 1 },
    })
  })

  test('takes faults and a seed', () => {
    expect(read({}, { sandbox: true, sandboxFaults: 'reset', sandboxSeed: 7 }).sandbox).toEqual({
      faults: { writes: ['reset'], reads: [], single: [] },
      seed: 7,
    })
  })

  test('rejects invalid faults and names the option', () => {
    expect(() => read({}, { sandbox: true, sandboxFaults: 'secretword' })).toThrow(UsageError)
    expect(() => read({}, { sandbox: true, sandboxFaults: 'secretword' })).toThrow(/^--sandbox-faults: (?!.*secret)/)
  })
})

describe('the first key present wins', () => {
  const METRONOME_API_KEY_FILE = '/run/secrets/key'
  const all = {
    environment: { METRONOME_API_KEY: KEYS.a, METRONOME_BEARER_TOKEN: KEYS.b, METRONOME_API_KEY_FILE },
    envFile: { METRONOME_API_KEY: KEYS.d },
    dotEnv: { METRONOME_API_KEY: KEYS.e },
  }
  test.each<[string, Partial<Sources>, string | undefined, string | undefined]>([
    ['the environment', all, KEYS.a, 'METRONOME_API_KEY'],
    [
      "the name that Metronome's SDKs use",
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
  ])('%s', (_, sources, apiKey, apiKeySource) => {
    expect(read(sources)).toMatchObject({ apiKey, apiKeySource })
  })

  test('white space around it is trimmed', () => {
    expect(read({ environment: { METRONOME_API_KEY: `\t ${KEYS.a} \n` } }).apiKey).toBe(KEYS.a)
  })
})

test('.env sets nothing but a key', () => {
  const dotEnv = {
    METRONOME_BASE_URL: 'https://evil.example',
    METRONOME_LOG: 'debug',
    HTTPS_PROXY: 'http://evil.example',
  }
  expect({ ...read({ dotEnv }), warnings: [] }).toEqual(read({}))
})

test('.env with a variable that would count elsewhere is a warning that names it', () => {
  const dotEnv = {
    METRONOME_API_KEY: KEYS.a,
    METRONOME_READ_ONLY: 'true',
    METRONOME_BEARER_TOKEN: KEYS.b,
    METRONOME_AUDITLOG: 'a.jsonl',
    METRONOME_LOG: '',
    METRONOME_WEBHOOK_SECRET: 'x',
    https_proxy: 'http://proxy.example',
    DATABASE_URL: 'x',
  }
  expect(read({ dotEnv })).toMatchObject({
    apiKey: KEYS.a,
    warnings: [
      '.env supplies METRONOME_API_KEY only; not read from it: METRONOME_READ_ONLY, METRONOME_BEARER_TOKEN, METRONOME_AUDITLOG, https_proxy. Use the environment or --env-file.',
    ],
  })
  expect(read({ dotEnv: { METRONOME_API_KEY: KEYS.a } }).warnings).toEqual([])
})

describe('a variable that is nearly one of ours stops the start', () => {
  test.each([
    ['METRONOME_READONLY', 'METRONOME_READ_ONLY'],
    ['METRONOME_CONFIRM_ARCHIVE', 'METRONOME_CONFIRM_ARCHIVES'],
    ['METRONOME_EXCLUDE_TOOL', 'METRONOME_EXCLUDE_TOOLS'],
    ['METRONOME_EXCLUDE_TOOLSS', 'METRONOME_EXCLUDE_TOOLS'],
    ['metronome_read_only', 'METRONOME_READ_ONLY'],
    ['Metronome_Audit_Log', 'METRONOME_AUDIT_LOG'],
    ['METRONOMEAPIKEY', 'METRONOME_API_KEY'],
    ['METRONOME__READ_ONLY', 'METRONOME_READ_ONLY'],
    ['METRONOM_API_KEY', 'METRONOME_API_KEY'],
    ['METRONOME_BASE_URI', 'METRONOME_BASE_URL'],
    ['METRONOME_READ_ONYL', 'METRONOME_READ_ONLY'],
    ['METRONOME_MCP_AUTH_TOKENS', 'METRONOME_MCP_AUTH_TOKEN'],
    ['METRONOME_TIMEOUTMS', 'METRONOME_TIMEOUT_MS'],
  ])('%s, with the right name', (name, meant) => {
    const problem = `is not a variable of this program; did you mean ${meant}?`
    expect(() => read({ environment: { [name]: 'true' } })).toThrow(new UsageError(`${name} ${problem}`))
    expect(() => read({ envFile: { [name]: 'true' } })).toThrow(new UsageError(`${name} of --env-file ${problem}`))
    expect(() => read({ environment: { [name]: 'true' } }, { sandbox: true })).toThrow(UsageError)
    expect(read({ environment: { [name]: ' ' }, dotEnv: { [name]: 'true' } })).toBeDefined()
  })

  test.each([
    'METRONOME_WEBHOOK_SECRET',
    'METRONOME_ENV',
    'METRONOME_API_URL',
    'METRONOME_AUDIT_LOG_FILE',
    'METRONOME_CUSTOM_HEADERS',
    'METRONOME_BASE_UXX',
    'READ_ONLY',
    'HTTPS_PROXI',
    'Http_Proxy',
  ])('but not %s', (name) => {
    expect(read({ environment: { [name]: 'true' }, envFile: { [name]: 'true' } })).toEqual(read({}))
  })

  test('with every variable of ours set, none stops it', () => {
    const names = Object.keys(VARIABLES).filter((name) => name.startsWith('METRONOME_'))
    expect(() => read({ environment: Object.fromEntries(names.map((name) => [name, ''])) })).not.toThrow()
    const problems = problemsOf({ environment: Object.fromEntries(names.map((name) => [name, '?'])) })
    expect(problems.filter((problem) => problem.includes('did you mean'))).toEqual([])
  })
})

describe('a variable that a client did not expand', () => {
  const values = [
    // biome-ignore lint/suspicious/noTemplateCurlyInString: of Claude Desktop
    '${user_config.environment}',
    '$NAME',
    ' %NAME% ',
    '{env:NAME}',
    '{file:~/name}',
  ]
  test.each(Object.keys(VARIABLES).filter((name) => name.startsWith('METRONOME_')))('stops the start: %s', (name) => {
    for (const value of values) {
      const options = { http: true }
      const problem = `${name} is the name of a variable that was not expanded, not its value`
      expect(() => read({ environment: { [name]: value } }, options)).toThrow(problem)
      expect(problemsOf({ environment: { [name]: value } }, options)).toHaveLength(1)
    }
  })

  test.each(['HTTPS_PROXY', 'http_proxy'])('is a proxy that cannot be used, with a warning: %s', (name) => {
    const { proxy, warnings } = read({ environment: { [name]: '$PROXY' } })
    expect(proxy?.unusable).toBeDefined()
    expect(warnings).toEqual([
      `${name.toUpperCase()} is the name of a variable that was not expanded, not its value; calls that need it fail.`,
    ])
  })

  test('is a warning as NO_PROXY', () => {
    expect(read({ environment: { NO_PROXY: '%NO_PROXY%' } }).warnings).toEqual([expect.stringMatching(/^NO_PROXY is/)])
  })

  test('is no reason to stop as the key of .env', () => {
    expect(read({ dotEnv: { METRONOME_API_KEY: '$KEY' } })).toMatchObject({
      apiKey: undefined,
      warnings: [expect.stringContaining('METRONOME_API_KEY of .env is the name of a variable')],
    })
  })
})

describe('the value of a wrong variable', () => {
  test.each([
    ['METRONOME_TIMEOUT_MS', '45s', 'METRONOME_TIMEOUT_MS must be an integer from 1000 to 600000, not "45s".'],
    [
      'METRONOME_CONFIRM_ARCHIVES',
      'a\nb\u202e',
      `METRONOME_CONFIRM_ARCHIVES must be true or false, not "a\\u{a}b\\u{202e}".`,
    ],
    [
      'METRONOME_CONFIRM_ARCHIVES',
      'x'.repeat(41),
      `METRONOME_CONFIRM_ARCHIVES must be true or false, not "${'x'.repeat(40)}…".`,
    ],
    [
      'METRONOME_CONFIRM_ARCHIVES',
      '\u202e'.repeat(10),
      `METRONOME_CONFIRM_ARCHIVES must be true or false, not "${'\\u{202e}'.repeat(5)}…".`,
    ],
  ])('is shown, escaped, in at most 40 characters: %s=%j', (name, value, message) => {
    expect(problemsOf({ environment: { [name]: value } })).toEqual([message])
  })

  test('is not shown where it holds a secret', () => {
    const environment = { METRONOME_API_KEY: KEYS.a, METRONOME_CONFIRM_ARCHIVES: `x ${KEYS.a}` }
    expect(problemsOf({ environment })).toEqual([
      'METRONOME_CONFIRM_ARCHIVES must be true or false, not "x [redacted]".',
    ])
  })
})

describe('the audit log', () => {
  test.each<[Options, Record<string, string>, string, string]>([
    [{ auditLog: 'a' }, {}, 'a', '--audit-log'],
    [{}, { METRONOME_AUDIT_LOG: ' a ' }, 'a', 'METRONOME_AUDIT_LOG'],
    [{ auditLog: 'a' }, { METRONOME_AUDIT_LOG: 'a' }, 'a', '--audit-log'],
  ])('%j %j', (options, variables, path, source) => {
    expect(readAuditLog(options, variables)).toEqual({ path, source })
  })

  test('is wrong usage when option and variable differ', () => {
    expect(() => readAuditLog({ auditLog: 'b' }, { METRONOME_AUDIT_LOG: 'a' })).toThrow(
      '--audit-log and METRONOME_AUDIT_LOG, "a", name different files; use one of them.',
    )
  })
})

describe('a path that only a shell understands', () => {
  test.each([
    ['~/audit.jsonl', /begins with ~, which only a shell expands; write the whole path/],
    ['~', /begins with ~/],
    ['~user/audit.jsonl', /begins with ~/],
    ['~\\audit.jsonl', /begins with ~/],
    ['$HOME/audit.jsonl', /begins with a variable that was not expanded; write the whole path/],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client leaves that does not expand variables
    ['${HOME}/audit.jsonl', /begins with a variable/],
    ['%USERPROFILE%\\audit.jsonl', /begins with a variable/],
    ['-', /must name a file, and - is none/],
  ])('is rejected with the reason: %s', async (path, message) => {
    expect(() => readAuditLog({ auditLog: path }, {})).toThrow(message)
    expect(() => readAuditLog({ auditLog: path }, {})).toThrow(/^--audit-log /)
    expect(() => readAuditLog({}, { METRONOME_AUDIT_LOG: path })).toThrow(/^METRONOME_AUDIT_LOG /)
    expect(() => read({ environment: { METRONOME_API_KEY_FILE: path } })).toThrow(/^METRONOME_API_KEY_FILE /)
    expect(() => read({ environment: { METRONOME_MCP_AUTH_TOKEN_FILE: path } }, { http: true })).toThrow(message)
    await expect(loadSources({}, path)).rejects.toThrow(message)
  })

  test('is none when the sign is elsewhere', () => {
    for (const auditLog of ['./~/a', 'a~', '/var/$HOME/a', 'a-', '100%/a', './-'])
      expect(readAuditLog({ auditLog }, {})).toMatchObject({ path: auditLog })
  })
})

test('--env-file sets what the environment does not', () => {
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
  const empty = { METRONOME_LOG: '', METRONOME_TIMEOUT_MS: ' ', https_proxy: '' }
  expect(read({ envFile, environment: empty })).toEqual(read({ envFile }))
})

test.each([
  ['/secretword', /^--env-file names a file that cannot be read \(ENOENT\); correct the path\.$/],
  [tmpdir(), /^--env-file names a file that cannot be read \(not a regular file\); correct the path\.$/],
])('an --env-file that cannot be read is wrong usage', async (path, message) => {
  await expect(loadSources({}, path)).rejects.toThrow(message)
  await expect(loadSources({}, path)).rejects.toThrow(UsageError)
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
  ['https://gateway.example/metronome/v1/', 'https://gateway.example/metronome/v1'],
])('METRONOME_BASE_URL %j becomes %s', (value, baseUrl) => {
  expect(read({ environment: { METRONOME_BASE_URL: value } }).baseUrl).toBe(baseUrl)
})

test.each([
  ['METRONOME_BASE_URL', 'api.metronome.com', /is not a URL/],
  ['METRONOME_BASE_URL', 'https://api.metronome.com/v1', /ends in \/v1; set it to https:\/\/api\.metronome\.com or/],
  ['METRONOME_BASE_URL', 'https://API.metronome.com/v1/', /ends in \/v1/],
  ['METRONOME_BASE_URL', 'http://api.metronome.com', /must start with https/],
  ['METRONOME_BASE_URL', 'http://127.0.0.1.evil.example', /must start with https/],
  ['METRONOME_BASE_URL', 'http://localhost.evil.example', /must start with https/],
  ['METRONOME_BASE_URL', 'ftp://localhost', /must start with https/],
  ['METRONOME_BASE_URL', 'file:///etc/passwd', /must start with https/],
  ['METRONOME_BASE_URL', 'https://user:secretword@api.metronome.com', /contains credentials/],
  ['METRONOME_BASE_URL', 'https://api.metronome.com?key=secretword', /has a query or fragment/],
  ['METRONOME_TIMEOUT_MS', '999', /must be an integer from 1000 to 600000/],
  ['METRONOME_TIMEOUT_MS', '600001', /from 1000 to 600000/],
  ['METRONOME_TIMEOUT_MS', '45s', /must be an integer/],
  ['METRONOME_TIMEOUT_MS', '1e4', /must be an integer/],
  ['METRONOME_TIMEOUT_MS', '-5000', /must be an integer/],
  ['METRONOME_TIMEOUT_MS', '0x2000', /must be an integer/],
  ['METRONOME_API_KEY', '"mk_secretword"', /has quotes around it/],
  ['METRONOME_API_KEY', "'mk_secretword'", /has quotes around it/],
  ['METRONOME_API_KEY', '$METRONOME_SECRETWORD', /is the name of a variable that was not expanded/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client leaves that does not expand variables
  ['METRONOME_API_KEY', '${secretword}', /is the name of a variable/],
  ['METRONOME_API_KEY', '%SECRETWORD_KEY%', /is the name of a variable/],
  ['METRONOME_API_KEY', '{{secretword}}', /is the name of a variable/],
  ['METRONOME_API_KEY', '<secretword-api-key>', /is a placeholder/],
  ['METRONOME_API_KEY', 'YOUR_METRONOME_API_KEY', /is a placeholder/],
  ['METRONOME_API_KEY', 'undefined', /is a placeholder/],
  ['METRONOME_API_KEY', 'mk secretword', /contains white space/],
  ['METRONOME_API_KEY', 'mk\u00a0secretword', /contains white space/],
  ['METRONOME_API_KEY', 'mk_secretwörd', /control or non-ASCII/],
  ['METRONOME_API_KEY', 'mk_secretword\u0000', /control or non-ASCII/],
  ['METRONOME_BEARER_TOKEN', 'short', /METRONOME_BEARER_TOKEN is shorter than 8 characters/],
  ['METRONOME_API_KEY_FILE', '/secretword', /METRONOME_API_KEY_FILE names a file that cannot be read \(ENOENT\)/],
])('%s=%j is wrong usage, and its value is not repeated', (name, value, pattern) => {
  const [message, ...others] = problemsOf({ environment: { [name]: value } })
  expect(message).toMatch(pattern)
  expect(others).toEqual([])
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

test.each(['verbose', '1', 'constructor', '__proto__'])('METRONOME_LOG=%s warns and keeps the default', (value) => {
  expect(read({ environment: { METRONOME_LOG: value } })).toMatchObject({
    logLevel: 'warn',
    warnings: [`METRONOME_LOG must be one of debug, info, warn, error, off, not "${value}"; using warn.`],
  })
})

describe('a proxy address that cannot be used', () => {
  test.each([
    ['HTTPS_PROXY', 'socks5h://secretword:1080', 'httpsProxy'],
    ['http_proxy', 'http://', 'httpProxy'],
    ['HTTPS_PROXY', '"http://proxy.example:3128"', 'httpsProxy'],
    ['HTTPS_PROXY', 'http://user:100%secretword@proxy.example', 'httpsProxy'],
  ])('%s=%j does not prevent a start, with a warning that does not repeat it', (name, value, field) => {
    const { proxy, warnings } = read({ environment: { [name]: value } })
    expect(proxy).toEqual({ unusable: { [field]: name.toUpperCase() } })
    expect(warnings).toEqual([expect.stringContaining(`${name.toUpperCase()} is not a usable proxy address`)])
    expect(warnings.join()).not.toContain('secretword')
  })
})

describe('files of other encodings and kinds', () => {
  const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])

  test('--env-file in UTF-16 is read by its byte-order mark', async () => {
    const folder = makeFolder()
    writeFileSync(join(folder, 'settings'), utf16(`METRONOME_API_KEY=${KEYS.a}\r\n`))
    const sources = await loadSources({}, join(folder, 'settings'))
    expect(readConfig(sources)).toMatchObject({ apiKey: KEYS.a })
  })

  test('a key file in UTF-16 is read by its byte-order mark', async () => {
    const folder = makeFolder()
    writeFileSync(join(folder, 'key'), utf16(KEYS.a))
    const sources = await loadSources({ METRONOME_API_KEY_FILE: join(folder, 'key') }, undefined)
    expect(readConfig(sources)).toMatchObject({ apiKey: KEYS.a })
  })

  test.each<[string, (path: string) => void, string]>([
    ['a device', (path) => symlinkSync('/dev/zero', path), 'not a regular file'],
    ['a pipe', (path) => execFileSync('mkfifo', [path]), 'not a regular file'],
    ['a directory', (path) => mkdirSync(path), 'not a regular file'],
    ['more than 64 KiB', (path) => writeFileSync(path, 'x'.repeat(65_537)), 'larger than 64 KiB'],
  ])('a named file that is %s is not read', async (_, make, problem) => {
    const path = join(makeFolder(), 'file')
    make(path)
    const { readFile } = await loadSources({}, undefined)
    const message = `names a file that cannot be read (${problem}); correct the path.`
    expect(() => read({ environment: { METRONOME_API_KEY_FILE: path }, readFile })).toThrow(message)
    expect(() => read({ environment: { METRONOME_MCP_AUTH_TOKEN_FILE: path }, readFile }, { rest: true })).toThrow(
      message,
    )
    await expect(loadSources({}, path)).rejects.toThrow(`--env-file ${message}`)
  })

  test('a key file is read through links, up to 64 KiB', async () => {
    const folder = makeFolder({ key: `${KEYS.a}${' '.repeat(65_536 - KEYS.a.length)}` })
    symlinkSync('key', join(folder, 'link'))
    symlinkSync('link', join(folder, 'second'))
    const sources = await loadSources({ METRONOME_API_KEY_FILE: join(folder, 'second') }, undefined)
    expect(readConfig(sources)).toMatchObject({ apiKey: KEYS.a })
  })

  test('an invalid key in .env is a warning', () => {
    expect(read({ dotEnv: { METRONOME_API_KEY: 'short' } })).toMatchObject({
      apiKey: undefined,
      warnings: ['METRONOME_API_KEY of .env is shorter than 8 characters; copy the API key from Metronome again.'],
    })
  })

  test('a link named .env is not followed', () => {
    const folder = makeFolder({ other: `METRONOME_API_KEY=${KEYS.a}` })
    symlinkSync('other', join(folder, '.env'))
    const { stderr } = spawnSync(process.execPath, [PROGRAM], { cwd: folder, input: '', encoding: 'utf8' })
    expect(stderr).toContain('api-key-missing')
  })

  test('a FIFO or a huge file named .env does not prevent a start', () => {
    for (const make of [
      (path: string) => execFileSync('mkfifo', [path]),
      (path: string) => writeFileSync(path, `METRONOME_API_KEY=${KEYS.a}\n${'#'.repeat(70_000)}`),
    ]) {
      const folder = makeFolder()
      make(join(folder, '.env'))
      const { status, stdout } = spawnSync(process.execPath, [PROGRAM, '--sandbox'], {
        cwd: folder,
        input: '{"jsonrpc":"2.0","id":1,"method":"ping"}\n',
        encoding: 'utf8',
        timeout: 10_000,
      })
      expect({ status, stdout }).toEqual({ status: 0, stdout: '{"result":{},"jsonrpc":"2.0","id":1}\n' })
    }
  })
})
