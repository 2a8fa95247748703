import { expect, test } from 'vitest'
import { parseCommandLine } from '../../../src/cli/config/command-line.ts'
import { OPTIONS, readOptions } from '../../../src/cli/config/options.ts'
import { UsageError } from '../../../src/cli/config/usage-error.ts'

const parseOptions = (argv: readonly string[]) => parseCommandLine(argv, OPTIONS).options

test.each<[string[], object]>([
  [[], {}],
  [['-h'], { help: true }],
  [['-v'], { version: true }],
  [['-vh'], { version: true, help: true }],
  [['--sandbox', '--env-file', 'a b'], { sandbox: true, envFile: 'a b' }],
  [['--env-file=x=y'], { envFile: 'x=y' }],
  [['--log-format', 'json'], { logFormat: 'json' }],
])('parses %j', (argv, options) => {
  expect(parseOptions(argv)).toEqual(options)
})

test.each<[string[], RegExp]>([
  [['--sandbx'], /^unknown option --sandbx; did you mean --sandbox\?/],
  [['--envfile=secretword'], /^unknown option --envfile; did you mean --env-file\?/],
  [['--no-sandbox'], /^unknown option --no-sandbox/],
  [
    ['--api-key', 'secretword'],
    /^unknown option --api-key; keys and tokens are never given on the command line: set METRONOME_API_KEY/,
  ],
  [['--token=secretword'], /^unknown option --token; keys and tokens are never given/],
  [['--read'], /^unknown option --read; did you mean --read-only\?/],
  [['--stdio'], /^unknown option --stdio; see --help\.$/],
  [['--foo'], /^unknown option --foo; see --help\.$/],
  [['-x'], /^unknown option -x/],
  [['-xsecretword'], /^unknown option -x/],
  [['--__proto__'], /^unknown option --__proto__/],
  [['--constructor=secretword'], /^unknown option --constructor/],
  [['secretword'], /^unexpected argument; see --help\. Do not pass API keys on the command line\.$/],
  [['--', 'secretword'], /^unexpected argument/],
  [['--sandbox', 'secretword'], /^unexpected argument/],
  [['--sandbox=secretword'], /^--sandbox takes no value/],
  [['--env-file'], /^--env-file requires a value/],
  [['--env-file='], /^--env-file requires a value/],
  [['--env-file', '--sandbox'], /^--env-file requires a value/],
  [['--log-format', 'secretword'], /^--log-format must be text or json\.$/],
  [['--http', '--port', 'secretword'], /^--port must be an integer from 0 to 65535\.$/],
  [['--http', '--port', '70000'], /^--port must be an integer/],
  [['--http', '--port', '1.5'], /^--port must be an integer/],
  [['--http', '--port', ''], /^--port requires a value/],
  [['--http', '--drain-ms', '-1'], /^--drain-ms must be an integer from 0 to 600000\.$/],
  [['--rest', '--rest-port', '1e3'], /^--rest-port must be an integer/],
  [['--http', '--port', '1', '--port', '2'], /^--port is given more than once\.$/],
  [['--read-only', '--sandbox', '--read-only'], /^--read-only is given more than once\.$/],
  [['-h', '--help'], /^--help is given more than once\.$/],
  [
    ['--exclude-tools', 'irreversible', '--exclude-tools=secretword'],
    /^--exclude-tools is given more than once; separate its values with commas\.$/,
  ],
  [['--sandbox', '--sandbox-faults', 'reset', '--sandbox-seed', '1.5'], /^--sandbox-seed must be an integer/],
])('rejects %j and repeats no value', (argv, message) => {
  expect(() => parseOptions(argv)).toThrow(UsageError)
  expect(() => parseOptions(argv)).toThrow(message)
  expect(() => parseOptions(argv)).not.toThrow(/secret/)
})

test.each([
  ['--port requires --http.', ['--port', '1']],
  ['--port requires --http.', ['--rest', '--port', '1']],
  ['--rest-port requires --rest.', ['--http', '--rest-port', '1']],
  ['--drain-ms requires --http.', ['--drain-ms', '1']],
  ['--host requires --http or --rest.', ['--host', 'a']],
  ['--allowed-hosts requires --http or --rest.', ['--allowed-hosts', 'a']],
  ['--passthrough requires --http or --rest.', ['--passthrough']],
  ['--sandbox-faults requires --sandbox.', ['--sandbox-faults', 'reset']],
  ['--sandbox-seed requires --sandbox-faults.', ['--sandbox', '--sandbox-seed', '1']],
])('says %j', (message, argv) => {
  expect(() => parseOptions(argv)).toThrow(new UsageError(message))
})

test.each([
  ['$SECRETWORD'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a client leaves that does not expand variables
  ['${user_config.secretword}'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the same of Cursor
  ['${env:SECRETWORD}'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: two of them
  ['${SECRET}${WORD}'],
  ['$(SECRETWORD)'],
  ['%SECRETWORD%'],
  ['{{secretword}}'],
  ['{env:SECRETWORD}'],
  ['$env:SECRETWORD'],
])('rejects %s as the value of any option', (value) => {
  const problem = 'is the name of a variable that was not expanded, not its value.'
  expect(() => parseOptions(['--environment', value])).toThrow(new UsageError(`--environment ${problem}`))
  expect(() => parseOptions([`--tools=${value}`])).toThrow(new UsageError(`--tools ${problem}`))
})

test('rejects no value that only looks like a variable', () => {
  for (const environment of ['$', '100%', '{}', 'a $B', '%', 'US$'])
    expect(parseOptions(['--environment', environment])).toEqual({ environment })
})

test('names everything that is wrong, and reads the rest', () => {
  const argv = ['--sandbx', '--http', '--port', 'x', '--port', '1', '--rest-port', '2', 'word', '--log-format', 'xml']
  expect(readOptions([...argv, '--drain-ms', '7'])).toMatchObject({
    options: { http: true, drainMs: 7 },
    problems: [
      'unknown option --sandbx; did you mean --sandbox? See --help.',
      '--port must be an integer from 0 to 65535.',
      '--port is given more than once.',
      '--log-format must be text or json.',
      'unexpected argument; see --help. Do not pass API keys on the command line.',
      '--rest-port requires --rest.',
    ],
  })
})
