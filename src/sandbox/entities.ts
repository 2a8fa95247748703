import type { JsonObject } from '../operations/json.ts'

export interface Customer {
  readonly id: string
  name: string
  ingest_aliases: string[]
  readonly custom_fields: Readonly<Record<string, string>>
  salesforce_account_id: string | null
  /** In the order in which they take effect. */
  billable_statuses: readonly BillableStatus[]
  readonly created_at: string
  updated_at: string
  archived_at: string | null
}

export interface BillableStatus {
  readonly value: string
  readonly effective_at: string | null
}

/** A configuration of a billing provider or a revenue system. */
export interface Configuration {
  readonly id: string
  readonly customer_id: string
  readonly configuration: JsonObject
  readonly delivery: DeliveryMethod
  readonly tax_provider?: string | undefined
  readonly unbillable_invoices_configuration?: readonly JsonObject[] | undefined
  archived_at: string | null
}

/** A connection of the sandbox's account to a provider. */
export interface DeliveryMethod {
  readonly id: string
  readonly provider: string
  readonly method: string
  readonly configuration: JsonObject
}
