import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findHiddenTools } from '../../src/cli/access.ts'
import { readAccessConfig, readEnvironmentName } from '../../src/cli/config/access-config.ts'
import type { Options } from '../../src/cli/config/options.ts'
import { UsageError } from '../../src/cli/config/usage-error.ts'
import { operations } from '../../src/operations/index.ts'
import { CONTRACT, WRITES } from '../contract.ts'
import { connectClient, createHarness } from '../support/harness.ts'

const IRREVERSIBLE = [
  'archive-billing-provider-configurations-customer',
  'archive-customer',
  'archive-revenue-system-configurations-customer',
]
const READS = CONTRACT.filter(({ hints }) => hints.readOnly).map(({ tool }) => tool)

/** The tools that are offered. */
function offered(options: Options, variables: Record<string, string> = {}): string[] {
  const access = readAccessConfig(options, variables)
  const hidden = access ? findHiddenTools(access) : new Map()
  return operations.map(({ tool }) => tool).filter((tool) => !hidden.has(tool))
}

const ALL = operations.map(({ tool }) => tool)

describe('the tools that are offered', () => {
  test('are all without any option', () => {
    expect(readAccessConfig({}, {})).toBe(undefined)
    expect(readAccessConfig({}, { METRONOME_READ_ONLY: 'false', METRONOME_TOOLS: ' ' })).toBe(undefined)
  })

  test.each<[string, Options, Record<string, string>, readonly string[]]>([
    ['--read-only', { readOnly: true }, {}, READS],
    ['METRONOME_READ_ONLY', {}, { METRONOME_READ_ONLY: 'true' }, READS],
    ['both of them, one of which is false', { readOnly: true }, { METRONOME_READ_ONLY: 'false' }, READS],
    ['a group', { tools: 'reads' }, {}, READS],
    ['another group', { tools: 'writes' }, {}, ALL.filter((tool) => !READS.includes(tool))],
    ['--exclude-tools', { excludeTools: 'irreversible' }, {}, ALL.filter((tool) => !IRREVERSIBLE.includes(tool))],
    ['names', { tools: ' get-customer , list-customers' }, {}, ['list-customers', 'get-customer']],
    [
      '--exclude-tools, which takes precedence over --tools',
      { tools: 'reads', excludeTools: 'get-customer' },
      {},
      READS.filter((tool) => tool !== 'get-customer'),
    ],
    [
      'option and variable, of which the stricter applies',
      { tools: 'reads' },
      { METRONOME_TOOLS: 'get-customer,archive-customer' },
      ['get-customer'],
    ],
    [
      'option and variable, of which either excludes',
      { excludeTools: 'writes' },
      { METRONOME_EXCLUDE_TOOLS: 'list-customers' },
      READS.filter((tool) => tool !== 'list-customers'),
    ],
  ])('by %s', (_, options, variables, expected) => {
    expect(offered(options, variables)).toEqual(expected)
  })
})

test.each<[string, Options, Record<string, string>, RegExp]>([
  [
    'an unknown tool',
    { tools: 'get-custmer' },
    {},
    /^--tools has an unknown tool or group, "get-custmer"; did you mean get-customer\?$/,
  ],
  [
    'every unknown name',
    { tools: 'get-custmer,wrties', excludeTools: 'archive-customr' },
    { METRONOME_TOOLS: 'raeds' },
    /^--tools .*"get-custmer".*\n--tools .*"wrties"; did you mean writes\?\nMETRONOME_TOOLS .*"raeds".*\n--exclude-tools .*"archive-customr"/,
  ],
  ['an unknown group', {}, { METRONOME_EXCLUDE_TOOLS: 'read' }, /^METRONOME_EXCLUDE_TOOLS .*did you mean reads\?/],
  ['a name like nothing', { tools: 'x' }, {}, /the groups are reads, writes, irreversible\.$/],
  ['an inherited name', { tools: 'constructor' }, {}, /unknown tool/],
  ['an empty item', { tools: 'reads,' }, {}, /^--tools must be comma-separated tool names or groups\.$/],
  [
    'an empty item of a variable',
    {},
    { METRONOME_TOOLS: 'reads,,' },
    /^METRONOME_TOOLS must .* groups, not "reads,,"\.$/,
  ],
  ['an empty exclusion', {}, { METRONOME_EXCLUDE_TOOLS: ',' }, /^METRONOME_EXCLUDE_TOOLS must .* groups, not ","\.$/],
  ['nothing left', { readOnly: true, tools: 'writes' }, {}, /^--read-only and --tools: no tool is left\.$/],
  ['a malformed boolean', {}, { METRONOME_READ_ONLY: '1' }, /^METRONOME_READ_ONLY must be true or false, not "1"\.$/],
])('%s is wrong usage', (_, options, variables, message) => {
  expect(() => offered(options, variables)).toThrow(UsageError)
  expect(() => offered(options, variables)).toThrow(message)
})

describe('the environment', () => {
  test.each([
    [{ environment: 'production' }, {}, 'production'],
    [{}, { METRONOME_ENVIRONMENT: ' staging ' }, 'staging'],
    [{ environment: 'Prod EU' }, { METRONOME_ENVIRONMENT: 'Prod EU' }, 'Prod EU'],
    [{}, {}, undefined],
  ])('%j %j', (options, variables, expected) => {
    expect(readEnvironmentName(options, variables)).toBe(expected)
  })

  test('is wrong usage when option and variable differ', () => {
    expect(() => readEnvironmentName({ environment: 'a' }, { METRONOME_ENVIRONMENT: 'b' })).toThrow(
      new UsageError('--environment and METRONOME_ENVIRONMENT, "b", name different environments; use one of them.'),
    )
  })

  test.each(['x'.repeat(41), 'a\nb', 'a\u202eb', 'a\u200bb', 'a\u{e0041}b', 'a\u0007'])(
    'is wrong usage as %j',
    (environment) => {
      expect(() => readEnvironmentName({ environment }, {})).toThrow(/1 to 40 printable/)
    },
  )
})

test('no write outside of the allowed set reaches Metronome, under any combination', async () => {
  const selection = fc.option(
    fc.uniqueArray(fc.constantFrom('reads', 'writes', 'irreversible', ...ALL), { minLength: 1, maxLength: 4 }),
    { nil: undefined },
  )
  const combination = fc.record({
    readOnly: fc.boolean(),
    readOnlyVariable: fc.constantFrom('true', 'false', ''),
    tools: selection,
    toolsVariable: selection,
    excludeTools: selection,
    excludeVariable: selection,
    write: fc.constantFrom(...WRITES),
  })
  const inSelection = (tool: string, names: readonly string[]): boolean =>
    names.some((name) =>
      name === 'reads'
        ? READS.includes(tool)
        : name === 'writes'
          ? !READS.includes(tool)
          : name === 'irreversible'
            ? IRREVERSIBLE.includes(tool)
            : name === tool,
    )
  const property = fc.asyncProperty(combination, async (each) => {
    const options: Options = {
      ...(each.readOnly && { readOnly: true }),
      tools: each.tools?.join(','),
      excludeTools: each.excludeTools?.join(','),
    }
    const variables = {
      METRONOME_READ_ONLY: each.readOnlyVariable,
      METRONOME_TOOLS: each.toolsVariable?.join(','),
      METRONOME_EXCLUDE_TOOLS: each.excludeVariable?.join(','),
    }
    const access = readAccessConfig(options, variables)
    let hiddenTools: ReadonlyMap<string, string> = new Map()
    try {
      if (access) hiddenTools = findHiddenTools(access)
    } catch (error) {
      expect(error).toBeInstanceOf(UsageError)
      return
    }
    let requests = 0
    const fetch = async () => {
      requests += 1
      return Response.json({ data: [] })
    }
    const { call, caller } = createHarness({
      upstream: { fetch, baseUrl: 'http://m.invalid' },
      server: { hiddenTools },
    })
    const { tool, write } = each.write
    await call({ tool, args: write.args[0] }, caller).catch(() => {})
    const isAllowed =
      !each.readOnly &&
      each.readOnlyVariable !== 'true' &&
      [each.tools, each.toolsVariable].every((names) => !names || inSelection(tool, names)) &&
      [each.excludeTools, each.excludeVariable].every((names) => !names || !inSelection(tool, names))
    expect(requests > 0).toBe(isAllowed)
  })
  await fc.assert(property, { numRuns: 1_000, seed: 20261125 })
})

test('a call of a tool that is not offered is logged: by name when it is hidden, without what a caller wrote otherwise', async () => {
  const { callTool, logLines } = await connectClient({
    server: { hiddenTools: new Map([['archive-customer', 'hidden']]) },
  })
  for (const tool of ['archive-customer', 'delete-customer']) await callTool(tool).catch(() => {})
  expect(logLines).toEqual([
    'info call {"tool":"archive-customer","status":"unknown_tool","ms":0}',
    'info call {"tool":"unknown tool","status":"unknown_tool","ms":0}',
  ])
})
