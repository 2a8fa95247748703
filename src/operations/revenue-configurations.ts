import * as z from 'zod'
import { revenueKeys, revenueProvider } from './configuration-fields.ts'
import { acme, acmeNetsuite } from './examples.ts'
import { customerId, uuid } from './input-fields.ts'
import { defineRead, defineWrite } from './operation.ts'
import { configuration, documented, response } from './output-schemas.ts'
import { verifyAddition, verifyArchiveConfigurations } from './verify-configurations.ts'

export const fetchRevenueConfigurations = defineRead({
  tool: 'fetch-revenue-system-configurations-customer',
  title: 'Fetch revenue system configurations for a customer',
  subject: 'Revenue systems',
  description:
    'Get the active revenue system configurations of a customer. An empty list does not prove that the customer exists. Only on accounts with the feature.',
  method: 'POST',
  path: '/v1/getCustomerRevenueSystemConfigurations',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    provider: revenueProvider.optional().describe('Only this provider.'),
    include_archived: z.boolean().optional().describe('Also archived configurations.'),
  }),
  output: response(z.array(configuration)),
  documented: response(z.array(documented.revenue)),
  example: { input: { customer_id: acme.id }, output: { data: [acmeNetsuite] } },
})

export const setRevenueConfigurations = defineWrite({
  tool: 'set-revenue-system-configurations-customer',
  title: 'Set revenue system configurations for a customer',
  subject: 'Revenue systems',
  description:
    'Adds revenue system configurations; existing ones stay, so a second call adds duplicates. Fetch them first. A contract must then select the new id. Only on accounts with the feature.',
  method: 'POST',
  path: '/v1/setCustomerRevenueSystemConfigurations',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    data: z
      .array(
        z.strictObject({
          customer_id: uuid,
          provider: revenueProvider,
          configuration: revenueKeys,
          delivery_method_id: uuid.optional(),
        }),
      )
      .min(1)
      .describe('Configurations to add.'),
  }),
  output: response(z.array(configuration)),
  documented: response(z.array(documented.revenue)),
  addsRecords: true,
  verification: verifyAddition(fetchRevenueConfigurations),
  example: {
    input: {
      data: [{ customer_id: acme.id, provider: 'netsuite', configuration: { netsuite_customer_id: '12345' } }],
    },
    output: { data: [acmeNetsuite] },
  },
})

export const archiveRevenueConfigurations = defineWrite({
  tool: 'archive-revenue-system-configurations-customer',
  title: 'Archive revenue system configurations for a customer',
  subject: 'Revenue systems',
  description: 'Irreversible: archives revenue system configurations at once.',
  method: 'POST',
  path: '/v1/archiveCustomerRevenueSystemConfigurations',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    customer_revenue_system_configuration_ids: z.array(uuid).min(1).describe('Ids from the fetch tool.'),
  }),
  output: response(z.looseObject({})),
  documented: response(
    z.looseObject({ customer_id: z.string(), customer_revenue_system_configuration_ids: z.array(z.string()) }),
  ),
  irreversible: {
    customerArgument: 'customer_id',
    configurations: [
      {
        label: 'Revenue system configurations to archive',
        fetch: fetchRevenueConfigurations,
        idsArgument: 'customer_revenue_system_configuration_ids',
      },
    ],
    object: 'these configurations',
    consequences:
      'This takes effect at once; what it means for contracts is not documented, and these tools cannot list them.',
  },
  verification: verifyArchiveConfigurations(fetchRevenueConfigurations, 'customer_revenue_system_configuration_ids'),
  advice: {
    400: 'They may be archived already: check with fetch-revenue-system-configurations-customer and include_archived true.',
  },
  example: {
    input: { customer_id: acme.id, customer_revenue_system_configuration_ids: [acmeNetsuite.id] },
    output: { data: { customer_id: acme.id, customer_revenue_system_configuration_ids: [acmeNetsuite.id] } },
  },
})
