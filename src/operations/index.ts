import {
  archiveBillingConfigurations,
  fetchBillingConfigurations,
  setBillingConfigurations,
} from './billing-configurations.ts'
import { setBillableStatus, setCustomerName, setIngestAliases, updateCustomerConfig } from './customer-settings.ts'
import { archiveCustomer, createCustomer, getCustomer, listCustomers } from './customers.ts'
import { getDashboard } from './dashboards.ts'
import type { Operation } from './operation.ts'
import {
  archiveRevenueConfigurations,
  fetchRevenueConfigurations,
  setRevenueConfigurations,
} from './revenue-configurations.ts'

/** The 15 operations in the order of the specification. */
export const operations: readonly Operation[] = [
  archiveBillingConfigurations,
  archiveRevenueConfigurations,
  listCustomers,
  createCustomer,
  archiveCustomer,
  setBillableStatus,
  getCustomer,
  setIngestAliases,
  setCustomerName,
  updateCustomerConfig,
  getDashboard,
  fetchBillingConfigurations,
  fetchRevenueConfigurations,
  setBillingConfigurations,
  setRevenueConfigurations,
]
