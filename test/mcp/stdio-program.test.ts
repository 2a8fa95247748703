import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { describe, expect, onTestFinished, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { CONTRACT, ID } from '../contract.ts'
import { ONE, READ, WRITE } from '../support/call-upstream.ts'
import { KEY } from '../support/harness.ts'
import {
  baseEnvironment,
  INITIALIZE,
  makeFolder,
  PROGRAM,
  runProgram,
  startProgram,
  toolCall,
} from '../support/program.ts'
import { answerWith, startUpstream } from '../support/upstream.ts'

async function connect(args: string[], env: Record<string, string> = {}): Promise<Client> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [PROGRAM, ...args],
    env: baseEnvironment(env),
    cwd: makeFolder(),
    stderr: 'ignore',
  })
  const client = new Client({ name: 'test', version: '0' })
  await client.connect(transport)
  onTestFinished(() => client.close())
  return client
}

test("the SDK's client finds the tools, the instructions and the version, and calls a tool of the sandbox", async () => {
  const client = await connect(['--sandbox'])
  expect(client.getServerVersion()).toEqual({
    name: 'metronome-customers-mcp',
    title: expect.stringMatching(/sandbox/i),
    version: manifest.version,
  })
  expect(client.getServerCapabilities()).toEqual({ tools: {} })
  expect(client.getInstructions()).toMatch(/list-customers/)
  const { tools, nextCursor } = await client.listTools()
  expect([tools.length, nextCursor]).toEqual([CONTRACT.length, undefined])
  expect(await client.callTool({ name: 'list-customers', arguments: {} })).toMatchObject({
    structuredContent: { data: expect.any(Array), _note: expect.stringMatching(/sandbox/i) },
  })
})

test('a whole call reaches the upstream with the key, and its answer comes back', async () => {
  const upstream = await startUpstream(answerWith(200, ONE))
  const client = await connect([], { METRONOME_API_KEY: ` ${KEY}\n`, METRONOME_BASE_URL: `${upstream.baseUrl}/` })
  expect(await client.callTool({ name: READ[0], arguments: READ[1] })).toEqual({
    content: [{ type: 'text', text: JSON.stringify(ONE) }],
    structuredContent: ONE,
  })
  expect(upstream.requests).toMatchObject([
    { target: `/v1/customers/${ID}`, headers: { authorization: `Bearer ${KEY}` } },
  ])
})

test('a key that the upstream echoes in an answer or an error is redacted everywhere', async () => {
  const key = 'mk"te\\st+0123/456=789'
  const spellings = [key, encodeURIComponent(key), JSON.stringify(key)]
  for (const status of [200, 400]) {
    const upstream = await startUpstream(
      answerWith(status, { message: spellings.join(' '), data: { id: ID, spellings } }),
    )
    const env = { METRONOME_API_KEY: key, METRONOME_BASE_URL: upstream.baseUrl, METRONOME_LOG: 'debug' }
    const program = startProgram({ env })
    program.send(toolCall(1, ...READ))
    await program.receive()
    program.child.stdin.end()
    await program.ended
    expect(program.stdout()).toContain('[redacted]')
    expect(program.stdout() + program.stderr()).not.toMatch(/0123.{1,3}456/)
  }
})

describe('stdout carries frames only', () => {
  test.each(['debug', 'info', 'off', 'nonsense'])('at METRONOME_LOG=%s', async (level) => {
    const upstream = await startUpstream(answerWith(400))
    const folder = makeFolder({ '.env': 'METRONOME_API_KEY=mk_from_the_file\n' })
    const env = { METRONOME_BASE_URL: upstream.baseUrl, METRONOME_LOG: level }
    const program = startProgram({ env, cwd: folder })
    program.send(INITIALIZE)
    program.send('garbage')
    program.send(toolCall(1, 'get-customer', {}))
    program.send(toolCall(2, ...WRITE))
    program.send(toolCall(3, 'nothing'))
    program.child.stdin.end()
    expect(await program.ended).toEqual({ code: 0, signal: null })
    const lines = program.stdout().trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line).jsonrpc)).toEqual(Array(5).fill('2.0'))
    const logged = program.stderr()
    expect(logged).not.toContain(ID)
    expect(logged).not.toContain('mk_from')
    if (level === 'off') expect(logged).toBe('')
    if (level === 'info') {
      expect(logged).toMatch(/^info api-key source="METRONOME_API_KEY of \.env"$/m)
      expect(logged).toMatch(/^info call tool=archive-customer method=POST status=400 ms=\d+$/m)
    }
    if (level === 'nonsense')
      expect(logged).toMatch(/^warn config-warning message="METRONOME_LOG must be one of .*"\n$/)
  })
})

test('without a key the program starts, warns, lists its tools and tells in each call what to do', async () => {
  const program = startProgram()
  program.send({ jsonrpc: '2.0', id: 1, method: 'tools/list' })
  expect((await program.receive()).result).toMatchObject({ tools: { length: CONTRACT.length } })
  program.send(toolCall(2, ...READ))
  const { result } = await program.receive()
  expect(result).toMatchObject({ isError: true })
  expect(JSON.stringify(result)).toMatch(/METRONOME_API_KEY is not set, nothing was sent/)
  expect(program.stderr()).toMatch(/^warn api-key-missing fix="set METRONOME_API_KEY, or start with --sandbox.*"\n$/)
})

describe('wrong usage is one line on stderr and exit code 2, and no value is repeated', () => {
  test.each<[string[], Record<string, string>, RegExp]>([
    [['--sandbx'], {}, /unknown option --sandbx; did you mean --sandbox\?/],
    [['secretword'], {}, /unknown command/],
    // A path that does not exist never reaches the program: Node itself looks for it first, and ends with code 9.
    [['--env-file'], {}, /--env-file requires a value/],
    [[], { METRONOME_API_KEY: 'secret word' }, /METRONOME_API_KEY contains white space/],
    [[], { METRONOME_BASE_URL: 'http://secretword.example' }, /METRONOME_BASE_URL must start with https/],
  ])('%j %j', async (args, env, pattern) => {
    const { code, stdout, stderr } = await runProgram({ args, env })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^metronome-customers-mcp: [^\n]+\n$/)
    expect(stderr).toMatch(pattern)
    expect(stderr).not.toMatch(/secret/)
  })
})

test.each([
  [['--version'], `${manifest.version}\n`],
  [['--help'], expect.stringMatching(/^metronome-customers-mcp \S+\n.*--sandbox.*METRONOME_API_KEY/s)],
  [['-h', '--sandbox'], expect.stringMatching(/Usage/)],
])('%j prints and ends, whatever the settings', async (args, stdout) => {
  expect(await runProgram({ args, env: { METRONOME_BASE_URL: 'nonsense' } })).toEqual({
    code: 0,
    signal: null,
    stdout,
    stderr: '',
  })
})

test.each([[['--help']], [['--version']], [['print-config', 'cursor']]])(
  '%j ends quietly when nobody reads what it prints',
  async (args) => {
    const program = startProgram({ args })
    program.child.stdout.destroy()
    expect(await program.ended).toEqual({ code: 0, signal: null })
    expect(program.stderr()).not.toContain('Error')
  },
)

describe('files of settings', () => {
  async function keySentWith(env: Record<string, string>, args: string[], cwd: string): Promise<unknown> {
    const upstream = await startUpstream(answerWith(200, ONE))
    const program = startProgram({ env: { METRONOME_BASE_URL: upstream.baseUrl, ...env }, args, cwd })
    program.send(toolCall(1, ...READ))
    await program.receive()
    return upstream.requests[0]?.headers.authorization
  }

  test('.env gives a key and nothing else, and never beats another', async () => {
    const elsewhere = await startUpstream(answerWith(200, ONE))
    const planted = `METRONOME_API_KEY="mk_of_dotenv"\nMETRONOME_BASE_URL=${elsewhere.baseUrl}\nMETRONOME_LOG=nonsense\n`
    const folder = makeFolder({
      '.env': planted,
      'my.env': "export METRONOME_BEARER_TOKEN='mk_of_my_env'\nPATH=/nowhere\n",
    })
    expect(await keySentWith({}, [], folder)).toBe('Bearer mk_of_dotenv')
    expect(await keySentWith({ METRONOME_API_KEY: '' }, ['--env-file', 'my.env'], folder)).toBe('Bearer mk_of_my_env')
    expect(await keySentWith({ METRONOME_API_KEY: KEY }, ['--env-file=my.env'], folder)).toBe(`Bearer ${KEY}`)
    expect(elsewhere.requests).toEqual([])
  })

  test('a key file is read', async () => {
    const folder = makeFolder({ secret: 'mk_of_a_secret\n' })
    expect(await keySentWith({ METRONOME_API_KEY_FILE: `${folder}/secret` }, [], folder)).toBe('Bearer mk_of_a_secret')
  })
})
