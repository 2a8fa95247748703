import { describe, expect, test } from 'vitest'
import { weighJson } from '../../src/operations/json.ts'

const list = (length: number, item: string) => `[${Array(length).fill(item).join()}]`

describe('the weight of JSON', () => {
  test.each([
    ['its length', `"${'x'.repeat(998)}"`, 1_000],
    ['twice its length with a character beyond Latin-1', `"Ā${'x'.repeat(996)}"`, 2_000],
    ['twice its length with an escaped one', `"\\u0100${'x'.repeat(992)}"`, 2_000],
    ['its length with characters of Latin-1', `"${'ü'.repeat(499)}"`, 1_000],
    ['128 for each value of a list', list(1_000, '0'), 128 * 1_001],
    ['128 for each empty object', list(1_000, '{}'), 128 * 2_001],
    ['128 for each list', list(1_000, '[]'), 128 * 2_001],
    ['no more than for 20,000 values, since more are rejected', list(50_000, '0'), 128 * 20_000],
  ])('is %s', (_, json, weight) => {
    expect(weighJson(Buffer.from(json))).toBe(weight)
  })
})
