import { describe, expect, test } from 'vitest'
import { buildToolList } from '../../src/mcp/tool-list.ts'
import { operations } from '../../src/operations/index.ts'
import { asObject, isObject, type JsonObject } from '../../src/operations/operation.ts'
import { connectClient } from '../support/harness.ts'

// What clients and models reject or choke on.
const BANNED_KEYWORDS = [
  '$schema',
  '$ref',
  '$defs',
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'pattern',
  'format',
  'prefixItems',
  'propertyNames',
]
// Fields whose name says everything.
const SELF_EXPLANATORY = [
  'key',
  'value',
  'group_key_name',
  'display_name',
  'customer_id',
  'customer_ids',
  'ingest_alias',
  'only_archived',
  'include_archived',
  'salesforce_account_id',
  'salesforce_account_ids',
  'delivery_method_id',
  'max_amount',
  'data',
]

const tools = buildToolList()

test('tools/list returns exactly these tools', async () => {
  const { mcp } = await connectClient()
  expect(await mcp.listTools()).toEqual({ tools })
})

interface SchemaPart {
  readonly path: string
  readonly schema: JsonObject
}

/** The schema itself and every schema inside it. */
function flattenSchema(schema: JsonObject, path = ''): SchemaPart[] {
  const properties = Object.entries(asObject(schema.properties)).map(
    ([name, part]) => [`${path}.${name}`, asObject(part)] as const,
  )
  const items = [schema.items, schema.additionalProperties].filter(isObject).map((part) => [`${path}[]`, part] as const)
  return [{ path, schema }, ...[...properties, ...items].flatMap(([at, part]) => flattenSchema(part, at))]
}

const typesOf = ({ type }: JsonObject): unknown[] => (Array.isArray(type) ? type : [type])

describe.each(tools)('$name', (tool) => {
  const input = flattenSchema(tool.inputSchema)
  const output = flattenSchema(tool.outputSchema)

  test('uses plain JSON Schema only', () => {
    const keywords = [...input, ...output].flatMap(({ schema }) => Object.keys(schema))
    expect(keywords.filter((keyword) => BANNED_KEYWORDS.includes(keyword))).toEqual([])
    const arraysWithoutItems = [...input, ...output].filter(
      ({ schema }) => typesOf(schema).includes('array') && !isObject(schema.items),
    )
    expect(arraysWithoutItems).toEqual([])
  })

  test('has an object as input and rejects unknown fields wherever the fields are known', () => {
    expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
    const open = input.filter(({ schema }) => schema.properties && schema.additionalProperties !== false)
    expect(open).toEqual([])
  })

  test('gives every field a type, and a description unless its name or enum says everything', () => {
    const [, ...fields] = input.filter(({ path }) => !path.endsWith('[]'))
    expect(fields.filter(({ schema }) => !schema.type)).toEqual([])
    const bare = fields.filter(
      ({ path, schema }) =>
        !schema.description && !schema.enum && !SELF_EXPLANATORY.includes(path.split('.').at(-1) ?? ''),
    )
    expect(bare.map(({ path }) => path)).toEqual([])
  })

  test('leaves its output open at every level', () => {
    expect(tool.outputSchema).toMatchObject({ type: 'object' })
    const closed = output.filter(({ schema }) => schema.additionalProperties === false || schema.enum || schema.const)
    expect(closed).toEqual([])
  })

  test('has a title and a name that clients accept', () => {
    expect(tool.title).toBeTruthy()
    expect(tool.annotations).toMatchObject({ title: tool.title })
    expect(tool.name).toMatch(/^[a-z-]{1,64}$/)
    // Clients put the configuration key in front: mcp__metronome__ and the name within 64 characters.
    expect(`mcp__metronome__${tool.name}`.length).toBeLessThanOrEqual(64)
  })
})

test.each(operations)(
  'the example of $tool matches its own schemas',
  ({ input, output, documented = output, example }) => {
    expect(input.parse(example.input)).toEqual(example.input)
    expect(output.parse(example.output)).toEqual(example.output)
    expect(documented.parse(example.output)).toEqual(example.output)
  },
)

test.each(operations)('$tool keeps every field that Metronome adds to a response', ({ output, example }) => {
  const extended = addEverywhere(example.output)
  expect(output.parse(extended)).toEqual(extended)
})

function addEverywhere(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(addEverywhere)
  if (!isObject(value)) return value
  const fields = Object.entries(value).map(([name, part]) => [name, addEverywhere(part)])
  return { ...Object.fromEntries(fields), added_later: { by: ['Metronome'] } }
}

test('no two tools share a title or a description', () => {
  expect(new Set(tools.map(({ title }) => title)).size).toBe(tools.length)
  expect(new Set(tools.map(({ description }) => description)).size).toBe(tools.length)
})
