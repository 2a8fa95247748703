import { randomUUID } from 'node:crypto'
import {
  archiveBillingConfigurations,
  fetchBillingConfigurations,
  setBillingConfigurations,
} from '../operations/billing-configurations.ts'
import type { JsonObject } from '../operations/json.ts'
import {
  archiveRevenueConfigurations,
  fetchRevenueConfigurations,
  setRevenueConfigurations,
} from '../operations/revenue-configurations.ts'
import type { Configuration, Customer } from './entities.ts'
import { ApiError } from './http-messages.ts'
import {
  BILLING_DELIVERY_METHODS,
  checkConfiguration,
  findDeliveryMethod,
  REVENUE_DELIVERY_METHODS,
} from './providers.ts'
import { findActiveCustomer, handle, now, type Store } from './store.ts'

export const configurationHandlers = [
  handle(setBillingConfigurations, (store, { data }) => {
    const added = data.map((item) => buildBilling(findOwner(store, item.customer_id).id, item))
    store.billing.push(...added)
    return { data: added.map(buildAddedBillingBody) }
  }),

  handle(fetchBillingConfigurations, (store, { customer_id, include_archived }) => ({
    data: selectConfigurations(store.billing, customer_id, include_archived).map(buildBillingBody),
  })),

  handle(archiveBillingConfigurations, (store, args) => {
    const { customer_id, customer_billing_provider_configuration_ids } = args
    archiveConfigurations(store.billing, customer_id, customer_billing_provider_configuration_ids)
    return { data: { customer_id, customer_billing_provider_configuration_ids } }
  }),

  handle(setRevenueConfigurations, (store, { data }) => {
    const added = data.map((item) => buildRevenue(findOwner(store, item.customer_id).id, item))
    store.revenue.push(...added)
    return { data: added.map(buildRevenueBody) }
  }),

  handle(fetchRevenueConfigurations, (store, { customer_id, include_archived, provider }) => ({
    data: selectConfigurations(store.revenue, customer_id, include_archived)
      .filter(({ delivery }) => provider === undefined || delivery.provider === provider)
      .map(buildRevenueBody),
  })),

  handle(archiveRevenueConfigurations, (store, args) => {
    const { customer_id, customer_revenue_system_configuration_ids } = args
    archiveConfigurations(store.revenue, customer_id, customer_revenue_system_configuration_ids)
    return { data: { customer_id, customer_revenue_system_configuration_ids } }
  }),
]

interface DeliveryFields {
  readonly configuration?: JsonObject | undefined
  readonly delivery_method?: string | undefined
  readonly delivery_method_id?: string | undefined
}

interface BillingInput extends DeliveryFields {
  readonly billing_provider: string
  readonly tax_provider?: string | undefined
  readonly unbillable_invoices_configuration?: readonly JsonObject[] | undefined
}

interface RevenueInput extends DeliveryFields {
  readonly provider: string
}

export function buildBilling(customerId: string, input: BillingInput): Configuration {
  const { billing_provider, configuration = {}, delivery_method, delivery_method_id, tax_provider } = input
  const { unbillable_invoices_configuration } = input
  checkConfiguration(billing_provider, configuration)
  const delivery = findDeliveryMethod(BILLING_DELIVERY_METHODS, billing_provider, {
    method: delivery_method,
    id: delivery_method_id,
  })
  return {
    id: randomUUID(),
    customer_id: customerId,
    configuration,
    delivery,
    tax_provider,
    unbillable_invoices_configuration,
    archived_at: null,
  }
}

export function buildRevenue(customerId: string, input: RevenueInput): Configuration {
  const { provider, configuration = {}, delivery_method_id } = input
  checkConfiguration(provider, configuration)
  const delivery = findDeliveryMethod(REVENUE_DELIVERY_METHODS, provider, {
    // The only delivery method of revenue systems, so it may be omitted.
    method: 'direct_to_billing_provider',
    id: delivery_method_id,
  })
  const withStrings = Object.fromEntries(
    // Metronome accepts numbers here and returns strings.
    Object.entries(configuration).map(([key, value]) => [key, typeof value === 'number' ? String(value) : value]),
  )
  return { id: randomUUID(), customer_id: customerId, configuration: withStrings, delivery, archived_at: null }
}

/** The customer that a configuration is added to. */
function findOwner(store: Store, id: string): Customer {
  // Metronome returns this for a customer that does not exist.
  if (!store.customers.has(id.toLowerCase())) throw new ApiError(500, 'Unexpected internal error')
  return findActiveCustomer(store, id)
}

function selectConfigurations(
  configurations: readonly Configuration[],
  customerId: string,
  includeArchived = false,
): Configuration[] {
  const owner = customerId.toLowerCase()
  return configurations.filter(
    ({ customer_id, archived_at }) => customer_id === owner && (includeArchived || archived_at === null),
  )
}

/** Archives all of `ids`, or none when one of them is not an active configuration of the customer. */
function archiveConfigurations(
  configurations: readonly Configuration[],
  customerId: string,
  ids: readonly string[],
): void {
  const active = selectConfigurations(configurations, customerId)
  const selected = ids.map((id) => {
    const configuration = active.find((each) => each.id === id.toLowerCase())
    if (!configuration) throw new ApiError(400, `Configuration ${id} is not active for customer ${customerId}`)
    return configuration
  })
  const archived_at = now()
  for (const configuration of selected) configuration.archived_at = archived_at
}

function buildAddedBillingBody({ id, customer_id, configuration, delivery, tax_provider }: Configuration): JsonObject {
  return {
    id,
    billing_provider: delivery.provider,
    customer_id,
    configuration,
    delivery_method_id: delivery.id,
    ...(tax_provider !== undefined && { tax_provider }),
  }
}

export function buildBillingBody(configuration: Configuration): JsonObject {
  const { unbillable_invoices_configuration } = configuration
  return {
    id: configuration.id,
    billing_provider: configuration.delivery.provider,
    ...buildConfigurationBody(configuration),
    ...(unbillable_invoices_configuration && { unbillable_invoices_configuration }),
  }
}

export function buildRevenueBody(configuration: Configuration): JsonObject {
  return { id: configuration.id, provider: configuration.delivery.provider, ...buildConfigurationBody(configuration) }
}

function buildConfigurationBody({ customer_id, configuration, delivery, archived_at }: Configuration): JsonObject {
  return {
    customer_id,
    configuration,
    delivery_method_id: delivery.id,
    delivery_method: delivery.method,
    delivery_method_configuration: delivery.configuration,
    archived_at,
  }
}
