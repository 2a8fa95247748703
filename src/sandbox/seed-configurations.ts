import { acme, acmeNetsuite, acmeStripe } from '../operations/samples.ts'
import { billingDeliveries, directDelivery, revenueDeliveries } from './providers.ts'
import type { Configuration } from './records.ts'
import {
  CEDAR,
  HARBORLINE,
  LUMEN,
  MERIDIAN,
  OLD_MILL,
  OLD_MILL_END,
  PINECREST,
  QUARTZ,
  SAFFRON,
  TIDEPOOL_EU,
  TIDEPOOL_US,
} from './seed-customers.ts'

type Settings = Readonly<Record<string, unknown>>

function bill(
  id: string,
  customer_id: string,
  provider: string,
  configuration: Settings,
  archived?: string,
): Configuration {
  const delivery = directDelivery(billingDeliveries, provider)
  return { id, customer_id, configuration, delivery, archived_at: archived ?? null }
}

function stripe(customer: string, method = 'charge_automatically'): Settings {
  return { stripe_customer_id: customer, stripe_collection_method: method }
}

function aws(customer: string): Settings {
  return { aws_customer_id: customer, aws_product_code: 'a1b2c3d4e5f6g7h8i9j0k1l2m', aws_region: 'us-east-1' }
}

export const seedBilling: Configuration[] = [
  bill(acmeStripe.id, acme.id, 'stripe', acmeStripe.configuration),
  bill('5d60021a-ab63-4274-836b-294e1fa74075', HARBORLINE, 'aws_marketplace', aws('hL9sVb2QxRt')),
  bill('8facdf0f-309f-4c09-9cdd-145a336daef2', LUMEN, 'stripe', stripe('cus_LvM4d8Kq2nT0aZ', 'send_invoice')),
  bill('a465a1a9-45b7-49b7-b8f3-8880aa35d074', LUMEN, 'netsuite', { netsuite_customer_id: '48213' }),
  bill('5afdab60-16ea-46df-8ba1-c2699732b4f7', CEDAR, 'stripe', stripe('cus_CfR7j3Wm5bX1eY')),
  bill('dd1a0a7b-5554-4142-a610-fcd69fdb27be', QUARTZ, 'aws_marketplace', aws('qR3tYw8ZpLm')),
  // Moved from Stripe to the AWS Marketplace.
  bill(
    'd2b80735-4b1a-4a05-87ce-fc650275e0f4',
    QUARTZ,
    'stripe',
    stripe('cus_QrS2h6Vp9cD4fU'),
    '2025-03-11T09:50:00.000Z',
  ),
  bill('7bb696cc-bc22-4022-bf82-b32d400c10ae', TIDEPOOL_EU, 'stripe', stripe('cus_TgE5k1Xr8gF3iO')),
  bill('7fb490e8-a6b4-4e51-9dae-c3b61a5c090d', TIDEPOOL_US, 'stripe', stripe('cus_TgU8n4Za1jH6lR')),
  bill('72e8ca17-7015-4d96-b536-ee39ae3003e1', MERIDIAN, 'netsuite', { netsuite_customer_id: '50977' }),
  bill('3092bc0a-4272-417b-bf16-c1e7a3cbe0ea', SAFFRON, 'gcp_marketplace', {
    gcp_entitlement_id: '6f0c8a52-saffron',
    gcp_service_name: 'metering.endpoints.saffron-street.cloud.goog',
  }),
  bill('4edd3a5b-f9e9-48d5-9294-e0e1748e27d7', PINECREST, 'azure_marketplace', {
    azure_subscription_id: '1e9f7b60-2c4d-4c6e-9a31-5b7d8e0f2a14',
  }),
  bill('c7ede68d-b5b4-4d29-876f-0e26dda3295b', OLD_MILL, 'stripe', stripe('cus_OmP1q7Bc4kJ9oS'), OLD_MILL_END),
]

function recognise(id: string, customer_id: string, configuration: Settings): Configuration {
  return { id, customer_id, configuration, delivery: directDelivery(revenueDeliveries, 'netsuite'), archived_at: null }
}

export const seedRevenue: Configuration[] = [
  recognise(acmeNetsuite.id, acme.id, acmeNetsuite.configuration),
  recognise('55210e28-d7a0-403e-b24f-b3575de25c79', LUMEN, { netsuite_customer_id: '48213' }),
  recognise('18c205ae-d841-4073-91ef-a91ba5c54cea', MERIDIAN, { netsuite_customer_id: '50977' }),
]
