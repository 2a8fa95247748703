import type { JsonObject } from '../operation/define.ts'
import {
  archiveBillingConfigurations,
  fetchBillingConfigurations,
  setBillingConfigurations,
} from '../operations/billing-configurations.ts'
import { archiveConfigurations, buildBilling, findOwner, selectConfigurations } from './configurations.ts'
import { handle } from './handler.ts'
import type { Configuration } from './records.ts'

export const setBilling = handle(setBillingConfigurations, (store, { data }) => {
  const added = data.map((item) => buildBilling(findOwner(store, item.customer_id).id, item))
  store.billing.push(...added)
  return { status: 200, body: { data: added.map(buildAdded) } }
})

export const fetchBilling = handle(fetchBillingConfigurations, (store, { customer_id, include_archived }) => ({
  status: 200,
  body: { data: selectConfigurations(store.billing, customer_id, include_archived).map(buildRecord) },
}))

export const archiveBilling = handle(archiveBillingConfigurations, (store, args) => {
  const { customer_id, customer_billing_provider_configuration_ids } = args
  archiveConfigurations(store.billing, customer_id, customer_billing_provider_configuration_ids)
  return { status: 200, body: { data: { customer_id, customer_billing_provider_configuration_ids } } }
})

function buildAdded({ id, customer_id, configuration, delivery, tax_provider }: Configuration): JsonObject {
  return {
    id,
    billing_provider: delivery.provider,
    customer_id,
    configuration,
    delivery_method_id: delivery.id,
    ...(tax_provider !== undefined && { tax_provider }),
  }
}

function buildRecord({ id, customer_id, configuration, delivery, archived_at }: Configuration): JsonObject {
  return {
    id,
    billing_provider: delivery.provider,
    customer_id,
    configuration,
    delivery_method: delivery.method,
    delivery_method_configuration: delivery.configuration,
    archived_at,
    delivery_method_id: delivery.id,
  }
}
