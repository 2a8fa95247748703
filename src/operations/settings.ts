import * as z from 'zod'
import { defineOperation, type JsonObject } from '../operation/define.ts'
import { asObject } from '../operation/json.ts'
import { conflictOverAliases } from './alias-holders.ts'
import { ALIAS_TAKEN, getCustomer, listCustomers } from './customers.ts'
import { customerId, customerName, dateTime, ingestAliases } from './fields.ts'
import { proofByState, sameName, sameSet } from './proof-of-customer.ts'
import { customer, reply } from './records.ts'
import { acme } from './samples.ts'

/** `current_billable_status` is shown only on accounts that have the feature. */
function isBillableStatusInPlace(args: JsonObject, { current_billable_status }: JsonObject): boolean {
  const { value, effective_at } = asObject(current_billable_status)
  return value === args.billable_status && Date.parse(String(effective_at)) === Date.parse(String(args.effective_at))
}

/** The draft setting is shown nowhere, so that a change of it proves nothing. */
function isConfigurationInPlace(args: JsonObject, { customer_config }: JsonObject): boolean {
  const { salesforce_account_id } = asObject(customer_config)
  const isReadable = 'salesforce_account_id' in args && !('leave_stripe_invoices_in_draft' in args)
  return isReadable && (salesforce_account_id ?? null) === args.salesforce_account_id
}

export const setBillableStatus = defineOperation({
  tool: 'set-customer-billable-status',
  title: 'Set customer billable status',
  subject: 'Customers',
  description:
    'Overwrites whether a customer is billed, from a date on. Only on accounts that Metronome has enabled for it; invoices of Metronome 1.0 plans are not supported.',
  method: 'POST',
  path: '/v1/customers/setBillableStatus',
  hints: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    billable_status: z.enum(['billable', 'unbillable']),
    effective_at: dateTime(
      'RFC 3339 date-time: covers usage invoices whose service period starts, and others issued, on or after it.',
    ),
  }),
  output: reply(z.looseObject({ id: z.string() })),
  write: proofByState(getCustomer, isBillableStatusInPlace, ({ customer_id, billable_status }) => ({
    data: { id: customer_id, current_billable_status: billable_status },
  })),
  example: {
    input: { customer_id: acme.id, billable_status: 'unbillable', effective_at: '2026-01-01T00:00:00Z' },
    output: { data: { id: acme.id, current_billable_status: 'unbillable' } },
  },
})

export const setCustomerName = defineOperation({
  tool: 'update-customer-name',
  title: 'Update a customer name',
  subject: 'Customers',
  description: 'Overwrites the name of a customer, at once on all its billing documents.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/setName',
  hints: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({ customer_id: customerId, name: customerName('The new name') }),
  output: reply(customer),
  write: proofByState(
    getCustomer,
    ({ name }, shown) => sameName(name, shown.name),
    (_, shown) => ({ data: shown }),
  ),
  example: { input: { customer_id: acme.id, name: 'Acme EU' }, output: { data: { ...acme, name: 'Acme EU' } } },
})

const configurationProof = proofByState(getCustomer, isConfigurationInPlace, () => ({ success: true }))

export const updateCustomerConfig = defineOperation({
  tool: 'update-customer-configuration',
  title: 'Update a customer configuration',
  subject: 'Customers',
  description:
    'Overwrites the given settings of a customer: an absent field keeps its value, null clears it. The draft setting cannot be read back.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/updateConfig',
  hints: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    salesforce_account_id: z.string().nullable().optional().describe('Salesforce account id.'),
    leave_stripe_invoices_in_draft: z
      .boolean()
      .nullable()
      .optional()
      .describe('true keeps Stripe invoices in draft; null falls back to the account-wide setting.'),
  }),
  output: z.looseObject({}),
  emptyAnswer: true,
  write: {
    ...configurationProof,
    lookUp: (args) =>
      'leave_stripe_invoices_in_draft' in args
        ? 'The draft setting is shown nowhere; sending the same value again does no harm.'
        : configurationProof.lookUp(args),
  },
  example: {
    input: { customer_id: acme.id, salesforce_account_id: '0015500001WO1ZiABL' },
    output: { success: true },
  },
})

export const setIngestAliases = defineOperation({
  tool: 'create-update-customer-ingest-aliases',
  title: 'Create or update customer ingest aliases',
  subject: 'Customers',
  description:
    'Replaces all ingest aliases of a customer; nothing is merged, so start from those that get-customer shows. All usage sent under an alias, past usage too, follows it. An alias of another customer, archived or not, gives 409: remove it there first.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/setIngestAliases',
  hints: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    ingest_aliases: ingestAliases.describe('The whole new set; [] removes all.'),
  }),
  output: z.looseObject({}),
  emptyAnswer: true,
  write: {
    ...proofByState(
      getCustomer,
      ({ ingest_aliases }, shown) => sameSet(ingest_aliases, shown.ingest_aliases),
      () => ({ success: true }),
    ),
    conflict: conflictOverAliases(listCustomers),
  },
  advice: { 409: ALIAS_TAKEN },
  example: {
    input: { customer_id: acme.id, ingest_aliases: ['team@acme.example', 'acme-prod', 'acme-eu'] },
    output: { success: true },
  },
})
