import type { JsonObject } from '../operation/define.ts'
import {
  archiveRevenueConfigurations,
  fetchRevenueConfigurations,
  setRevenueConfigurations,
} from '../operations/revenue-configurations.ts'
import { archiveConfigurations, buildRevenue, findOwner, selectConfigurations } from './configurations.ts'
import { handle } from './handler.ts'
import type { Configuration } from './records.ts'

export const setRevenue = handle(setRevenueConfigurations, (store, { data }) => {
  const added = data.map((item) => buildRevenue(findOwner(store, item.customer_id).id, item))
  store.revenue.push(...added)
  return { status: 200, body: { data: added.map(buildRecord) } }
})

export const fetchRevenue = handle(fetchRevenueConfigurations, (store, { customer_id, include_archived, provider }) => {
  const found = selectConfigurations(store.revenue, customer_id, include_archived)
  const wanted = found.filter(({ delivery }) => provider === undefined || delivery.provider === provider)
  return { status: 200, body: { data: wanted.map(buildRecord) } }
})

export const archiveRevenue = handle(archiveRevenueConfigurations, (store, args) => {
  const { customer_id, customer_revenue_system_configuration_ids } = args
  archiveConfigurations(store.revenue, customer_id, customer_revenue_system_configuration_ids)
  return { status: 200, body: { data: { customer_id, customer_revenue_system_configuration_ids } } }
})

function buildRecord({ id, customer_id, configuration, delivery, archived_at }: Configuration): JsonObject {
  return {
    id,
    provider: delivery.provider,
    customer_id,
    configuration,
    delivery_method_id: delivery.id,
    delivery_method: delivery.method,
    delivery_method_configuration: delivery.configuration,
    archived_at,
  }
}
