import * as z from 'zod'
import { acme } from './examples.ts'
import { customerId, openEnum } from './input-fields.ts'
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

// The documented ones; any other text is sent as well.
const OPTION_KEYS = ['show_zero_usage_line_items', 'contract_id', 'invoice_type', 'invoice_status_filter']

export const getDashboard = defineRead({
  tool: 'get-embeddable-customer-dashboard',
  title: 'Get an embeddable customer dashboard',
  subject: 'Dashboards',
  description:
    'Create a dashboard URL for one customer, to embed in an iframe. It is a secret: whoever has it sees the data until it expires; when is not documented.',
  method: 'POST',
  path: '/v1/dashboards/getEmbeddableUrl',
  hints: { destructive: false, idempotent: false },
  input: z.strictObject({
    customer_id: customerId,
    // `credits` is older and exists in the SDKs only.
    dashboard: z
      .enum(['invoices', 'usage', 'commits_and_credits', 'credits'])
      .describe('Which one; credits is outdated.'),
    dashboard_options: z
      .array(z.strictObject({ key: openEnum(OPTION_KEYS), value: z.string() }))
      .optional()
      .describe(
        'For invoices only. show_zero_usage_line_items: true or false; invoice_type: USAGE or SCHEDULED; invoice_status_filter: VOID, FINALIZED, DRAFT, FINALIZED_AND_DRAFT or ALL.',
      ),
    color_overrides: z
      .array(z.strictObject({ name: z.enum(COLORS).optional(), value: z.string().optional().describe('Hex color.') }))
      .optional()
      .describe('Color overrides.'),
    bm_group_key_overrides: z
      .array(
        z.strictObject({
          group_key_name: z.string(),
          display_name: z.string().optional(),
          value_display_names: z
            .record(z.string(), z.unknown())
            .meta({ additionalProperties: { type: 'string' } })
            .optional()
            .describe('Display name by value.'),
        }),
      )
      .optional()
      .describe('Names of group keys, for usage only; may be ignored.'),
  }),
  output: response(z.looseObject({ url: z.string().nullish() })),
  documented: response(z.looseObject({ url: z.string().optional() })),
  grantsAccess: true,
  example: {
    input: { customer_id: acme.id, dashboard: 'invoices' },
    output: { data: { url: 'https://embeddable-dashboards.metronome.com/customers/invoices/v1?token=example' } },
  },
})
