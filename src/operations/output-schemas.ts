import * as z from 'zod'

// Records as Metronome documents them, for the OpenAPI document; open at every level, since fields may be added. What a
// response must have to be used stands below.

const uuid = (description: string) => z.string().meta({ format: 'uuid', description })
const dateTime = (description: string) => z.string().meta({ format: 'date-time', description })
const text = (description: string) => z.string().describe(description)
const openObject = (description: string) => z.looseObject({}).describe(description)

const documentedCustomer = z
  .looseObject({
    id: uuid('Metronome customer id.'),
    external_id: text('Deprecated: the first ingest alias, otherwise the id.'),
    ingest_aliases: z.array(z.string()).describe('Ids for usage events instead of the customer id.'),
    name: text('Display name.'),
    custom_fields: z.record(z.string(), z.string()).describe('Values by key.').optional(),
  })
  .meta({ id: 'Customer' })

const billableStatus = z
  .looseObject({
    value: text('billable or unbillable.'),
    effective_at: dateTime('Since when.').nullable().optional(),
  })
  .describe('Only on accounts that Metronome has enabled for it.')

const documentedCustomerDetail = documentedCustomer
  .extend({
    custom_fields: z.record(z.string(), z.string()).describe('Values by key.'),
    customer_config: z
      .looseObject({ salesforce_account_id: text('Salesforce account.').nullable() })
      .describe('Settings of the customer.'),
    created_at: dateTime('When the customer was created.'),
    updated_at: dateTime('When it was last updated.').optional(),
    archived_at: dateTime('When it was archived; null while it is active.').nullable().optional(),
    current_billable_status: billableStatus.optional(),
  })
  .meta({ id: 'CustomerDetail' })

const configurationFields = {
  customer_id: uuid('The customer.'),
  configuration: openObject('Keys of the provider.'),
  delivery_method_id: uuid('How it is delivered.'),
}

const archivable = {
  delivery_method: text('How it is delivered, such as direct_to_billing_provider.'),
  delivery_method_configuration: openObject('Keys of the delivery method.'),
  archived_at: dateTime('When it was archived; null while it is active.').nullable().optional(),
}

const billingFields = {
  id: uuid('Id of the configuration, for contracts.'),
  billing_provider: text('stripe, aws_marketplace, azure_marketplace, gcp_marketplace, netsuite or another.'),
  ...configurationFields,
}

const documentedBilling = z
  .looseObject({
    ...billingFields,
    ...archivable,
    unbillable_invoices_configuration: z
      .array(
        z.looseObject({
          invoice_type: text('usage or scheduled.'),
          fiat_credit_type_id: uuid('Currency of max_amount.').optional(),
          max_amount: z.number().describe('Totals up to it; all where absent.').optional(),
        }),
      )
      .describe('Invoices that are not sent to Stripe.')
      .optional(),
  })
  .meta({ id: 'BillingProviderConfiguration' })

/** What adding configurations returns: every field may be absent. */
const documentedAddedBilling = z
  .looseObject({ ...billingFields, tax_provider: text('anrok, avalara or stripe.') })
  .partial()
  .meta({ id: 'AddedBillingProviderConfiguration' })

const documentedRevenue = z
  .looseObject({
    id: uuid('Id of the configuration, for contracts.'),
    provider: text('netsuite or another.'),
    ...configurationFields,
    ...archivable,
  })
  .partial({ delivery_method: true, delivery_method_configuration: true })
  .meta({ id: 'RevenueSystemConfiguration' })

export const documented = {
  customer: documentedCustomer,
  customerDetail: documentedCustomerDetail,
  billing: documentedBilling,
  addedBilling: documentedAddedBilling,
  revenue: documentedRevenue,
  /** Metronome returns no body; this server returns this one. */
  success: z.looseObject({ success: z.boolean() }),
}

/** The response's envelope; `data` is all that every response with a body promises. */
export function response<Data extends z.ZodType>(data: Data) {
  return z.looseObject({ data })
}

// Only the id is needed: one null in one record must not cost the whole response.
const usable = {
  id: z.string(),
  name: z.string().nullish(),
  ingest_aliases: z.array(z.string().nullable()).nullish(),
  archived_at: z.string().nullish(),
}

export const customer = z.looseObject({ id: usable.id, name: usable.name, ingest_aliases: usable.ingest_aliases })

export const customerDetail = z.looseObject(usable)

/** A billing or revenue configuration, as the fetch and set operations return it. */
export const configuration = z.looseObject({ id: usable.id, archived_at: usable.archived_at })
