import * as z from 'zod'
import { ALIAS_IN_USE, getCustomer, listCustomers } from './customers.ts'
import { acme } from './examples.ts'
import { customerId, customerName, dateTime, ingestAliases, selfExplanatory } from './input-fields.ts'
import { defineWrite } from './operation.ts'
import { customer, documented, noContent, response } from './output-schemas.ts'
import { verifyAliases, verifyBillableStatus, verifyName, verifySettings } from './verify-customer.ts'

export const setBillableStatus = defineWrite({
  tool: 'set-customer-billable-status',
  title: 'Set customer billable status',
  subject: 'Customers',
  description:
    'Overwrites whether a customer is billed, from a date on. A future date cannot be read back: the response and get-customer show the present status. Only on accounts that Metronome has enabled for it; invoices of Metronome 1.0 plans are not supported.',
  method: 'POST',
  path: '/v1/customers/setBillableStatus',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    billable_status: z.enum(['billable', 'unbillable']),
    effective_at: dateTime(
      'RFC 3339 date-time: covers usage invoices whose service period starts, and others issued, on or after it.',
    ),
  }),
  output: response(z.looseObject({ id: z.string() })),
  documented: response(
    z.looseObject({ id: z.string(), current_billable_status: z.string().describe('billable or unbillable.') }),
  ),
  verification: verifyBillableStatus(getCustomer),
  example: {
    input: { customer_id: acme.id, billable_status: 'unbillable', effective_at: '2026-01-01T00:00:00Z' },
    output: { data: { id: acme.id, current_billable_status: 'unbillable' } },
  },
})

export const setCustomerName = defineWrite({
  tool: 'update-customer-name',
  title: 'Update a customer name',
  subject: 'Customers',
  description: 'Overwrites the name of a customer, at once on all its billing documents.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/setName',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({ customer_id: customerId, name: customerName('The new name') }),
  output: response(customer),
  documented: response(documented.customer),
  verification: verifyName(getCustomer),
  example: { input: { customer_id: acme.id, name: 'Acme EU' }, output: { data: { ...acme, name: 'Acme EU' } } },
})

export const updateCustomerConfig = defineWrite({
  tool: 'update-customer-configuration',
  title: 'Update a customer configuration',
  subject: 'Customers',
  description:
    'Overwrites the given settings of a customer: an absent field keeps its value, null clears it. leave_stripe_invoices_in_draft cannot be read back; whether it or the same key of a billing configuration wins is not documented.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/updateConfig',
  hints: { destructive: false, idempotent: false },
  input: z
    .strictObject({
      customer_id: customerId,
      salesforce_account_id: z
        .string()
        .nullable()
        .optional()
        .meta(selfExplanatory('Salesforce account id; null clears it.')),
      leave_stripe_invoices_in_draft: z
        .boolean()
        .nullable()
        .optional()
        .describe('true keeps Stripe invoices in draft; null falls back to the account-wide setting.'),
    })
    .refine((settings) => Object.keys(settings).length > 1, {
      error: 'have nothing to change: give salesforce_account_id or leave_stripe_invoices_in_draft',
    }),
  output: noContent,
  documented: documented.success,
  verification: verifySettings(getCustomer),
  example: {
    input: { customer_id: acme.id, salesforce_account_id: '0015500001WO1ZiABL' },
    output: { success: true },
  },
})

export const setIngestAliases = defineWrite({
  tool: 'create-update-customer-ingest-aliases',
  title: 'Create or update customer ingest aliases',
  subject: 'Customers',
  description:
    'Replaces all ingest aliases of a customer; nothing is merged, so start from those that get-customer shows. All usage sent under an alias, past usage too, follows it. An alias of another customer, archived or not, gives 409: remove it there first.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/setIngestAliases',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    ingest_aliases: ingestAliases.describe('The whole new set; [] removes all.'),
  }),
  output: noContent,
  documented: documented.success,
  verification: verifyAliases(getCustomer, listCustomers),
  advice: { 409: ALIAS_IN_USE },
  example: {
    input: { customer_id: acme.id, ingest_aliases: ['team@acme.example', 'acme-prod', 'acme-eu'] },
    output: { success: true },
  },
})
