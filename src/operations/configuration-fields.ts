import * as z from 'zod'
import { openObject, selfExplanatory, uuid } from './input-fields.ts'

/** Providers that create-customer accepts. */
const CONTRACT_PROVIDERS = ['aws_marketplace', 'azure_marketplace', 'gcp_marketplace', 'stripe', 'netsuite'] as const
/** Providers that set-billing-provider-configurations-customer accepts. */
export const BILLING_PROVIDERS = [...CONTRACT_PROVIDERS, 'custom', 'quickbooks_online', 'workday', 'metronome'] as const
const DELIVERY_METHODS = ['direct_to_billing_provider', 'aws_sqs', 'tackle', 'aws_sns'] as const

/** Keys of `configuration` by provider. Metronome publishes no schema: this is what its examples and guides show. */
const KEYS = openObject(
  'By provider: stripe_customer_id, stripe_collection_method (charge_automatically, send_invoice, auto_charge_payment_intent, manually_charge_payment_intent), leave_stripe_invoices_in_draft; aws_customer_id, aws_product_code, aws_region, aws_is_subscription_product (true for usage-based pricing; default not documented); azure_subscription_id; gcp_entitlement_id, gcp_service_name; netsuite_customer_id.',
)

/** What creating a customer and adding to one have in common. */
export const billingFields = {
  configuration: KEYS.optional(),
  delivery_method: z.enum(DELIVERY_METHODS).optional().describe('Give this or delivery_method_id.'),
  delivery_method_id: uuid.optional().describe('For one of several connected accounts.'),
  tax_provider: z.enum(['anrok', 'avalara', 'stripe']).optional().describe('Only with a payment_intent method.'),
}

/** Invoices that Stripe does not bill; in Metronome's Python and Ruby SDKs, not yet in its OpenAPI. */
export const unbillableInvoices = z
  .strictObject({
    invoice_type: z.enum(['usage', 'scheduled']),
    fiat_credit_type_id: uuid.optional().describe('Needed with max_amount.'),
    max_amount: z.number().optional().meta(selfExplanatory('Largest amount that is not billed.')),
  })
  .refine(({ max_amount, fiat_credit_type_id }) => max_amount === undefined || fiat_credit_type_id !== undefined, {
    path: ['fiat_credit_type_id'],
    error: 'is required with max_amount',
  })

export const revenueProvider = z.enum(['netsuite'])

export const providerConfiguration = z.strictObject({
  billing_provider: z.enum(CONTRACT_PROVIDERS),
  ...billingFields,
})

export const revenueConfiguration = z.strictObject({
  provider: revenueProvider,
  configuration: openObject('netsuite_customer_id.').optional(),
  delivery_method: z.enum(['direct_to_billing_provider']).optional(),
  delivery_method_id: uuid.optional().meta(selfExplanatory('Id of the delivery method.')),
})
