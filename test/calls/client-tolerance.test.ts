import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { isObject, type JsonObject } from '../../src/operations/json.ts'
import { CONTRACT, ID } from '../contract.ts'
import { createHarness, operationOf } from '../support/harness.ts'

/** Method, target and body of every request that a call sends, and its error. */
async function send(tool: string, args: unknown) {
  const requests: string[] = []
  const fetch = async (url: string, { method, body = '' }: { method: string; body?: string }) => {
    requests.push(`${method} ${url} ${body}`)
    return Response.json(operationOf(tool).example.output)
  }
  const { call, caller } = createHarness({ upstream: { fetch, baseUrl: 'http://metronome.invalid' } })
  const idempotencyKey = { value: 'key', mayHaveBeenUsed: false, givenIn: 'header' } as const
  const error = await call({ tool, args, idempotencyKey }, caller).then(
    () => undefined,
    (error: unknown) => error,
  )
  return { requests, error }
}

/** The same arguments, with null for every optional field that is absent, at every depth. */
function addNulls(value: unknown, schema: z.core.$ZodType | undefined): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return addNulls(value, schema.unwrap())
  if (schema instanceof z.ZodArray && Array.isArray(value)) return value.map((item) => addNulls(item, schema.element))
  if (!(schema instanceof z.ZodObject)) return value
  const fields = value as JsonObject // valid arguments
  const absent = Object.entries(schema.shape).filter(
    ([name, field]) =>
      !(name in fields) && field instanceof z.ZodOptional && !(field.unwrap() instanceof z.ZodNullable),
  )
  const given = Object.entries(fields).map(([name, item]) => [name, addNulls(item, schema.shape[name])])
  return Object.fromEntries([...given, ...absent.map(([name]) => [name, null])])
}

const N8N = { toolCallId: 'call_1', sessionId: 's', action: 'execute', chatInput: 'hi', tool: 'metronome' }

const calls = CONTRACT.flatMap(({ tool, sets, request }) => [...sets, request.args].map((args) => ({ tool, args })))

test('nulls for absent fields, arguments as JSON text and the fields of n8n do not change the request', async () => {
  const variant = fc.record({ nulls: fc.boolean(), text: fc.boolean(), n8n: fc.boolean() })
  const property = fc.asyncProperty(
    fc.constantFrom(...calls),
    variant,
    async ({ tool, args }, { nulls, text, n8n }) => {
      const expected = await send(tool, args)
      const changed = { ...((nulls ? addNulls(args, operationOf(tool).input) : args) as JsonObject), ...(n8n && N8N) }
      expect(await send(tool, text ? JSON.stringify(changed) : changed)).toEqual(expected)
      expect(expected.requests).toHaveLength(1)
    },
  )
  await fc.assert(property, { numRuns: 500, seed: 20261125 })
})

/** The same arguments, with numbers and booleans as text, and texts of digits as numbers, where the type is known. */
function swapTypes(value: unknown, schema: z.core.$ZodType | undefined): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) return swapTypes(value, schema.unwrap())
  if (schema instanceof z.ZodArray && Array.isArray(value)) return value.map((item) => swapTypes(item, schema.element))
  if (schema instanceof z.ZodNumber) return String(value)
  if (schema instanceof z.ZodBoolean) return value === null ? value : value ? 'True' : 'FALSE'
  if (schema instanceof z.ZodString && /^[1-9]\d{0,14}$/.test(String(value))) return Number(value)
  const entries = Object.entries(isObject(value) ? value : {})
  if (schema instanceof z.ZodRecord)
    return Object.fromEntries(entries.map(([key, item]) => [key, swapTypes(item, schema.valueType)]))
  if (!(schema instanceof z.ZodObject)) return value
  return Object.fromEntries(entries.map(([key, item]) => [key, swapTypes(item, schema.shape[key])]))
}

const digits = { name: 'Acme', ingest_aliases: ['42', 'a'], external_id: '7', custom_fields: { seats: '5', tier: 'b' } }
const amount = { invoice_type: 'usage', fiat_credit_type_id: ID, max_amount: 10.5 }
const billing = [{ customer_id: ID, billing_provider: 'stripe', unbillable_invoices_configuration: [amount] }]
const swapped = [
  ...calls,
  { tool: 'create-customer', args: digits },
  { tool: 'update-customer-configuration', args: { customer_id: ID, salesforce_account_id: '15' } },
  { tool: 'set-billing-provider-configurations-customer', args: { data: billing } },
]

test.each(swapped)(
  'values of the wrong type that can mean one thing do not change the request: $tool $args',
  async (call) => {
    const wrong = swapTypes(call.args, operationOf(call.tool).input)
    expect(await send(call.tool, wrong)).toEqual(await send(call.tool, call.args))
  },
)

test('several of these calls have values of the wrong type', () => {
  const changed = swapped.filter(
    ({ tool, args }) => JSON.stringify(swapTypes(args, operationOf(tool).input)) !== JSON.stringify(args),
  )
  expect(changed.length).toBeGreaterThan(10)
})

/** Paths of the text fields for which a client may mean null. */
function optionalTexts(schema: z.core.$ZodType, path: readonly (string | number)[] = []): (string | number)[][] {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable) {
    const inner = schema.unwrap()
    return inner instanceof z.ZodString ? [[...path]] : optionalTexts(inner, path)
  }
  if (schema instanceof z.ZodArray)
    return schema.element instanceof z.ZodString ? [[...path, 0]] : optionalTexts(schema.element, [...path, 0])
  if (!(schema instanceof z.ZodObject)) return []
  return Object.entries(schema.shape).flatMap(([name, field]) => optionalTexts(field, [...path, name]))
}

function setAt(value: unknown, [key, ...rest]: readonly (string | number)[], text: string): unknown {
  if (key === undefined) return text
  if (typeof key === 'number') return [setAt(Array.isArray(value) ? value[0] : {}, rest, text)]
  return { ...(value as JsonObject), [key]: setAt((value as JsonObject)?.[key], rest, text) }
}

describe.each(CONTRACT)('$tool', ({ tool, sets }) => {
  test('sends no placeholder where null is meant', async () => {
    for (const path of optionalTexts(operationOf(tool).input))
      for (const placeholder of ['', 'null', 'None', 'undefined']) {
        const { requests, error } = await send(tool, setAt(sets[0], path, placeholder))
        expect({ path, placeholder, requests }).toEqual({ path, placeholder, requests: [] })
        expect(error).toMatchObject({ code: 'invalid_arguments' })
      }
  })
})

test('null for a required field is rejected', async () => {
  expect(await send('update-customer-name', { customer_id: ID, name: null })).toMatchObject({
    requests: [],
    error: { code: 'invalid_arguments', issues: [{ path: 'name' }] },
  })
})

test('a field that nobody knows is still rejected beside those of n8n', async () => {
  expect(await send('get-customer', { ...N8N, customer_id: ID, customerId: ID })).toMatchObject({
    requests: [],
    error: { issues: [{ path: 'customerId', message: 'is not a known field (did you mean customer_id?)' }] },
  })
})

test('the fields of n8n are known at the top level only', async () => {
  const overrides = [{ customer_id: ID, billing_provider: 'stripe', ...N8N }]
  const { requests, error } = await send('set-billing-provider-configurations-customer', { data: overrides })
  expect(requests).toEqual([])
  expect(error).toMatchObject({ issues: Object.keys(N8N).map((name) => ({ path: `data[0].${name}` })) })
  const custom = { name: 'Acme', custom_fields: { tool: 'hammer', action: 'swing' } }
  expect((await send('create-customer', custom)).requests).toEqual([expect.stringContaining(JSON.stringify(custom))])
})

test.each(['\u200b', ' \t ', '\u00a0\u2003'])('a name without a visible character is rejected: %j', async (name) => {
  expect(await send('create-customer', { name })).toMatchObject({ requests: [], error: { code: 'invalid_arguments' } })
})

test.each([
  ['list_customers', 'list-customers'],
  ['metronome_get_customer', 'get-customer'],
  ['mcp__metronome__archive-customer', 'archive-customer'],
  ['get-custmer', 'get-customer'],
])('an unknown tool %s gets a suggestion', async (tool, nearest) => {
  const { call, caller } = createHarness()
  await expect(call({ tool, args: {} }, caller)).rejects.toMatchObject({
    code: 'unknown_tool',
    message: `Unknown tool: ${tool}. Did you mean ${nearest}?`,
  })
})

test.each(['drop-everything', 'constructor', '__proto__', ''])('an unknown tool %j gets none', async (tool) => {
  const { call, caller } = createHarness()
  await expect(call({ tool, args: {} }, caller)).rejects.toMatchObject({ message: `Unknown tool: ${tool}` })
})

describe('the size of arguments is limited before they are validated', () => {
  test.each<[string, string, unknown, RegExp]>([
    [
      'too many values',
      'set-billing-provider-configurations-customer',
      { data: Array(2_000).fill(Array(20).fill(1)) },
      /more than 20000 values/,
    ],
    [
      'a long list',
      'set-billing-provider-configurations-customer',
      { data: Array(300_000).fill({}) },
      /data has more than 2000 items/,
    ],
    [
      'deep nesting',
      'create-customer',
      { name: 'A', custom_fields: JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) },
      /deeper than 64 levels/,
    ],
  ])('%s', async (_, tool, args, message) => {
    const { requests, error } = await send(tool, args)
    expect(requests).toEqual([])
    expect(error).toMatchObject({ code: 'invalid_arguments', message: expect.stringMatching(message) })
  })

  test('reports at most 1,000 issues', async () => {
    const { error } = await send('set-billing-provider-configurations-customer', { data: Array(2_000).fill({}) })
    expect((error as { issues: unknown[] }).issues.length).toBeLessThanOrEqual(1_000) // checked above to be a CallError
  })
})
