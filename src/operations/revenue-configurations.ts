import * as z from 'zod'
import { defineOperation } from '../operation/define.ts'
import { revenueProvider } from './configuration-fields.ts'
import { customerId, openObject, uuid } from './fields.ts'
import { proofOfAddition, proofOfRemoval } from './proof-of-configurations.ts'
import { configuration, reply } from './records.ts'
import { acme, acmeNetsuite } from './samples.ts'

export const fetchRevenueConfigurations = defineOperation({
  tool: 'fetch-revenue-system-configurations-customer',
  title: 'Fetch revenue system configurations for a customer',
  subject: 'Revenue systems',
  description:
    'Get the revenue system configurations of a customer with their ids. An empty list does not prove that the customer exists. Only on accounts that have the feature.',
  method: 'POST',
  path: '/v1/getCustomerRevenueSystemConfigurations',
  hints: { readOnly: true, destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    provider: revenueProvider.optional(),
    include_archived: z.boolean().optional().describe('Archived ones as well.'),
  }),
  output: reply(z.array(configuration)),
  example: { input: { customer_id: acme.id }, output: { data: [acmeNetsuite] } },
})

export const setRevenueConfigurations = defineOperation({
  tool: 'set-revenue-system-configurations-customer',
  title: 'Set revenue system configurations for a customer',
  subject: 'Revenue systems',
  description:
    'Adds revenue system configurations; it replaces and changes none, so a second call adds them twice. Fetch the present ones first. Only on accounts that have the feature.',
  method: 'POST',
  path: '/v1/setCustomerRevenueSystemConfigurations',
  hints: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    data: z
      .array(
        z.strictObject({
          customer_id: customerId,
          provider: revenueProvider,
          configuration: openObject('netsuite_customer_id.'),
          delivery_method_id: uuid.optional().describe('UUID; needed when several deliveries are set up.'),
        }),
      )
      .describe('Configurations to add.'),
  }),
  output: reply(z.array(configuration)),
  write: proofOfAddition(fetchRevenueConfigurations, 'provider'),
  example: {
    input: {
      data: [{ customer_id: acme.id, provider: 'netsuite', configuration: { netsuite_customer_id: '12345' } }],
    },
    output: { data: [acmeNetsuite] },
  },
})

export const archiveRevenueConfigurations = defineOperation({
  tool: 'archive-revenue-system-configurations-customer',
  title: 'Archive revenue system configurations for a customer',
  subject: 'Revenue systems',
  description: 'Irreversible: archives revenue system configurations of a customer at once.',
  method: 'POST',
  path: '/v1/archiveCustomerRevenueSystemConfigurations',
  hints: { readOnly: false, destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    customer_revenue_system_configuration_ids: z
      .array(uuid)
      .describe('Ids from fetch-revenue-system-configurations-customer.'),
  }),
  output: reply(z.looseObject({})),
  write: proofOfRemoval(fetchRevenueConfigurations, 'customer_revenue_system_configuration_ids'),
  example: {
    input: { customer_id: acme.id, customer_revenue_system_configuration_ids: [acmeNetsuite.id] },
    output: { data: { customer_id: acme.id, customer_revenue_system_configuration_ids: [acmeNetsuite.id] } },
  },
})
