import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { buildToolList } from '../../src/mcp/tool-list.ts'
import { operations } from '../../src/operations/index.ts'
import { asObject, isObject, type JsonObject } from '../../src/operations/json.ts'
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
// What the Gemini API documents for the schema of a function's parameters.
const GEMINI_KEYWORDS = [
  'type',
  'description',
  'enum',
  'items',
  'properties',
  'required',
  'additionalProperties',
  'minimum',
  'maximum',
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

  test('has an object as input and rejects unknown fields, but for those of the open configuration', () => {
    expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
    const open = input.filter(({ schema }) => schema.properties && schema.additionalProperties !== false)
    expect(open.filter(({ path }) => !path.endsWith('.configuration'))).toEqual([])
  })

  test('describes every top-level property', () => {
    const properties = Object.entries(asObject(tool.inputSchema.properties))
    expect(properties.filter(([, schema]) => !asObject(schema).description)).toEqual([])
    expect(properties.length).toBeGreaterThan(0)
  })

  test('has one type for each property, and no object without known keys or a type for their values', () => {
    expect(input.filter(({ schema }) => typeof schema.type !== 'string').map(({ path }) => path)).toEqual([])
    const objects = input.filter(({ schema }) => schema.type === 'object')
    const empty = objects.filter(({ schema }) => !schema.properties && !asObject(schema.additionalProperties).type)
    expect(empty.map(({ path }) => path)).toEqual([])
  })

  test("holds to the keywords that Gemini's API documents, and compiles in ajv's strict mode", () => {
    const keywords = input.flatMap(({ schema }) => Object.keys(schema))
    expect(keywords.filter((keyword) => !GEMINI_KEYWORDS.includes(keyword))).toEqual([])
    expect(() => new Ajv2020({ strict: true }).compile(tool.inputSchema)).not.toThrow()
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
