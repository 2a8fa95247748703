import { randomUUID } from 'node:crypto'
import type { JsonObject } from '../operation/define.ts'
import { Refusal } from './exchange.ts'
import { billingDeliveries, checkConfiguration, findDelivery, revenueDeliveries } from './providers.ts'
import type { Configuration, Customer } from './records.ts'
import { findActiveCustomer, now, type Store } from './store.ts'

interface DeliveryChoice {
  readonly configuration?: JsonObject | undefined
  readonly delivery_method?: string | undefined
  readonly delivery_method_id?: string | undefined
}

export interface BillingInput extends DeliveryChoice {
  readonly billing_provider: string
  readonly tax_provider?: string | undefined
}

export interface RevenueInput extends DeliveryChoice {
  readonly provider: string
}

export function buildBilling(customerId: string, input: BillingInput): Configuration {
  const { billing_provider, configuration = {}, delivery_method, delivery_method_id, tax_provider } = input
  checkConfiguration(billing_provider, configuration)
  const choice = { method: delivery_method, id: delivery_method_id }
  const delivery = findDelivery(billingDeliveries, billing_provider, choice)
  return { id: randomUUID(), customer_id: customerId, configuration, delivery, tax_provider, archived_at: null }
}

export function buildRevenue(customerId: string, input: RevenueInput): Configuration {
  const { provider, configuration = {}, delivery_method_id } = input
  checkConfiguration(provider, configuration)
  // There is one way to a revenue system, so it need not be named.
  const choice = { method: 'direct_to_billing_provider', id: delivery_method_id }
  const delivery = findDelivery(revenueDeliveries, provider, choice)
  const asText = Object.fromEntries(
    // Metronome takes numbers here and answers with strings.
    Object.entries(configuration).map(([key, value]) => [key, typeof value === 'number' ? String(value) : value]),
  )
  return { id: randomUUID(), customer_id: customerId, configuration: asText, delivery, archived_at: null }
}

/** The customer that a configuration is added to. */
export function findOwner(store: Store, id: string): Customer {
  // Metronome answers so for a customer that does not exist.
  if (!store.customers.has(id.toLowerCase())) throw new Refusal(500, 'Unexpected internal error')
  return findActiveCustomer(store, id)
}

export function selectConfigurations(
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
export function archiveConfigurations(
  configurations: readonly Configuration[],
  customerId: string,
  ids: readonly string[],
): void {
  const active = selectConfigurations(configurations, customerId)
  const chosen = ids.map((id) => {
    const configuration = active.find((each) => each.id === id.toLowerCase())
    if (!configuration) throw new Refusal(400, `Configuration ${id} is not an active one of customer ${customerId}`)
    return configuration
  })
  const archived_at = now()
  for (const configuration of chosen) configuration.archived_at = archived_at
}
