import * as z from 'zod'
import { defineOperation } from '../operation/define.ts'
import { customerId, customerName, dateTime } from './fields.ts'
import { customer, reply } from './records.ts'
import { acme } from './samples.ts'

export const setBillableStatus = defineOperation({
  tool: 'set-customer-billable-status',
  title: 'Set customer billable status',
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
  example: {
    input: { customer_id: acme.id, billable_status: 'unbillable', effective_at: '2026-01-01T00:00:00Z' },
    output: { data: { id: acme.id, current_billable_status: 'unbillable' } },
  },
})

export const setCustomerName = defineOperation({
  tool: 'update-customer-name',
  title: 'Update a customer name',
  description: 'Overwrites the name of a customer, at once on all its billing documents.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/setName',
  hints: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({ customer_id: customerId, name: customerName('The new name') }),
  output: reply(customer),
  example: { input: { customer_id: acme.id, name: 'Acme EU' }, output: { data: { ...acme, name: 'Acme EU' } } },
})

export const updateCustomerConfig = defineOperation({
  tool: 'update-customer-configuration',
  title: 'Update a customer configuration',
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
  example: {
    input: { customer_id: acme.id, salesforce_account_id: '0015500001WO1ZiABL' },
    output: { success: true },
  },
})
