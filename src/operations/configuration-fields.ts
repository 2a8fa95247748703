import * as z from 'zod'
import { openObject, uuid } from './input-fields.ts'

/** Providers that create-customer accepts. */
const CONTRACT_PROVIDERS = ['aws_marketplace', 'azure_marketplace', 'gcp_marketplace', 'stripe', 'netsuite'] as const
/** Providers that set-billing-provider-configurations-customer accepts. */
export const BILLING_PROVIDERS = [...CONTRACT_PROVIDERS, 'custom', 'quickbooks_online', 'workday', 'metronome'] as const
const DELIVERY_METHODS = ['direct_to_billing_provider', 'aws_sqs', 'tackle', 'aws_sns'] as const

const deliveryFields = {
  delivery_method: z.enum(DELIVERY_METHODS).optional(),
  delivery_method_id: uuid.optional().describe('UUID.'),
  tax_provider: z.enum(['anrok', 'avalara', 'stripe']).optional(),
}

/** The same with descriptions; create-customer refers to these. */
export const explainedDeliveryFields = {
  delivery_method: deliveryFields.delivery_method.describe('Needed unless delivery_method_id is given.'),
  delivery_method_id: deliveryFields.delivery_method_id.describe(
    'UUID; needed when several accounts of the provider are connected.',
  ),
  tax_provider: deliveryFields.tax_provider.describe('Only for Stripe with a payment-intent collection method.'),
}

/** Invoices that Stripe does not bill; in Metronome's Python and Ruby SDKs, not yet in its OpenAPI. */
export const unbillableInvoices = z
  .strictObject({
    invoice_type: z.enum(['usage', 'scheduled']),
    fiat_credit_type_id: uuid.optional().describe('UUID; needed with max_amount.'),
    max_amount: z.number().optional().describe('Amount.'),
  })
  .refine(({ max_amount, fiat_credit_type_id }) => max_amount === undefined || fiat_credit_type_id !== undefined, {
    path: ['fiat_credit_type_id'],
    error: 'is required with max_amount',
  })

export const revenueProvider = z.enum(['netsuite'])

export const providerConfiguration = z.strictObject({
  billing_provider: z.enum(CONTRACT_PROVIDERS),
  configuration: openObject('Keys of the provider.').optional(),
  ...deliveryFields,
})

export const revenueConfiguration = z.strictObject({
  provider: revenueProvider,
  configuration: openObject('netsuite_customer_id.').optional(),
  delivery_method: z.enum(['direct_to_billing_provider']).optional(),
  delivery_method_id: uuid.optional().describe('UUID.'),
})
