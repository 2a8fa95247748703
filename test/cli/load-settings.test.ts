import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeFolder, runProgram } from '../support/program.ts'

const NAME = 'metronome-customers-mcp: '

describe('wrong usage', () => {
  test('is told at once, each problem on a line', async () => {
    const folder = makeFolder({ settings: 'METRONOME_READONLY=true\nMETRONOME_TIMEOUT_MS=45s\n' })
    const { code, stdout, stderr } = await runProgram({
      args: [
        '--env-file=settings',
        '--foo',
        '--http',
        '--port=x',
        '--tools=get-custmer,wrties',
        '--host=a b',
        '--allowed-hosts=c d',
        '--audit-log=missing/audit.jsonl',
      ],
      env: {
        METRONOME_CONFIRM_ARCHIVES: 'yes\nno',
        METRONOME_BASE_URL: 'http://metronome.example',
        METRONOME_MCP_AUTH_TOKEN: 'short',
        METRONOME_API_KEY: 'also so',
      },
      cwd: folder,
    })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr.split(`\n${NAME}`)).toEqual([
      `${NAME}unknown option --foo; see --help.`,
      '--port must be an integer from 0 to 65535.',
      'METRONOME_READONLY of --env-file is not a variable of this program; did you mean METRONOME_READ_ONLY?',
      'METRONOME_API_KEY contains white space; copy the API key from Metronome again.',
      expect.stringMatching(/^METRONOME_BASE_URL must start with https/),
      'METRONOME_TIMEOUT_MS must be an integer from 1000 to 600000, not "45s".',
      'METRONOME_CONFIRM_ARCHIVES must be true or false, not "yes\\u{a}no".',
      expect.stringMatching(/^--host must be an IP address/),
      expect.stringMatching(/^METRONOME_MCP_AUTH_TOKEN is shorter/),
      expect.stringMatching(/^--allowed-hosts must be/),
      '--tools has an unknown tool or group, "get-custmer"; did you mean get-customer?',
      '--tools has an unknown tool or group, "wrties"; did you mean writes?',
      `--audit-log names ${join(folder, 'missing/audit.jsonl')}, which cannot be appended to: its directory does not exist; create it.\n`,
    ])
  })

  test('is told about an --env-file that cannot be read, beside what is wrong elsewhere', async () => {
    // What is missing or no file, Node itself rejects, which has an option of this name.
    const folder = makeFolder({ settings: '#'.repeat(70_000) })
    const args = ['--env-file=settings', '--read-only', '--tools=writes']
    expect(await runProgram({ args, env: { METRONOME_LOG_: 'debug' }, cwd: folder })).toMatchObject({
      code: 2,
      stderr: [
        '--env-file names a file that cannot be read (larger than 64 KiB); correct the path.\n',
        'METRONOME_LOG_ is not a variable of this program; did you mean METRONOME_LOG?\n',
        '--read-only and --tools: no tool is left.\n',
      ]
        .map((line) => NAME + line)
        .join(''),
    })
  })

  test.each([
    ['--help', ['--help', '--foo']],
    ['--version', ['--port', 'x', '-v']],
  ])('is told in place of %s', async (_, args) => {
    expect(await runProgram({ args })).toMatchObject({ code: 2, stdout: '' })
  })
})
