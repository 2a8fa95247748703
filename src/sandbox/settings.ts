import { randomBytes } from 'node:crypto'
import { getDashboard } from '../operations/dashboard.ts'
import { setBillableStatus, setCustomerName, updateCustomerConfig } from '../operations/settings.ts'
import { buildCustomer, cutName } from './customers.ts'
import { handle } from './handler.ts'
import { findActiveCustomer, findCustomer, updateCustomer } from './store.ts'

const DASHBOARDS = 'https://embeddable-dashboards.metronome.com'

export const rename = handle(setCustomerName, (store, { customer_id, name }) => {
  const customer = findActiveCustomer(store, customer_id)
  updateCustomer(customer, { name: cutName(name) })
  return { status: 200, body: { data: buildCustomer(customer) } }
})

export const configure = handle(updateCustomerConfig, (store, { customer_id, ...settings }) => {
  const customer = findActiveCustomer(store, customer_id)
  // An absent setting keeps its value, null is one.
  const {
    salesforce_account_id = customer.salesforce_account_id,
    leave_stripe_invoices_in_draft = customer.leave_stripe_invoices_in_draft,
  } = settings
  updateCustomer(customer, { salesforce_account_id, leave_stripe_invoices_in_draft })
  return { status: 200 }
})

export const changeBillableStatus = handle(
  setBillableStatus,
  (store, { customer_id, billable_status, effective_at }) => {
    const customer = findActiveCustomer(store, customer_id)
    updateCustomer(customer, { current_billable_status: { value: billable_status, effective_at } })
    return { status: 200, body: { data: { id: customer.id, current_billable_status: billable_status } } }
  },
)

export const makeDashboard = handle(getDashboard, (store, { customer_id, dashboard }) => {
  findCustomer(store, customer_id)
  const token = randomBytes(24).toString('base64url')
  return { status: 200, body: { data: { url: `${DASHBOARDS}/customers/${dashboard}/v1?token=${token}` } } }
})
