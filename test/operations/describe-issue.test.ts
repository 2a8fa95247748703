import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { describeIssue, SENTENCES } from '../../src/operations/describe-issue.ts'
import { operations } from '../../src/operations/index.ts'

/** What is wrong with the field `x` of this type. */
function describeValue(type: z.ZodType, x: unknown): string[] {
  const schema = z.strictObject({ x: type })
  const { error } = schema.safeParse({ x }, { reportInput: true })
  return error?.issues.map((issue) => describeIssue(issue, schema)) ?? []
}

const UUID = 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc'
const UUID_RULE = `must be a UUID such as ${UUID}`

/** One row at least for each kind of issue: kind, type, value, sentence. */
const ROWS: readonly [kind: string, type: z.ZodType, value: unknown, sentence: string][] = [
  ['invalid_type', z.string(), undefined, 'is required'],
  ['invalid_type', z.string(), null, 'must be text, not null'],
  ['invalid_type', z.string(), 5, 'must be text, not a number'],
  ['invalid_type', z.string().optional(), [], 'must be text, not a list'],
  ['invalid_type', z.int(), 'five', 'must be a number, not text'],
  ['invalid_type', z.int(), 1.5, 'must be a whole number'],
  ['invalid_type', z.boolean(), 'perhaps', 'must be true or false, not text'],
  ['invalid_type', z.array(z.string()), {}, 'must be a list, not an object'],
  ['invalid_type', z.record(z.string(), z.string()), false, 'must be an object, not true or false'],
  ['invalid_type', z.strictObject({}), 'x', 'must be an object, not text'],
  ['invalid_type', z.guid(), 7, UUID_RULE],
  ['invalid_type', z.date(), 7, 'must be of type date, not a number'],
  ['too_big', z.int().min(1).max(100).optional(), 101, 'must be from 1 to 100'],
  ['too_big', z.number().max(3), 4, 'must be at most 3'],
  ['too_big', z.array(z.string()).max(1), ['a', 'b'], 'must have at most 1 items'],
  ['too_big', z.string().min(2).max(3), 'abcd', 'must have 2 to 3 characters'],
  ['too_small', z.int().min(1).max(100), 0, 'must be from 1 to 100'],
  ['too_small', z.number().min(3), 2, 'must be at least 3'],
  ['too_small', z.array(z.string()).min(1), [], 'must not be empty'],
  ['too_small', z.array(z.string()).min(2).max(3), [], 'must have 2 to 3 items'],
  ['invalid_format', z.guid(), 'acme', UUID_RULE],
  ['invalid_format', z.guid(), ` ${UUID}`, `${UUID_RULE}, with nothing before or after it`],
  [
    'invalid_format',
    z.guid(),
    `https://app.example/customers/${UUID}`,
    `${UUID_RULE}, with nothing before or after it`,
  ],
  ['invalid_format', z.guid(), UUID.replaceAll('-', ''), `${UUID_RULE}, with its hyphens`],
  ['invalid_format', z.iso.datetime(), '2026', 'must be an RFC 3339 date-time such as 2026-01-31T00:00:00Z'],
  ['invalid_format', z.email(), 'x', 'must be a valid email'],
  ['not_multiple_of', z.number().multipleOf(5), 7, 'must be a multiple of 5'],
  ['unrecognized_keys', z.strictObject({}), { y: 1, z: 2 }, 'has unknown fields: y, z'],
  ['invalid_union', z.union([z.string(), z.number()]), true, 'has none of the forms that are allowed here'],
  ['invalid_key', z.record(z.string().min(2), z.string()), { a: 'x' }, 'has a field name that is not allowed'],
  ['invalid_element', z.map(z.date(), z.string()), new Map([[new Date(0), 1]]), 'has an item that is not allowed'],
  ['invalid_value', z.enum(['a', 'b']), 'c', 'must be one of "a", "b"'],
  ['invalid_value', z.enum(['netsuite']), 'x', 'must be "netsuite"'],
  ['invalid_value', z.enum(['a', 'b']), undefined, 'is required and must be one of "a", "b"'],
  ['custom', z.string().refine(() => false, 'must be ours'), 'x', 'must be ours'],
]

test.each(ROWS.map(([kind, ...row]) => [kind, row[2], row] as const))(
  '%s: %s',
  (_kind, _sentence, [type, value, sentence]) => {
    expect(describeValue(type, value)).toEqual([sentence])
  },
)

test('every kind of issue that zod has is in the table, and has a sentence', () => {
  const kinds = Object.values(z.ZodIssueCode).sort()
  expect(Object.keys(SENTENCES).sort()).toEqual(kinds)
  expect(Array.from(new Set(ROWS.map(([kind]) => kind))).sort()).toEqual(kinds)
})

const ZOD_WORDS = /\b(expected|received|invalid (input|option|string)|too (big|small))\b/i

test("no value of any field is described in zod's words", () => {
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown>('', ' ', 0, 1e9, [], {}, [''], [{}], [[]], null))
  const property = fc.property(fc.nat(operations.length - 1), fc.array(value, { maxLength: 7 }), (at, values) => {
    const input = operations[at]?.input ?? z.object()
    const args = Object.fromEntries(Object.keys(input.shape).map((name, index) => [name, values[index]]))
    const issues = input.safeParse(args, { reportInput: true }).error?.issues ?? []
    for (const issue of issues) expect(describeIssue(issue, input)).not.toMatch(ZOD_WORDS)
  })
  fc.assert(property, { numRuns: 2_000, seed: 20261129 })
})
