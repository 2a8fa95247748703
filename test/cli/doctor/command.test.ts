import { describe, expect, test } from 'vitest'
import { doctor } from '../../../src/cli/doctor/command.ts'
import type { CheckResult } from '../../../src/cli/doctor/report.ts'
import { createCommandContext } from '../../support/command-context.ts'
import { KEY } from '../../support/harness.ts'
import { makeFolder, runProgram } from '../../support/program.ts'
import { startProxy } from '../../support/proxy.ts'
import { startUntrusted } from '../../support/tls.ts'
import { answerWith, findClosedAddress, startUpstream } from '../../support/upstream.ts'

const CUSTOMERS = { data: [], next_page: null }

interface Run {
  readonly code: number
  readonly output: string
  /** The result of a check by its name. */
  readonly find: (check: string) => CheckResult | undefined
}

async function runDoctor(environment: Record<string, string>, ...argv: string[]): Promise<Run> {
  const { context, stdout } = createCommandContext({
    environment: { PATH: process.env.PATH, ...environment },
    home: makeFolder(),
    cwd: makeFolder(),
  })
  const code = await doctor(['--json', ...argv], context)
  const output = stdout()
  const { checks }: { checks: CheckResult[] } = JSON.parse(output)
  return { code, output, find: (name) => checks.find(({ check }) => check === name) }
}

describe('the API key and Metronome', () => {
  test('a key that works is no problem, and costs one read', async () => {
    const { baseUrl, requests } = await startUpstream(answerWith(200, CUSTOMERS))
    const { code, find } = await runDoctor({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    expect(code).toBe(0)
    expect(find('API key')).toEqual({
      check: 'API key',
      status: 'ok',
      message: `from METRONOME_API_KEY, ${KEY.length} characters`,
    })
    expect(find('Metronome')).toEqual({
      check: 'Metronome',
      status: 'ok',
      message: expect.stringMatching(/^responded to list-customers in \d+ ms$/),
    })
    expect(requests.map(({ method, target }) => `${method} ${target}`)).toEqual(['GET /v1/customers?limit=1'])
    expect(requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`)
  })

  test('each setting that would stop the server is an error', async () => {
    const { code, output } = await runDoctor({
      METRONOME_API_KEY: 'two words here',
      METRONOME_TIMEOUT_MS: '5',
      METRONOME_TOOLS: 'get-custmer',
      METRONOME_READONLY: 'true',
      METRONOME_AUDIT_LOG: makeFolder(),
    })
    const { checks }: { checks: CheckResult[] } = JSON.parse(output)
    const settings = checks.filter(({ check, status }) => check === 'settings' && status === 'error')
    expect(settings.map(({ message }) => /\w+/.exec(message)?.[0]).sort()).toEqual([
      'METRONOME_API_KEY',
      'METRONOME_AUDIT_LOG',
      'METRONOME_READONLY',
      'METRONOME_TIMEOUT_MS',
      'METRONOME_TOOLS',
    ])
    expect(code).toBe(1)
  })

  test('a file of certificates that cannot be read is an error', async () => {
    const folder = makeFolder({ 'ca.pem': 'x'.repeat(100_000) })
    const tls = async (path: string) => (await runDoctor({ NODE_EXTRA_CA_CERTS: path }, '--sandbox')).find('TLS')
    for (const path of ['~/ca.pem', folder, `${folder}/none.pem`])
      expect(await tls(path)).toMatchObject({
        status: 'error',
        message: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
      })
    expect(await tls(`${folder}/ca.pem`)).toMatchObject({ status: 'ok' })
  })

  test('what the server would warn of at its start is a warning', async () => {
    const { find } = await runDoctor({ METRONOME_LOG: 'loud' }, '--sandbox')
    expect(find('settings')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('METRONOME_LOG must be'),
    })
  })

  test('certificates that are not verified are an error', async () => {
    const { code, find } = await runDoctor({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, '--sandbox')
    expect(code).toBe(1)
    expect(find('TLS')).toEqual({
      check: 'TLS',
      status: 'error',
      message: 'NODE_TLS_REJECT_UNAUTHORIZED=0 accepts any certificate',
      fix: expect.stringContaining('NODE_EXTRA_CA_CERTS'),
    })
    expect((await runDoctor({ NODE_TLS_REJECT_UNAUTHORIZED: '1' }, '--sandbox')).code).toBe(0)
  })

  test('a missing key is an error with a fix, and nothing is sent', async () => {
    const { baseUrl, requests } = await startUpstream(answerWith(200, CUSTOMERS))
    const { code, find } = await runDoctor({ METRONOME_BASE_URL: baseUrl })
    expect(code).toBe(1)
    expect(find('API key')).toMatchObject({
      status: 'error',
      message: 'not set',
      fix: expect.stringContaining('"env" block'),
    })
    expect(requests).toEqual([])
  })

  test.each([
    [401, 'error', 1, /API key is invalid, archived, of another environment/],
    [403, 'warning', 0, /no access to this operation/],
    [429, 'warning', 0, /Reduce the request rate/],
    [503, 'error', 1, /server error/],
    [302, 'error', 1, /redirects are not followed/],
    [404, 'error', 1, /correct METRONOME_BASE_URL/],
  ])('a %i is reported with status %s, in the words of a call', async (responseStatus, status, exitCode, words) => {
    const { baseUrl, requests } = await startUpstream(answerWith(responseStatus, { message: KEY }, { location: '/' }))
    const { code, find, output } = await runDoctor({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    const result = find('Metronome')
    expect(result).toMatchObject({ status, message: expect.stringContaining(`Metronome responded ${responseStatus}`) })
    expect(`${result?.message} ${result?.fix}`).toMatch(words)
    expect(requests).toHaveLength(1)
    expect(code).toBe(exitCode)
    expect(output).not.toContain(KEY)
  })

  test('an HTML page with status 200 is not Metronome', async () => {
    const { baseUrl } = await startUpstream(answerWith(200, '<html>Log in to this network</html>'))
    const { code, find } = await runDoctor({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    expect(find('Metronome')?.fix).toContain('Something between this server and Metronome responded')
    expect(code).toBe(1)
  })

  test('a failed connection is reported with its cause and what to check', async () => {
    const closed = await runDoctor({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: await findClosedAddress() })
    expect(closed.find('Metronome')).toMatchObject({
      message: 'Could not reach Metronome: no connection (ECONNREFUSED).',
      fix: 'Check the network, the proxy and METRONOME_BASE_URL.',
    })
    expect(closed.code).toBe(1)
  })

  test('a connection that closes without a response is reported as such', async () => {
    const { baseUrl } = await startUpstream((response) => response.destroy())
    const { find } = await runDoctor({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    expect(find('Metronome')?.message).toMatch(/^No response from Metronome: connection closed/)
  })

  test('a proxy is shown without its password, and named as the cause when it cannot be reached', async () => {
    const proxy = (await findClosedAddress()).replace('//', '//user:secret@')
    const { find, output } = await runDoctor({
      METRONOME_API_KEY: KEY,
      METRONOME_BASE_URL: 'https://metronome.invalid',
      HTTPS_PROXY: proxy,
    })
    expect(find('proxy')?.message).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(find('Metronome')?.fix).toContain('the proxy')
    expect(output).not.toContain('secret')
  })

  test('a certificate that is not trusted is no fault of the address of the proxy', async () => {
    const { find } = await runDoctor({
      METRONOME_API_KEY: KEY,
      METRONOME_BASE_URL: 'https://metronome.test',
      HTTPS_PROXY: (await startProxy(await startUntrusted())).url,
    })
    expect(find('Metronome')).toMatchObject({
      message: 'Could not reach Metronome: no connection (DEPTH_ZERO_SELF_SIGNED_CERT).',
      fix: expect.stringContaining('set NODE_EXTRA_CA_CERTS to the file of its root certificate'),
    })
  })

  test('ALL_PROXY is reported as not supported', async () => {
    const { find } = await runDoctor({ ALL_PROXY: 'http://proxy.example:3128' })
    expect(find('proxy')).toMatchObject({ status: 'warning', fix: 'Set HTTPS_PROXY to the same address.' })
  })

  test('--env-file is read as the server reads it', async () => {
    const directory = makeFolder({ 'my.env': `METRONOME_API_KEY=${KEY}\n` })
    const { baseUrl } = await startUpstream(answerWith(200, CUSTOMERS))
    const { find } = await runDoctor({ METRONOME_BASE_URL: baseUrl }, '--env-file', `${directory}/my.env`)
    expect(find('API key')?.message).toMatch(/^from METRONOME_API_KEY of --env-file/)
    const missing = await runDoctor({}, '--env-file', `${directory}/other.env`)
    expect(missing.find('settings')?.message).toContain('--env-file names a file that cannot be read (ENOENT)')
  })

  test('--sandbox needs neither key nor network', async () => {
    const environment = { METRONOME_BASE_URL: await findClosedAddress(), METRONOME_API_KEY: 'two words' }
    const { code, find } = await runDoctor(environment, '--sandbox')
    expect(code).toBe(0)
    expect(find('API key')).toMatchObject({ status: 'ok', message: 'not required in sandbox mode' })
    expect(find('Metronome')?.status).toBe('ok')
  })
})

describe('the built program', () => {
  test('prints a line for each check with its fix, and exits with 1', async () => {
    const { code, stdout, stderr } = await runProgram({ args: ['doctor'], env: { HOME: makeFolder() } })
    expect(code).toBe(1)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^ok {7}Node {5}\d+/m)
    expect(stdout).toMatch(/-> Add it to one: node \/.*\/bin\/metronome-customers-mcp\.js print-config --help$/m)
    expect(stdout).toMatch(/^error {4}API key {2}not set\n +-> Set METRONOME_API_KEY in the client's "env" block/m)
    expect(stdout).toMatch(/\n1 problem found\.\n$/)
  })

  test('exits with 0 with --sandbox', async () => {
    const { code, stdout } = await runProgram({ args: ['doctor', '--json', '--sandbox'], env: { HOME: makeFolder() } })
    expect(JSON.parse(stdout)).toMatchObject({ ok: true })
    expect(code).toBe(0)
  })

  test('warns of what .env does not supply', async () => {
    const cwd = makeFolder({ '.env': 'METRONOME_READ_ONLY=true\n' })
    const { stdout } = await runProgram({ args: ['doctor', '--sandbox'], env: { HOME: makeFolder() }, cwd })
    expect(stdout).toMatch(/^warning {2}settings {3}.*METRONOME_READ_ONLY/m)
  })

  test('exits with 2 for an unknown option', async () => {
    const { code, stderr } = await runProgram({ args: ['doctor', '--jsno'] })
    expect(code).toBe(2)
    expect(stderr).toContain('did you mean --json?')
  })
})
