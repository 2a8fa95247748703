import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Surroundings } from '../src/commands.ts'
import { checkClients } from '../src/doctor/client-config.ts'
import { doctor } from '../src/doctor/command.ts'
import type { Finding } from '../src/doctor/finding.ts'
import { checkNode, checkNpx, checkPort, OLDEST_NODE } from '../src/doctor/machine.ts'
import { clientFiles } from '../src/setup/client-files.ts'
import { CLIENT_IDS, type ClientId, findClient } from '../src/setup/clients.ts'
import { buildSnippet } from '../src/setup/snippet.ts'
import { makeFolder, runProgram } from './support/program.ts'
import { answerWith, findClosedAddress, listen, startUpstream } from './support/upstream.ts'

const KEY = 'mk_test_0123456789abcdef'
const CUSTOMERS = { data: [], next_page: null }

interface Visit {
  readonly code: number
  readonly findings: readonly Finding[]
  readonly output: string
}

function makeSurroundings(environment: Record<string, string> = {}, print: (text: string) => void = () => {}) {
  const surroundings: Surroundings = {
    environment: { PATH: process.env.PATH, ...environment },
    platform: 'linux',
    nodeVersion: '22.1.0',
    home: makeFolder(),
    folder: makeFolder(),
    print,
    explain: () => {},
  }
  return surroundings
}

async function visit(environment: Record<string, string>, ...flags: string[]): Promise<Visit> {
  let output = ''
  const surroundings = makeSurroundings(environment, (text) => {
    output += text
  })
  const code = await doctor(['--json', ...flags], surroundings)
  return { code, output, findings: JSON.parse(output).findings }
}

function find(findings: readonly Finding[], check: string): Finding | undefined {
  return findings.find((finding) => finding.check === check)
}

describe('the key and Metronome', () => {
  test('with a key that works nothing has to be done', async () => {
    const { baseUrl, requests } = await startUpstream(answerWith(200, CUSTOMERS))
    const { code, findings } = await visit({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    expect(code).toBe(0)
    expect(find(findings, 'API key')).toEqual({
      check: 'API key',
      verdict: 'ok',
      saw: `from METRONOME_API_KEY, ${KEY.length} characters`,
    })
    expect(requests.map(({ method, target }) => `${method} ${target}`)).toEqual(['GET /v1/customers?limit=1'])
    expect(find(findings, 'clock')?.verdict).toBe('ok')
  })

  test('without a key it says where one goes and asks nobody', async () => {
    const { baseUrl, requests } = await startUpstream(answerWith(200, CUSTOMERS))
    const { code, findings } = await visit({ METRONOME_BASE_URL: baseUrl })
    expect(code).toBe(1)
    expect(find(findings, 'API key')).toMatchObject({ verdict: 'fail', fix: expect.stringContaining('"env" block') })
    expect(requests).toEqual([])
  })

  test('a placeholder is not taken for a key', async () => {
    const { baseUrl } = await startUpstream(answerWith(401))
    const { findings } = await visit({ METRONOME_API_KEY: 'YOUR_METRONOME_API_KEY', METRONOME_BASE_URL: baseUrl })
    expect(find(findings, 'API key')).toMatchObject({ verdict: 'fail', saw: expect.stringContaining('placeholder') })
  })

  test.each([
    [401, 'fail', 1, /API key is wrong, archived or of another environment/],
    [403, 'note', 0, /key is known, but may not list customers/],
    [429, 'note', 0, /too many requests/],
    [503, 'fail', 1, /Metronome has a problem/],
    [302, 'fail', 1, /not Metronome/],
    [404, 'fail', 1, /not Metronome/],
  ])('an answer of %i is a %s', async (status, verdict, exitCode, saw) => {
    const { baseUrl } = await startUpstream(answerWith(status, { message: KEY }, { location: '/' }))
    const { code, findings, output } = await visit({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    expect(find(findings, 'Metronome')).toMatchObject({ verdict, saw: expect.stringMatching(saw) })
    expect(code).toBe(exitCode)
    expect(output).not.toContain(KEY)
  })

  test('a page that says 200 is not Metronome', async () => {
    const { baseUrl } = await startUpstream(answerWith(200, '<html>Log in to this network</html>'))
    const { code, findings } = await visit({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    expect(find(findings, 'Metronome')?.fix).toContain('log-in page')
    expect(code).toBe(1)
  })

  test('without a network it names what failed and what to look at', async () => {
    const closed = await visit({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: await findClosedAddress() })
    expect(find(closed.findings, 'Metronome')).toMatchObject({
      saw: 'could not be reached: no connection (ECONNREFUSED)',
      fix: expect.stringContaining('firewall'),
    })
    const nameless = await visit({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: 'https://metronome.invalid' })
    expect(find(nameless.findings, 'Metronome')?.fix).toContain('name in METRONOME_BASE_URL')
    expect(nameless.code).toBe(1)
  })

  test('a proxy is shown without its password, and named as the cause when it is not there', async () => {
    const proxy = (await findClosedAddress()).replace('//', '//user:secret@')
    const { findings, output } = await visit({
      METRONOME_API_KEY: KEY,
      METRONOME_BASE_URL: 'https://metronome.invalid',
      HTTPS_PROXY: proxy,
    })
    expect(find(findings, 'proxy')?.saw).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    expect(find(findings, 'Metronome')?.fix).toContain('HTTPS_PROXY')
    expect(output).not.toContain('secret')
  })

  test('a clock that is wrong is told', async () => {
    const { baseUrl } = await startUpstream(answerWith(200, CUSTOMERS, { date: 'Mon, 01 Jan 2024 00:00:00 GMT' }))
    const { code, findings } = await visit({ METRONOME_API_KEY: KEY, METRONOME_BASE_URL: baseUrl })
    expect(find(findings, 'clock')).toMatchObject({ verdict: 'note', saw: expect.stringMatching(/ahead/) })
    expect(code).toBe(0)
  })

  test('a setting that would end the server is a finding', async () => {
    const { code, findings } = await visit({ METRONOME_API_KEY: 'two words here' })
    expect(find(findings, 'settings')?.saw).toBe(
      'METRONOME_API_KEY has white space inside; copy the API key from Metronome again.',
    )
    expect(code).toBe(1)
  })

  test('the sandbox needs neither key nor network', async () => {
    const environment = { METRONOME_BASE_URL: await findClosedAddress(), METRONOME_API_KEY: 'two words' }
    const { code, findings } = await visit(environment, '--sandbox')
    expect(code).toBe(0)
    expect(find(findings, 'Metronome')?.verdict).toBe('ok')
  })
})

describe('the machine', () => {
  test('a Node that is too old is named; the oldest one is that of package.json', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(engines.node).toBe(`>=${OLDEST_NODE.join('.')}`)
    expect(checkNode({ nodeVersion: '18.20.0' })).toMatchObject({ verdict: 'fail' })
    expect(checkNode({ nodeVersion: '20.18.3' })).toMatchObject({ verdict: 'fail' })
    expect(checkNode({ nodeVersion: '20.19.0' })).toMatchObject({ verdict: 'ok' })
    expect(checkNode({ nodeVersion: '26.10.0' })).toMatchObject({ verdict: 'ok' })
  })

  test('an npx that is not on PATH is named', () => {
    expect(checkNpx({ environment: { PATH: makeFolder() }, platform: 'linux' })).toMatchObject({ verdict: 'fail' })
    expect(checkNpx({ environment: { PATH: makeFolder({ npx: '' }) }, platform: 'linux' }).verdict).toBe('ok')
  })

  test('a port in use is named, and matters only to who serves on it', async () => {
    const port = await listen(createServer())
    expect(await checkPort(port, '--http')).toMatchObject({
      verdict: 'note',
      saw: 'in use by another program',
      fix: expect.stringContaining('--http'),
    })
  })
})

describe('configurations of clients', () => {
  function place(surroundings: Surroundings, id: ClientId, text: string): string {
    const path = clientFiles(id, surroundings)[0] ?? ''
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
    return path
  }

  test.each(CLIENT_IDS)('the file that print-config describes for %s is found and approved', (id) => {
    const surroundings = makeSurroundings()
    const path = place(surroundings, id, buildSnippet(findClient(id), { key: KEY }) ?? '')
    expect(checkClients(surroundings)).toEqual([
      { check: findClient(id).title, verdict: 'ok', saw: `${path} has this server as "metronome"` },
    ])
  })

  test.each<ClientId>(['cursor', 'claude-code', 'claude-desktop', 'gemini'])(
    'seven tool names become too long for %s under the name of the package',
    (id) => {
      const surroundings = makeSurroundings()
      const snippet = buildSnippet(findClient(id), { key: KEY }) ?? ''
      place(surroundings, id, snippet.replace('"metronome"', '"metronome-customers-mcp"'))
      const [finding] = checkClients(surroundings)
      expect(finding).toMatchObject({ verdict: 'fail', fix: 'Rename it to "metronome" there.' })
      expect(finding?.saw).toContain('7 of 15 tool names become too long')
    },
  )

  test('nothing of other servers, and no value of ours, is told', () => {
    const surroundings = makeSurroundings()
    const servers = {
      other: { command: 'other', env: { TOKEN: 'other-secret' } },
      metronome: { command: 'npx', args: ['-y', 'metronome-customers-mcp@0.1.0'], env: { METRONOME_API_KEY: KEY } },
    }
    place(surroundings, 'cursor', `{ /* mine */ "mcpServers": ${JSON.stringify(servers)}, }`)
    place(surroundings, 'claude-desktop', '{ "mcpServers": { "leak": "half-a-secret')
    const told = JSON.stringify(checkClients(surroundings))
    expect(told).not.toMatch(/other|secret|leak|mk_test/)
    expect(told).toContain('cannot be parsed')
  })

  test('a missing key, a placeholder and a server of one project are seen', () => {
    const surroundings = makeSurroundings()
    const launch = { command: 'npx', args: ['-y', 'metronome-customers-mcp'] }
    const project = { mcpServers: { metronome: { ...launch, args: [...launch.args, '--sandbox'] } } }
    place(surroundings, 'claude-code', JSON.stringify({ projects: { [surroundings.folder]: project } }))
    place(surroundings, 'kiro', JSON.stringify({ mcpServers: { metronome: launch } }))
    place(surroundings, 'windsurf', buildSnippet(findClient('windsurf'), {}) ?? '')
    expect(checkClients(surroundings).map(({ check, verdict }) => [check, verdict])).toEqual([
      ['Claude Code', 'ok'],
      ['Windsurf', 'fail'],
      ['Kiro', 'note'],
    ])
  })
})

describe('the built program', () => {
  test('prints a line for each finding with what to do, and ends with 1', async () => {
    const home = makeFolder()
    const { code, stdout, stderr } = await runProgram({ args: ['doctor'], env: { HOME: home } })
    expect(code).toBe(1)
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^ok {4}Node {7}\d+/m)
    expect(stdout).toMatch(/^fail {2}API key {4}none was found here\n +-> Set METRONOME_API_KEY in the "env" block/m)
  })

  test('ends with 0 on the sandbox', async () => {
    const { code, stdout } = await runProgram({ args: ['doctor', '--json', '--sandbox'], env: { HOME: makeFolder() } })
    expect(JSON.parse(stdout)).toMatchObject({ ok: true })
    expect(code).toBe(0)
  })

  test('an unknown flag is wrong usage', async () => {
    const { code, stderr } = await runProgram({ args: ['doctor', '--jsno'] })
    expect(code).toBe(2)
    expect(stderr).toContain('did you mean --json?')
  })
})
