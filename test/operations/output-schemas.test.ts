import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'
import { buildToolList } from '../../src/mcp/tool-list.ts'
import { asObject, isObject, type JsonObject } from '../../src/operations/json.ts'
import { ID } from '../contract.ts'
import { callWith } from '../support/call-upstream.ts'
import { createHarness, operationOf } from '../support/harness.ts'

/** The value with every field but ids null, one field at a time. */
function* withOneNull(value: unknown): Generator<unknown> {
  if (Array.isArray(value)) for (const item of withOneNull(value[0])) yield [item, ...value.slice(1)]
  if (Array.isArray(value) && typeof value[0] === 'string') yield [null, ...value.slice(1)]
  if (!isObject(value)) return
  for (const [name, field] of Object.entries(value)) {
    if (name !== 'id') yield { ...value, [name]: null }
    for (const changed of withOneNull(field)) yield { ...value, [name]: changed }
  }
}

const tools = buildToolList().filter(({ name }) => asObject(operationOf(name).example.output).data !== undefined)

describe.each(tools)('a record of $name', ({ name, outputSchema }) => {
  const { output, example } = operationOf(name)
  const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(outputSchema)

  test('is accepted with null in any field but its id, by the advertised schema, too', () => {
    const bodies = Array.from(withOneNull(example.output.data), (data) => ({ ...example.output, data }))
    for (const body of bodies) {
      expect(output.safeParse(body).error?.issues ?? []).toEqual([])
      expect(validate(body), JSON.stringify(validate.errors)).toBe(true)
    }
  })
})

describe('nulls of Metronome in a customer', () => {
  const record = { id: ID, name: null, ingest_aliases: null, customer_config: null, custom_fields: null }

  test.each<[string, object, JsonObject]>([
    ['get-customer', { customer_id: ID }, { data: record }],
    ['list-customers', {}, { data: [record], next_page: null }],
    ['create-customer', { name: 'Acme' }, { data: record }],
    ['update-customer-name', { customer_id: ID, name: 'Acme' }, { data: record }],
  ])('are passed on by %s', async (tool, args, body) => {
    const fetch = async () => Response.json(body)
    expect(await callWith(createHarness({ upstream: { fetch } }), [tool, args])).toEqual({ ok: true, body })
  })

  test.each([{ name: 'Acme' }, { id: null, name: 'Acme' }])('a record without an id is an error: %j', async (data) => {
    const fetch = async () => Response.json({ data })
    const result = await callWith(createHarness({ upstream: { fetch } }), ['get-customer', { customer_id: ID }])
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining('(at data.id)') })
  })
})
