import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { childSchema, parseExactJson, readText } from '../../src/operations/json.ts'

describe('a text in the place of another type', () => {
  const limit = z.int().min(1).max(100).optional()
  const amount = z.number().optional()
  const flag = z.boolean().nullable().optional()

  test.each<[string, z.ZodType, unknown]>([
    ['5', limit, 5],
    ['0', limit, 0],
    ['-12', limit, -12],
    ['9007199254740991', limit, 9007199254740991],
    ['5', amount, 5],
    ['10.50', amount, 10.5],
    ['-0.1', amount, -0.1],
    ['true', flag, true],
    ['False', flag, false],
    ['TRUE', flag, true],
    ['5', z.string(), '5'],
  ])('%j is read as the one value that it can mean', (text, type, value) => {
    expect(readText(text, type)).toBe(value)
  })

  test.each<[string, z.ZodType]>([
    ...['five', '', ' 5', '5 ', '+5', '05', '5.0', '1e2', '0x10', '5,000', '٥', 'NaN', '9007199254740993'].map(
      (text): [string, z.ZodType] => [text, limit],
    ),
    ...['.5', '5.', '1e-400', '0.1234567890123456789', 'Infinity'].map((text): [string, z.ZodType] => [text, amount]),
    ...['perhaps', '1', '0', 'yes', 'null', '', ' true'].map((text): [string, z.ZodType] => [text, flag]),
  ])('%j stays text', (text, type) => {
    expect(readText(text, type)).toBe(text)
  })
})

test.each([
  '0.1234567890123456789',
  '1e-400',
  '1e400',
  '12345678901234567890',
  '9007199254740993',
  '-1.0000000000000000001',
])('the number %s, which JavaScript would alter, is parsed as Infinity', (number) => {
  expect(parseExactJson(`{"a":["${number}",${number}]}`)).toEqual({ a: [number, Number.POSITIVE_INFINITY] })
})

test.each([
  '0',
  '-1',
  '1.5',
  '100.00',
  '1e5',
  '9007199254740991',
  '0.30000000000000004',
  '1.0000000000000000000',
  '5e-324',
])('the number %s is parsed as it is', (number) => {
  expect(parseExactJson(`[ ${number}, {"a" : ${number}}]`)).toEqual([Number(number), { a: Number(number) }])
})

test('a field that every object has is no field of a schema', () => {
  const schema = z.strictObject({ name: z.string() })
  expect(childSchema(schema, 'constructor')).toBeUndefined()
  expect(childSchema(schema, '__proto__')).toBeUndefined()
  expect(childSchema(schema.optional(), 'name')).toBe(schema.shape.name)
})
