import { expect, test } from 'vitest'
import * as z from 'zod'
import { CallError, InvalidArgumentsError } from '../../src/calls/errors.ts'
import { getCustomer, listCustomers } from '../../src/operations/customers.ts'
import { type Comparison, defineWrite } from '../../src/operations/operation.ts'
import { verifyAliases, verifyArchive, verifyName } from '../../src/operations/verify-customer.ts'

// tsc checks this file: a comment below is an error of its own when its line compiles.

const common = {
  tool: 'x',
  title: 'X',
  subject: 'Customers',
  description: '',
  method: 'POST',
  path: '/x',
  hints: { destructive: false, idempotent: false },
  output: z.looseObject({}),
  example: { input: {}, output: {} },
} as const
const archiving = { configurations: [], object: '', consequences: '' }

test('states that make no sense do not compile', () => {
  // @ts-expect-error what is in place has a body
  const inPlace: Comparison = { isInPlace: true, evidence: '' }
  // @ts-expect-error what is not in place has none
  const notInPlace: Comparison = { isInPlace: false, evidence: '', body: {} }
  expect([inPlace, notInPlace]).toHaveLength(2)

  const rename = z.strictObject({ customer_id: z.string(), name: z.string() })
  defineWrite({ ...common, input: rename, verification: verifyName(getCustomer) })
  // @ts-expect-error a rename has no aliases to verify
  defineWrite({ ...common, input: rename, verification: verifyAliases(getCustomer, listCustomers) })

  const archive = { ...common, input: z.strictObject({ id: z.string() }), verification: verifyArchive(getCustomer) }
  defineWrite({ ...archive, irreversible: { ...archiving, customerArgument: 'id' } })
  // @ts-expect-error there is no argument of this name
  defineWrite({ ...archive, irreversible: { ...archiving, customerArgument: 'idd' } })
  const wrongIds = [{ label: '', fetch: getCustomer, idsArgument: 'idds' }] as const
  // @ts-expect-error nor of this one
  defineWrite({ ...archive, irreversible: { ...archiving, customerArgument: 'id', configurations: wrongIds } })

  // @ts-expect-error a write that is applied is no error
  new CallError('internal', '', { outcome: 'applied' })
  // @ts-expect-error only invalid arguments have issues
  new CallError('internal', '', { issues: [] })
  new InvalidArgumentsError('', [{ path: 'name', message: 'is required' }])
})
