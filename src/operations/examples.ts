/** Records of the operations' examples; the sandbox starts with the same ones. */
export const acme = {
  id: 'd7abd0cd-4ae9-4db7-8676-e986a4ebd8dc',
  external_id: 'team@acme.example',
  ingest_aliases: ['team@acme.example', 'acme-prod'],
  name: 'Acme Robotics',
  custom_fields: { segment: 'enterprise' },
} as const

export const acmeDetail = {
  ...acme,
  customer_config: { salesforce_account_id: '0015500001WO1ZiABL' },
  created_at: '2024-01-08T09:30:00.000Z',
  updated_at: '2024-03-02T14:05:00.000Z',
  archived_at: null,
} as const

export const DELIVERY_METHOD_ID = '4422e46f-b374-4159-97e3-300208cdb2e2'
const REVENUE_DELIVERY_METHOD_ID = 'ebacc0cc-56ac-4cfa-971b-4fc3f58ee960'

export const acmeStripe = {
  id: 'e045c62b-65e7-4e84-a924-3f06f8b621d0',
  billing_provider: 'stripe',
  customer_id: acme.id,
  configuration: { stripe_customer_id: 'cus_SB7Rq5UAkSmrR3', stripe_collection_method: 'charge_automatically' },
  delivery_method: 'direct_to_billing_provider',
  delivery_method_configuration: { stripe_account_id: 'acct_1P6FywIkTQSg6Mm3', leave_invoices_in_draft: false },
  archived_at: null,
  delivery_method_id: DELIVERY_METHOD_ID,
} as const

export const acmeNetsuite = {
  id: '5ab3a1c1-4d1f-4d9e-9e55-0c8f3c1d7b42',
  provider: 'netsuite',
  customer_id: acme.id,
  configuration: { netsuite_customer_id: '12345' },
  delivery_method_id: REVENUE_DELIVERY_METHOD_ID,
  delivery_method: 'direct_to_billing_provider',
  delivery_method_configuration: { netsuite_account_id: 'acct_123' },
  archived_at: null,
} as const
