import type { JsonObject } from '../../src/operation/define.ts'
import { asObject, asObjects } from '../../src/operation/json.ts'
import { operations } from '../../src/operations/index.ts'
import { acme, acmeNetsuite, acmeStripe } from '../../src/operations/samples.ts'
import type { Store } from '../../src/sandbox/store.ts'

/** The ten tools that write, each with arguments that succeed on a new sandbox and change it. */
export const writes: readonly { readonly tool: string; readonly args: JsonObject }[] = [
  {
    tool: 'archive-billing-provider-configurations-customer',
    args: { customer_id: acme.id, customer_billing_provider_configuration_ids: [acmeStripe.id] },
  },
  {
    tool: 'archive-revenue-system-configurations-customer',
    args: { customer_id: acme.id, customer_revenue_system_configuration_ids: [acmeNetsuite.id] },
  },
  {
    tool: 'create-customer',
    args: { name: 'Nova Freight', ingest_aliases: ['nova'], custom_fields: { segment: 'new' } },
  },
  { tool: 'archive-customer', args: { id: acme.id } },
  {
    tool: 'set-customer-billable-status',
    args: { customer_id: acme.id, billable_status: 'unbillable', effective_at: '2026-02-01T00:00:00+02:00' },
  },
  {
    tool: 'create-update-customer-ingest-aliases',
    args: { customer_id: acme.id, ingest_aliases: ['acme-prod', 'acme-eu'] },
  },
  { tool: 'update-customer-name', args: { customer_id: acme.id, name: 'Acme Europe' } },
  { tool: 'update-customer-configuration', args: { customer_id: acme.id, salesforce_account_id: 'sf-new' } },
  {
    tool: 'set-billing-provider-configurations-customer',
    args: {
      data: [
        {
          customer_id: acme.id,
          billing_provider: 'stripe',
          delivery_method: 'direct_to_billing_provider',
          configuration: { stripe_customer_id: 'cus_new', stripe_collection_method: 'send_invoice' },
        },
      ],
    },
  },
  {
    tool: 'set-revenue-system-configurations-customer',
    args: { data: [{ customer_id: acme.id, provider: 'netsuite', configuration: { netsuite_customer_id: 99 } }] },
  },
]

export const writeOperations = operations.filter((op) => op.write)

export function operationOf(tool: string) {
  const op = operations.find((candidate) => candidate.tool === tool)
  if (!op) throw new Error(`no operation ${tool}`)
  return op
}

/** How often the write with this Idempotency-Key was done. */
export function countEffects(store: Store, idempotencyKey: string | undefined): number {
  return store.effects.filter((effect) => effect.idempotencyKey === idempotencyKey).length
}

/** Whether the store shows what the arguments ask for; for writes that overwrite or archive. */
export function isInPlace(store: Store, tool: string, args: JsonObject): boolean {
  const customer = store.customers.get(String(args.customer_id ?? args.id))
  switch (tool) {
    case 'archive-customer':
      return Boolean(customer?.archived_at)
    case 'update-customer-name':
      return customer?.name === String(args.name).slice(0, 160)
    case 'create-update-customer-ingest-aliases':
      return JSON.stringify(customer?.ingest_aliases) === JSON.stringify(args.ingest_aliases)
    case 'update-customer-configuration':
      return asObject(customer).salesforce_account_id === args.salesforce_account_id
    case 'set-customer-billable-status':
      return asObject(customer?.current_billable_status).value === args.billable_status
    case 'archive-billing-provider-configurations-customer':
      return areArchived(store.billing, args.customer_billing_provider_configuration_ids)
    case 'archive-revenue-system-configurations-customer':
      return areArchived(store.revenue, args.customer_revenue_system_configuration_ids)
    default:
      return false
  }
}

function areArchived(configurations: unknown, ids: unknown): boolean {
  const wanted = new Set(Array.isArray(ids) ? ids : [])
  return asObjects(configurations).every(({ id, archived_at }) => !wanted.has(id) || Boolean(archived_at))
}
