import * as z from 'zod'
import { acme } from './examples.ts'
import { customerId } from './input-fields.ts'
import { defineRead } from './operation.ts'
import { response } from './output-schemas.ts'

// Metronome's contract lists the first 21; its SDKs add the last two.
const COLORS = [
  'Gray_dark',
  'Gray_medium',
  'Gray_light',
  'Gray_extralight',
  'White',
  'Primary_medium',
  'Primary_light',
  'UsageLine_0',
  'UsageLine_1',
  'UsageLine_2',
  'UsageLine_3',
  'UsageLine_4',
  'UsageLine_5',
  'UsageLine_6',
  'UsageLine_7',
  'UsageLine_8',
  'UsageLine_9',
  'Primary_green',
  'Primary_red',
  'Progress_bar',
  'Progress_bar_background',
  'Action',
  'Action_hover',
] as const

export const getDashboard = defineRead({
  tool: 'get-embeddable-customer-dashboard',
  title: 'Get an embeddable customer dashboard',
  subject: 'Dashboards',
  description:
    'Make a new dashboard link of one customer, for an iframe. The link is a secret: whoever has it sees the data until it expires, at a time that is not documented.',
  method: 'POST',
  path: '/v1/dashboards/getEmbeddableUrl',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    // `credits` is older and exists in the SDKs only.
    dashboard: z.enum(['invoices', 'usage', 'commits_and_credits', 'credits']),
    dashboard_options: z
      .array(z.strictObject({ key: z.string(), value: z.string() }))
      .optional()
      .describe(
        'For invoices: show_zero_usage_line_items (true, false), contract_id, invoice_type (USAGE, SCHEDULED), invoice_status_filter (VOID, FINALIZED, DRAFT, FINALIZED_AND_DRAFT, ALL), billable_status_filter. For credits: hide_grant_name, credit_ledger_credit_type_id.',
      ),
    color_overrides: z
      .array(z.strictObject({ name: z.enum(COLORS).optional(), value: z.string().optional().describe('Hex color.') }))
      .optional()
      .describe('Your own colors.'),
    bm_group_key_overrides: z
      .array(
        z.strictObject({
          group_key_name: z.string(),
          display_name: z.string().optional(),
          value_display_names: z.record(z.string(), z.unknown()).optional().describe('Display name by value.'),
        }),
      )
      .optional()
      .describe('Names shown for billable metric group keys; for usage only.'),
  }),
  output: response(z.looseObject({ url: z.string().optional() })),
  grantsAccess: true,
  example: {
    input: { customer_id: acme.id, dashboard: 'invoices' },
    output: { data: { url: 'https://embeddable-dashboards.metronome.com/customers/invoices/v1?token=example' } },
  },
})
