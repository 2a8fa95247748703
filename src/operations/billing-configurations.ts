import * as z from 'zod'
import { BILLING_PROVIDERS, billingFields, unbillableInvoices } from './configuration-fields.ts'
import { acme, acmeStripe, DELIVERY_METHOD_ID } from './examples.ts'
import { customerId, uuid } from './input-fields.ts'
import { defineRead, defineWrite } from './operation.ts'
import { configuration, documented, response } from './output-schemas.ts'
import { verifyAddition, verifyArchiveConfigurations } from './verify-configurations.ts'

export const fetchBillingConfigurations = defineRead({
  tool: 'fetch-billing-provider-configurations-customer',
  title: 'Fetch billing provider configurations for a customer',
  subject: 'Billing providers',
  description:
    'Get the active billing provider configurations of a customer. An empty list does not prove that the customer exists.',
  method: 'POST',
  path: '/v1/getCustomerBillingProviderConfigurations',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    include_archived: z.boolean().optional().describe('Also archived configurations.'),
  }),
  output: response(z.array(configuration)),
  documented: response(z.array(documented.billing)),
  example: { input: { customer_id: acme.id }, output: { data: [acmeStripe] } },
})

export const setBillingConfigurations = defineWrite({
  tool: 'set-billing-provider-configurations-customer',
  title: 'Set billing provider configurations for a customer',
  subject: 'Billing providers',
  description:
    'Adds billing provider configurations, for many customers at once; existing ones stay, so a second call adds duplicates: fetch them first. Nothing is billed until a contract selects the new id. Results lack delivery_method. A lost response is verified for up to 5 customers.',
  method: 'POST',
  path: '/v1/setCustomerBillingProviderConfigurations',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    data: z
      .array(
        z.strictObject({
          customer_id: uuid,
          billing_provider: z.enum(BILLING_PROVIDERS),
          ...billingFields,
          unbillable_invoices_configuration: z
            .array(unbillableInvoices)
            .optional()
            .describe('Stripe only: invoices that are not sent to Stripe.'),
        }),
      )
      .min(1)
      .describe('Configurations to add.'),
  }),
  output: response(z.array(z.looseObject({ id: z.string().nullish() }))),
  documented: response(z.array(documented.addedBilling)),
  addsRecords: true,
  verification: verifyAddition(fetchBillingConfigurations),
  advice: {
    500: 'Metronome also returns 500 for a customer that does not exist: check customer_id with get-customer.',
  },
  example: {
    input: {
      data: [
        {
          customer_id: acme.id,
          billing_provider: 'stripe',
          configuration: { stripe_customer_id: 'cus_1234', stripe_collection_method: 'send_invoice' },
          delivery_method: 'direct_to_billing_provider',
        },
      ],
    },
    output: {
      data: [
        {
          id: '2d45952c-5a6e-43a9-8aab-f61ee21be81a',
          billing_provider: 'stripe',
          customer_id: acme.id,
          configuration: { stripe_customer_id: 'cus_1234', stripe_collection_method: 'send_invoice' },
          delivery_method_id: DELIVERY_METHOD_ID,
        },
      ],
    },
  },
})

export const archiveBillingConfigurations = defineWrite({
  tool: 'archive-billing-provider-configurations-customer',
  title: 'Archive billing provider configurations for a customer',
  subject: 'Billing providers',
  description:
    'Irreversible: archives billing provider configurations at once, all or none. Contracts that still use them stop billing there and can get no other: switch each contract first (outside these tools). Invoices in their grace period are not sent; threshold recharge stops.',
  method: 'POST',
  path: '/v1/archiveCustomerBillingProviderConfigurations',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    customer_billing_provider_configuration_ids: z.array(uuid).min(1).describe('Ids from the fetch tool.'),
  }),
  output: response(z.looseObject({})),
  documented: response(
    z.looseObject({ customer_id: z.string(), customer_billing_provider_configuration_ids: z.array(z.string()) }),
  ),
  irreversible: {
    customerArgument: 'customer_id',
    configurations: [
      {
        label: 'Billing provider configurations to archive',
        fetch: fetchBillingConfigurations,
        idsArgument: 'customer_billing_provider_configuration_ids',
      },
    ],
    object: 'these configurations',
    consequences:
      'Contracts using them stop billing there at once, and invoices in their grace period are not sent. These tools cannot list the contracts.',
  },
  verification: verifyArchiveConfigurations(fetchBillingConfigurations, 'customer_billing_provider_configuration_ids'),
  advice: {
    400: 'They may be archived already: check with fetch-billing-provider-configurations-customer and include_archived true.',
  },
  example: {
    input: { customer_id: acme.id, customer_billing_provider_configuration_ids: [acmeStripe.id] },
    output: { data: { customer_id: acme.id, customer_billing_provider_configuration_ids: [acmeStripe.id] } },
  },
})
