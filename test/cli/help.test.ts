import { describe, expect, test } from 'vitest'
import { COMMANDS, findCommand } from '../../src/cli/command.ts'
import type { OptionSpec } from '../../src/cli/config/command-line.ts'
import { OPTIONS, VARIABLES } from '../../src/cli/config/options.ts'
import { buildGreeting, buildHelp } from '../../src/cli/help.ts'
import { CLONE, createCommandContext, INSTALLED } from '../support/command-context.ts'

test('the help names every command, option, variable and default within 80 columns', () => {
  const help = buildHelp(INSTALLED)
  for (const { usage } of Object.values(COMMANDS)) expect(help).toContain(`\n  ${usage}`)
  for (const [name, spec] of Object.entries<OptionSpec>(OPTIONS)) {
    expect(help).toContain(`\n  --${name}`)
    if (spec.type !== 'boolean' && spec.default !== undefined)
      expect(help.replace(/\s+/g, ' ')).toContain(`(default ${spec.default})`)
  }
  for (const name of Object.keys(VARIABLES)) expect(help).toContain(`\n  ${name} `)
  expect(help.replace(/\s+/g, ' ')).toContain('1000 to 600000 (default 45000)')
  expect(help.split('\n').filter((line) => line.length > 80)).toEqual([])
})

test('the server has at most 22 options, and those that it requires exist', () => {
  expect(Object.keys(OPTIONS).length).toBeLessThanOrEqual(22)
  const required = Object.values<OptionSpec>(OPTIONS).flatMap(({ requires = [] }) => requires)
  expect(required.filter((name) => !Object.hasOwn(OPTIONS, name))).toEqual([])
})

describe('the greeting', () => {
  const readEntry = (greeting: string) => JSON.parse(/"metronome": (\{.*\})/.exec(greeting)?.[1] ?? '')

  test('has three lines with an entry to copy', () => {
    const greeting = buildGreeting(INSTALLED, [], false)
    expect(greeting.trim().split('\n')).toHaveLength(3)
    expect(readEntry(greeting)).toEqual({
      command: 'npx',
      args: ['-y', 'metronome-customers-mcp'],
      env: { METRONOME_API_KEY: '...' },
    })
    expect(greeting).toContain('Try it without an account')
  })

  test('starts a clone by its file, with the options that were given', () => {
    const greeting = buildGreeting(CLONE, ['--sandbox', '--read-only'], true)
    expect(readEntry(greeting)).toEqual({ command: 'node', args: [CLONE.file, '--sandbox', '--read-only'] })
    expect(greeting).toContain('It runs on the sandbox.')
    expect(greeting).not.toContain('Try it')
  })
})

test('the help has two examples of call', () => {
  expect(buildHelp(INSTALLED).match(/^ {2}metronome-customers-mcp call [a-z-]+ --/gm)).toHaveLength(2)
})

test('the help shows the form in which the program was started', () => {
  const help = buildHelp(CLONE)
  expect(help).toContain('Usage: node bin/metronome-customers-mcp.js [options]\n')
  expect(help).toContain('\n  node bin/metronome-customers-mcp.js doctor\n')
})

test.each(Object.keys(COMMANDS))('%s --help prints its options within 80 columns and exits with 0', async (name) => {
  const { context, stdout } = createCommandContext()
  const run = await findCommand(name)?.()
  const code = await run?.(['--help'], context)
  expect(code).toBe(0)
  expect(stdout()).toMatch(new RegExp(`^Usage: metronome-customers-mcp ${name}.*\n  --help, -h `, 's'))
  expect(
    stdout()
      .split('\n')
      .filter((line) => line.length > 80),
  ).toEqual([])
})

test.each([undefined, '--http'])('%s starts a server', (word) => {
  expect(findCommand(word)).toBeUndefined()
})

test.each([
  ['doctro', /^unknown command "doctro"; did you mean doctor\?$/],
  ['print', /^unknown command "print"; did you mean print-config\?$/],
  [
    'secretword',
    /^unknown command; the commands are call, doctor, openapi, .*\. Do not pass API keys on the command line\.$/,
  ],
  ['constructor', /^unknown command; the commands/],
  ['__proto__', /^unknown command; the commands/],
])('%s is no command', (word, message) => {
  expect(() => findCommand(word)).toThrow(message)
})
