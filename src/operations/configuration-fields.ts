import * as z from 'zod'
import { openObject, uuid } from './input-fields.ts'

/** Providers that create-customer accepts. */
const CONTRACT_PROVIDERS = ['aws_marketplace', 'azure_marketplace', 'gcp_marketplace', 'stripe', 'netsuite'] as const
/** Providers that set-billing-provider-configurations-customer accepts. */
export const BILLING_PROVIDERS = [...CONTRACT_PROVIDERS, 'custom', 'quickbooks_online', 'workday', 'metronome'] as const
const DELIVERY_METHODS = ['direct_to_billing_provider', 'aws_sqs', 'tackle', 'aws_sns'] as const
const COLLECTION_METHODS = [
  'charge_automatically',
  'send_invoice',
  'auto_charge_payment_intent',
  'manually_charge_payment_intent',
]

const TEXT = { type: 'string' }
const BOOLEAN = { type: 'boolean' }

/** Keys of all providers. Metronome publishes no schema: this is what its examples and guides show. */
const BILLING_KEYS = {
  stripe_customer_id: TEXT,
  stripe_collection_method: { ...TEXT, enum: COLLECTION_METHODS },
  leave_stripe_invoices_in_draft: BOOLEAN,
  aws_customer_id: TEXT,
  aws_product_code: TEXT,
  aws_region: TEXT,
  aws_is_subscription_product: {
    ...BOOLEAN,
    description: 'true for usage-based products; if not told, omit it and say so.',
  },
  azure_subscription_id: TEXT,
  gcp_entitlement_id: TEXT,
  gcp_service_name: TEXT,
  netsuite_customer_id: TEXT,
}

/** What creating a customer and adding to one have in common. */
export const billingFields = {
  configuration: openObject(BILLING_KEYS).optional().describe('Keys of the provider.'),
  delivery_method: z
    .enum(DELIVERY_METHODS)
    .optional()
    .describe('With one connected account; otherwise delivery_method_id.'),
  delivery_method_id: uuid.optional().describe('Fetched configurations show those in use.'),
  tax_provider: z.enum(['anrok', 'avalara', 'stripe']).optional().describe('Only with a payment_intent method.'),
}

/** Invoices that are not sent to Stripe; in Metronome's documentation and newer SDKs, not in its older OpenAPI. */
export const unbillableInvoices = z
  .strictObject({
    invoice_type: z.enum(['usage', 'scheduled']),
    fiat_credit_type_id: uuid.optional().describe('Needed with max_amount.'),
    max_amount: z.number().optional().describe('Totals up to it; all when omitted.'),
  })
  .refine(({ max_amount, fiat_credit_type_id }) => max_amount === undefined || fiat_credit_type_id !== undefined, {
    path: ['fiat_credit_type_id'],
    error: 'is required with max_amount',
  })

export const revenueProvider = z.enum(['netsuite'])

export const revenueKeys = openObject({ netsuite_customer_id: TEXT })

export const providerConfiguration = z.strictObject({
  billing_provider: z.enum(CONTRACT_PROVIDERS),
  ...billingFields,
})

export const revenueConfiguration = z.strictObject({
  provider: revenueProvider,
  configuration: revenueKeys.optional(),
  delivery_method: z.enum(['direct_to_billing_provider']).optional(),
  delivery_method_id: uuid.optional(),
})
