import * as z from 'zod'
import { requestedAliases } from './alias-conflicts.ts'
import { ALIAS_IN_USE, getCustomer, listCustomers } from './customers.ts'
import { acme } from './examples.ts'
import {
  customerId,
  customerName,
  dateTime,
  ingestAliases,
  isMisleading,
  MISLEADING,
  salesforceId,
} from './input-fields.ts'
import { asObject, type JsonObject, noContent } from './json.ts'
import { defineWrite } from './operation.ts'
import { customer, documented, response } from './output-schemas.ts'
import { verifyAliases, verifyBillableStatus, verifyName, verifySettings } from './verify-customer.ts'

export const setBillableStatus = defineWrite({
  tool: 'set-customer-billable-status',
  title: 'Set customer billable status',
  subject: 'Customers',
  description:
    'Sets whether a customer is billed from a date on. Records show only the present status: a future date cannot be read back. Archived customers keep theirs. Only on accounts with the feature; not for Metronome 1.0 plans.',
  method: 'POST',
  path: '/v1/customers/setBillableStatus',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    billable_status: z.enum(['billable', 'unbillable']).describe('The new status.'),
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
  description: 'Renames a customer; all its billing documents show the new name at once.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/setName',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({ customer_id: customerId, name: customerName('The new name') }),
  output: response(customer),
  documented: response(documented.customer),
  verification: verifyName(getCustomer),
  example: { input: { customer_id: acme.id, name: 'Acme EU' }, output: { data: { ...acme, name: 'Acme EU' } } },
})

const CLEARABLE = ['salesforce_account_id', 'leave_stripe_invoices_in_draft'] as const

export const updateCustomerConfig = defineWrite({
  tool: 'update-customer-configuration',
  title: 'Update a customer configuration',
  subject: 'Customers',
  description: 'Changes the given settings of a customer; others keep their values.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/updateConfig',
  hints: { destructive: false, idempotent: false },
  input: z
    .strictObject({
      customer_id: customerId,
      salesforce_account_id: salesforceId.nullable().optional().describe('Salesforce account id.'),
      leave_stripe_invoices_in_draft: z
        .boolean()
        .nullable()
        .optional()
        .describe(
          'No longer in the API contract: may be ignored, cannot be read back; prefer this key in a Stripe configuration.',
        ),
      clear: z.array(z.enum(CLEARABLE)).optional().describe('Settings to reset to none or the account default.'),
    })
    .superRefine(({ clear = [], ...settings }, { addIssue }) => {
      if (clear.length === 0 && CLEARABLE.every((name) => settings[name] === undefined))
        addIssue('have nothing to change: give salesforce_account_id, leave_stripe_invoices_in_draft or clear')
      for (const [index, name] of clear.entries())
        if (settings[name] !== undefined && settings[name] !== null)
          addIssue({ code: 'custom', path: ['clear', index], message: `names ${name}, which is also set` })
    }),
  argumentRules: {
    // Metronome's own way to reset a setting is null, which some clients cannot send.
    translate: ({ clear, ...args }) => ({
      ...args,
      ...Object.fromEntries((Array.isArray(clear) ? clear : []).map((name) => [name, null])),
    }),
  },
  output: noContent,
  documented: documented.success,
  verification: verifySettings(getCustomer),
  example: {
    input: { customer_id: acme.id, salesforce_account_id: '0015500001WO1ZiABL' },
    output: { success: true },
  },
})

function findMisleading(args: JsonObject): { readonly alias: string; readonly index: number }[] {
  return requestedAliases(args)
    .map((alias, index) => ({ alias, index }))
    .filter(({ alias }) => isMisleading(alias))
}

export const setIngestAliases = defineWrite({
  tool: 'create-update-customer-ingest-aliases',
  title: 'Create or update customer ingest aliases',
  subject: 'Customers',
  description:
    'Replaces all ingest aliases of a customer: start from those in its record. Their order is not kept. All usage sent under an alias, past usage too, follows it. An alias of another customer, archived or not, gives 409: remove it there first.',
  method: 'POST',
  path: '/v1/customers/{customer_id}/setIngestAliases',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    ingest_aliases: ingestAliases.describe('The whole new set; [] removes all.'),
  }),
  output: noContent,
  documented: documented.success,
  // Replacing the set must not force anyone to give up an alias that the customer holds.
  precondition: {
    reason:
      'an alias with white space around it or invisible characters inside is kept only if the customer holds it already',
    read: ({ customer_id, ...args }) =>
      findMisleading(args).length > 0 ? { op: getCustomer, args: { customer_id } } : undefined,
    findIssues(args, body) {
      const held = requestedAliases(asObject(body.data))
      return findMisleading(args)
        .filter(({ alias }) => !held.includes(alias))
        .map(({ index }) => ({ path: `ingest_aliases[${index}]`, message: MISLEADING }))
    },
  },
  verification: verifyAliases(getCustomer, listCustomers),
  advice: { 409: ALIAS_IN_USE },
  example: {
    input: { customer_id: acme.id, ingest_aliases: ['team@acme.example', 'acme-prod', 'acme-eu'] },
    output: { success: true },
  },
})
