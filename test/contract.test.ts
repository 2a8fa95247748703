import { expect, test } from 'vitest'
import { operations } from '../src/operations/index.ts'
import { connectClient } from './support/mcp.ts'

type Row = [tool: string, method: string, path: string, readOnly: boolean, destructive: boolean, idempotent: boolean]

// Written by hand from the specification, in its order. Never read from the code.
const CONTRACT: readonly Row[] = [
  [
    'archive-billing-provider-configurations-customer',
    'POST',
    '/v1/archiveCustomerBillingProviderConfigurations',
    false,
    false,
    false,
  ],
  [
    'archive-revenue-system-configurations-customer',
    'POST',
    '/v1/archiveCustomerRevenueSystemConfigurations',
    false,
    false,
    false,
  ],
  ['list-customers', 'GET', '/v1/customers', true, false, true],
  ['create-customer', 'POST', '/v1/customers', false, false, false],
  ['archive-customer', 'POST', '/v1/customers/archive', false, false, false],
  ['set-customer-billable-status', 'POST', '/v1/customers/setBillableStatus', false, false, false],
  ['get-customer', 'GET', '/v1/customers/{customer_id}', true, false, true],
  [
    'create-update-customer-ingest-aliases',
    'POST',
    '/v1/customers/{customer_id}/setIngestAliases',
    false,
    false,
    false,
  ],
  ['update-customer-name', 'POST', '/v1/customers/{customer_id}/setName', false, false, false],
  ['update-customer-configuration', 'POST', '/v1/customers/{customer_id}/updateConfig', false, false, false],
  ['get-embeddable-customer-dashboard', 'POST', '/v1/dashboards/getEmbeddableUrl', true, false, false],
  [
    'fetch-billing-provider-configurations-customer',
    'POST',
    '/v1/getCustomerBillingProviderConfigurations',
    true,
    false,
    false,
  ],
  [
    'fetch-revenue-system-configurations-customer',
    'POST',
    '/v1/getCustomerRevenueSystemConfigurations',
    true,
    false,
    false,
  ],
  [
    'set-billing-provider-configurations-customer',
    'POST',
    '/v1/setCustomerBillingProviderConfigurations',
    false,
    false,
    false,
  ],
  [
    'set-revenue-system-configurations-customer',
    'POST',
    '/v1/setCustomerRevenueSystemConfigurations',
    false,
    false,
    false,
  ],
]

test('the operations are those of the specification, in its order', () => {
  const defined = operations.map(({ tool, method, path, hints }) => [
    tool,
    method,
    path,
    hints.readOnly,
    hints.destructive,
    hints.idempotent,
  ])
  expect(defined).toEqual(CONTRACT)
})

test('a client sees the names and the three hints of the specification, in its order', async () => {
  const { mcp } = await connectClient()
  const { tools } = await mcp.listTools()
  const seen = tools.map(({ name, annotations }) => [
    name,
    annotations?.readOnlyHint,
    annotations?.destructiveHint,
    annotations?.idempotentHint,
  ])
  expect(seen).toEqual(CONTRACT.map(([tool, , , ...hints]) => [tool, ...hints]))
})
