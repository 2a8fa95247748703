import { acmeNetsuite, acmeStripe } from '../operations/examples.ts'
import type { JsonObject } from '../operations/json.ts'
import type { DeliveryMethod } from './entities.ts'
import { ApiError } from './http-messages.ts'

export const DIRECT = 'direct_to_billing_provider'

function connect(id: string, provider: string, method = DIRECT, configuration: JsonObject = {}): DeliveryMethod {
  return { id, provider, method, configuration }
}

export const BILLING_DELIVERY_METHODS: readonly DeliveryMethod[] = [
  connect(acmeStripe.delivery_method_id, 'stripe', DIRECT, acmeStripe.delivery_method_configuration),
  connect('3a5d3c19-af7a-428a-a038-da2ee858282f', 'aws_marketplace'),
  connect('188645cf-727e-410f-8afb-04bffc58e5d1', 'aws_marketplace', 'tackle'),
  connect('d13fe4d8-b4d6-4431-ab14-86667aa46da6', 'aws_marketplace', 'aws_sqs'),
  connect('caeb908e-2f1d-4e7d-9409-36fd57c222a4', 'aws_marketplace', 'aws_sns'),
  connect('e80ece90-4531-4390-ac3e-6e2eea72537e', 'azure_marketplace'),
  connect('30037d2b-519a-486e-b1b5-99c138d772c2', 'gcp_marketplace'),
  connect('2c04b94a-a49f-4e37-ac5f-a4528ad586e6', 'netsuite'),
  connect('d397ea40-2223-4bfe-8e9c-6add5e8e0441', 'custom'),
  connect('0e0db80e-0b94-48ce-8365-9e663f65ac6c', 'quickbooks_online'),
  connect('17a471d9-936f-45d2-8b5f-106faefe8f58', 'workday'),
  connect('909660f2-dc0c-475c-8e77-22bdb84ae176', 'metronome'),
]

export const REVENUE_DELIVERY_METHODS: readonly DeliveryMethod[] = [
  connect(acmeNetsuite.delivery_method_id, 'netsuite', DIRECT, acmeNetsuite.delivery_method_configuration),
]

// Metronome publishes no schema: these keys are in all of its examples.
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  stripe: ['stripe_customer_id', 'stripe_collection_method'],
  aws_marketplace: ['aws_customer_id', 'aws_product_code', 'aws_region'],
  azure_marketplace: ['azure_subscription_id'],
  gcp_marketplace: ['gcp_entitlement_id', 'gcp_service_name'],
  netsuite: ['netsuite_customer_id'],
}

export function checkConfiguration(provider: string, configuration: JsonObject): void {
  const missing = (REQUIRED_KEYS[provider] ?? []).filter((key) => configuration[key] === undefined)
  if (missing.length > 0) throw new ApiError(400, `configuration of ${provider} requires ${missing.join(', ')}`)
}

/** Finds a delivery method by its id, its method or both. */
export function findDeliveryMethod(
  deliveryMethods: readonly DeliveryMethod[],
  provider: string,
  { method, id }: { method: string | undefined; id: string | undefined },
): DeliveryMethod {
  if (method === undefined && id === undefined)
    throw new ApiError(400, 'one of delivery_method and delivery_method_id is required')
  const found = deliveryMethods.find(
    (each) =>
      each.provider === provider &&
      (id === undefined || each.id === id.toLowerCase()) &&
      (method === undefined || each.method === method),
  )
  if (!found) throw new ApiError(400, `delivery method ${id ?? method} is not set up for ${provider}`)
  return found
}

/** The delivery method of a seed record. */
export function directDeliveryMethod(deliveryMethods: readonly DeliveryMethod[], provider: string): DeliveryMethod {
  return findDeliveryMethod(deliveryMethods, provider, { method: DIRECT, id: undefined })
}
