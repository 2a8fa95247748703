import { expect, test } from 'vitest'
import { ID } from '../contract.ts'
import { createHarness } from '../support/harness.ts'

/** Calls a tool whose response has this text. */
async function callWith(text: string, tool = 'get-customer', args: object = { customer_id: ID }) {
  const fetch = async () => new Response(text, { status: 200 })
  const { call, caller } = createHarness({ upstream: { fetch, baseUrl: 'http://metronome.invalid' } })
  return call({ tool, args }, caller)
}

const withConfig = (value: string) =>
  `{"data":{"id":"${ID}","name":"1234567890123456789","customer_config":{"x":${value}}}}`

test.each(['12345678901234567891', '9007199254740993', '0.1234567890123456789', '1e400', '-12345678901234567891'])(
  'returns %s as a string of the same digits, with a note that names the field',
  async (number) => {
    expect(await callWith(withConfig(number))).toEqual({
      data: { id: ID, name: '1234567890123456789', customer_config: { x: number } },
      _note: 'Numbers with more digits than JavaScript can represent are given as text: "x".',
    })
  },
)

test.each([
  '0',
  '-1',
  '1.5',
  '100.00',
  '1e5',
  '9007199254740991',
  '0.1',
  '1.0000000000000000000',
  '123456789012345680000',
])('returns %s as a number, since its value does not change', async (number) => {
  expect(await callWith(withConfig(number))).toEqual({
    data: { id: ID, name: '1234567890123456789', customer_config: { x: Number(number) } },
  })
})

test('does not change digits inside strings', async () => {
  const text = `{"data":{"id":"${ID}","name":": 12345678901234567891 \\"[12345678901234567891"}}`
  expect(await callWith(text)).toEqual({ data: { id: ID, name: ': 12345678901234567891 "[12345678901234567891' } })
})

test('a write whose response has such a number succeeds', async () => {
  const args = { customer_id: ID, name: 'Acme EU' }
  expect(await callWith(withConfig('9007199254740993'), 'update-customer-name', args)).toMatchObject({
    data: { customer_config: { x: '9007199254740993' } },
  })
})
