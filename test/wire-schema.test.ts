import { countTokens } from 'gpt-tokenizer/encoding/o200k_base'
import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../src/operation/define.ts'
import { operations } from '../src/operations/index.ts'
import { connectClient } from './support/mcp.ts'

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
// Model-facing part and whole answer, in tokens of o200k.
const MAX_MODEL_TOKENS = 2700
const MAX_ANSWER_TOKENS = 4500
// Fields of an item whose name says everything.
const SELF_EXPLAINING = ['key', 'value', 'group_key_name', 'display_name']

const { mcp } = await connectClient()
const { tools } = await mcp.listTools()

interface Place {
  readonly at: string
  readonly schema: JsonObject
}

/** The schema itself and every schema inside it. */
function flattenSchema(schema: JsonObject, at = ''): Place[] {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, JsonObject>)
  const parts = [
    ...properties.map(([name, part]) => [`${at}.${name}`, part] as const),
    ...[schema.items, schema.additionalProperties].filter(isObject).map((part) => [`${at}[]`, part] as const),
  ]
  return [{ at, schema }, ...parts.flatMap(([where, part]) => flattenSchema(part, where))]
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const typesOf = ({ type }: JsonObject): unknown[] => (Array.isArray(type) ? type : [type])

describe.each(tools)('$name', (tool) => {
  const input = flattenSchema(tool.inputSchema)
  const output = flattenSchema(tool.outputSchema ?? {})

  test('looks on the wire as reviewed', async () => {
    await expect(`${JSON.stringify(tool, undefined, 2)}\n`).toMatchFileSnapshot(`snapshots/${tool.name}.json`)
  })

  test('uses plain JSON Schema only', () => {
    const keywords = [...input, ...output].flatMap(({ schema }) => Object.keys(schema))
    expect(keywords.filter((keyword) => BANNED_KEYWORDS.includes(keyword))).toEqual([])
    const arraysWithoutItems = [...input, ...output].filter(
      ({ schema }) => typesOf(schema).includes('array') && !isObject(schema.items),
    )
    expect(arraysWithoutItems).toEqual([])
  })

  test('takes an object and refuses unknown fields where the fields are known', () => {
    expect(tool.inputSchema).toMatchObject({ type: 'object', additionalProperties: false })
    const open = input.filter(({ schema }) => schema.properties && schema.additionalProperties !== false)
    expect(open).toEqual([])
  })

  test('gives every field a type, and a description where the name alone does not tell', () => {
    const [, ...fields] = input.filter(({ at }) => !at.endsWith('[]'))
    expect(fields.filter(({ schema }) => !schema.type)).toEqual([])
    const bare = fields.filter(
      ({ at, schema }) => !schema.description && !schema.enum && !SELF_EXPLAINING.includes(at.split('.').at(-1) ?? ''),
    )
    expect(bare.map(({ at }) => at)).toEqual([])
  })

  test('leaves its output open at every level', () => {
    expect(tool.outputSchema).toMatchObject({ type: 'object' })
    const closed = output.filter(({ schema }) => schema.additionalProperties === false || schema.enum || schema.const)
    expect(closed).toEqual([])
  })

  test('carries a title and all four hints', () => {
    expect(tool.title).toBeTruthy()
    expect(tool.annotations).toEqual({
      title: tool.title,
      readOnlyHint: expect.any(Boolean),
      destructiveHint: expect.any(Boolean),
      idempotentHint: expect.any(Boolean),
      openWorldHint: true,
    })
  })

  test('has a name that clients accept', () => {
    expect(tool.name).toMatch(/^[a-z-]{1,64}$/)
    // Clients put the configuration key in front: mcp__metronome__ and the name within 64 characters.
    expect(`mcp__metronome__${tool.name}`.length).toBeLessThanOrEqual(64)
  })
})

test.each(operations)('the example of $tool fits its own schemas', ({ input, output, example }) => {
  expect(input.parse(example.input)).toEqual(example.input)
  expect(output.parse(example.output)).toEqual(example.output)
})

test.each(operations)('$tool keeps whatever Metronome adds to an answer', ({ output, example }) => {
  const richer = addEverywhere(example.output)
  expect(output.parse(richer)).toEqual(richer)
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

test('what is shown to a model fits its token budget', () => {
  const shown = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }))
  expect(countTokens(JSON.stringify(shown))).toBeLessThanOrEqual(MAX_MODEL_TOKENS)
  expect(countTokens(JSON.stringify({ tools }))).toBeLessThanOrEqual(MAX_ANSWER_TOKENS)
})
