import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readOptions } from '../../src/cli/config/options.ts'
import { UsageError } from '../../src/cli/config/usage-error.ts'
import { loadSettings } from '../../src/cli/load-settings.ts'
import { makeFolder, runProgram } from '../support/program.ts'

async function problemsOf(argv: readonly string[], environment: Record<string, string> = {}) {
  const error = await loadSettings(readOptions(argv), environment).catch((error: unknown) => error)
  if (error instanceof UsageError) return error.problems
  throw new Error('the settings were accepted')
}

test('all wrong options and variables are named at once', async () => {
  const folder = makeFolder({ settings: 'METRONOME_READONLY=true\nMETRONOME_TIMEOUT_MS=45s\n' })
  const argv = [
    `--env-file=${folder}/settings`,
    '--foo',
    '--http',
    '--port=x',
    '--tools=get-custmer,wrties',
    '--host=a b',
    '--allowed-hosts=c d',
    `--audit-log=${folder}/missing/audit.jsonl`,
  ]
  const environment = {
    METRONOME_CONFIRM_ARCHIVES: 'yes',
    METRONOME_BASE_URL: 'http://metronome.example',
    METRONOME_MCP_AUTH_TOKEN: 'short',
    METRONOME_API_KEY: 'also so',
  }
  expect(await problemsOf(argv, environment)).toEqual([
    'unknown option --foo; see --help.',
    '--port must be an integer from 0 to 65535.',
    'METRONOME_READONLY of --env-file is not a variable of this program; did you mean METRONOME_READ_ONLY?',
    'METRONOME_API_KEY contains white space; copy the API key from Metronome again.',
    expect.stringMatching(/^METRONOME_BASE_URL must start with https/),
    'METRONOME_TIMEOUT_MS must be an integer from 1000 to 600000, not "45s".',
    'METRONOME_CONFIRM_ARCHIVES must be true or false, not "yes".',
    expect.stringMatching(/^--host must be an IP address/),
    expect.stringMatching(/^METRONOME_MCP_AUTH_TOKEN is shorter/),
    expect.stringMatching(/^--allowed-hosts must be/),
    '--tools has an unknown tool or group, "get-custmer"; did you mean get-customer?',
    '--tools has an unknown tool or group, "wrties"; did you mean writes?',
    `--audit-log names ${join(folder, 'missing/audit.jsonl')}, which cannot be appended to: its directory does not exist; create it.`,
  ])
})

test('an --env-file that cannot be read hides nothing of the rest', async () => {
  const argv = ['--env-file=/missing', '--read-only', '--tools=writes']
  expect(await problemsOf(argv, { METRONOME_LOG_: 'debug' })).toEqual([
    '--env-file names a file that cannot be read (ENOENT); correct the path.',
    'METRONOME_LOG_ is not a variable of this program; did you mean METRONOME_LOG?',
    '--read-only and --tools: no tool is left.',
  ])
})

test('the program ends with 2 and prints each problem on a line, with line breaks of others escaped', async () => {
  const env = { METRONOME_TIMEOUT_MS: '45s', METRONOME_READ_ONLY: 'yes\nno' }
  expect(await runProgram({ args: ['--foo'], env })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: `metronome-customers-mcp: unknown option --foo; see --help.
metronome-customers-mcp: METRONOME_TIMEOUT_MS must be an integer from 1000 to 600000, not "45s".
metronome-customers-mcp: METRONOME_READ_ONLY must be true or false, not "yes\\u{a}no".
`,
  })
})

test.each([
  ['--help', ['--help', '--foo']],
  ['--version', ['--port', 'x', '-v']],
])('wrong options are named in place of %s', async (_, args) => {
  expect(await runProgram({ args })).toMatchObject({ code: 2, stdout: '' })
})
